package schema

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"

	"github.com/boxfile/boxfile/schema/internal/snippet"
)

// The generated files are what the schema says now.
func TestGeneratedIsFresh(t *testing.T) {
	cmd := exec.Command("go", "run", "./internal/gen", "-check")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func oracle(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := snippet.Examples(JSON())
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.ExtractAnnotations = true
	if err := c.AddResource("boxfile.schema.json", bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("boxfile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value is a node as JSON has it, by the same reading of scalars as the validator's.
func value(n *yaml.Node) any {
	switch k := kindOf(n); k {
	case kindMap:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	case kindList:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, value(c))
		}
		return l
	case kindNull:
		return nil
	case kindBool:
		return strings.EqualFold(n.Value, "true")
	case kindInt, kindFloat:
		number := strings.TrimPrefix(n.Value, "+")
		if _, ok := new(big.Rat).SetString(number); !ok {
			return 0.5 // .inf and .nan, which JSON does not have
		}
		return json.Number(number)
	default:
		return n.Value
	}
}

// The generated rules and jsonschema give the same verdict on a document.
func sameVerdict(t *testing.T, s *jsonschema.Schema, data []byte) {
	t.Helper()
	text, c := checkText("f", data, MaxSize)
	if c.errs != nil {
		return
	}
	root := readTree(c, text)
	if c.errs != nil {
		return
	}
	v := &validator{}
	v.check(root, 1, documentName)
	err := s.Validate(value(root))
	if (v.bad == 0) != (err == nil) {
		t.Errorf("the rules found %d problems, jsonschema says %v\n%s", v.bad, err, data)
	}
}

func documents(t testing.TB) [][]byte {
	t.Helper()
	var out [][]byte
	for _, pattern := range []string{"testdata/*.yaml", "../examples/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, bytes.Split(data, []byte("\n---\n"))...)
		}
	}
	return out
}

func TestVerdict(t *testing.T) {
	s := oracle(t)
	docs := documents(t)
	if len(docs) < 20 {
		t.Fatalf("only %d documents", len(docs))
	}
	r := rand.New(rand.NewPCG(1, 1)) // FuzzVerdict goes where this does not
	for _, d := range docs {
		sameVerdict(t, s, d)
		for range 40 { // and on what becomes of it when a line is lost or doubled
			lines := bytes.Split(d, []byte("\n"))
			i, j := r.IntN(len(lines)), r.IntN(len(lines))
			lines[i] = lines[j]
			sameVerdict(t, s, bytes.Join(lines, []byte("\n")))
		}
	}
}

func FuzzVerdict(f *testing.F) {
	for _, d := range documents(f) {
		f.Add(d)
	}
	s := oracle(f)
	f.Fuzz(func(t *testing.T, data []byte) { sameVerdict(t, s, data) })
}

// The automata match what the patterns match.
func TestPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range patterns {
		a := &patterns[i]
		re := regexp.MustCompile(a.source)
		alphabet := []rune("aZ09_.-:/ A CHOWNxéCAP_7é\n\x00")
		for range 20000 {
			word := make([]rune, r.IntN(9))
			for j := range word {
				word[j] = alphabet[r.IntN(len(alphabet))]
			}
			if s := string(word); a.match(s) != re.MatchString(s) {
				t.Fatalf("%s on %q: %v", a.source, s, a.match(s))
			}
		}
	}
}

// The typed document has the schema's properties, no more and no fewer.
func TestTags(t *testing.T) {
	s := oracle(t)
	deref := func(s *jsonschema.Schema) *jsonschema.Schema {
		for s.Ref != nil {
			s = s.Ref
		}
		for _, o := range s.OneOf {
			for o.Ref != nil {
				o = o.Ref
			}
			if len(o.Properties) > 0 {
				return o
			}
		}
		return s
	}
	root := deref(s)
	mount := deref(deref(root.Properties["mounts"]).Items2020)
	for name, c := range map[string]struct {
		typ reflect.Type
		in  *jsonschema.Schema
	}{
		"document": {reflect.TypeFor[Boxfile](), root}, "rootfs": {reflect.TypeFor[Rootfs](), deref(root.Properties["rootfs"])},
		"namespace":  {reflect.TypeFor[Namespace](), deref(deref(root.Properties["namespaces"]).Properties["ipc"])},
		"clocks":     {reflect.TypeFor[Clocks](), deref(deref(root.Properties["namespaces"]).Properties["time"])},
		"network":    {reflect.TypeFor[Network](), deref(root.Properties["network"])},
		"namespaces": {reflect.TypeFor[Namespaces](), deref(root.Properties["namespaces"])}, "idmap": {reflect.TypeFor[IDMap](), deref(root.Properties["idmap"])},
		"mount": {reflect.TypeFor[Mount](), mount}, "security": {reflect.TypeFor[Security](), deref(root.Properties["security"])},
		"input":     {reflect.TypeFor[Input](), deref(root.Properties["inputs"].AdditionalProperties.(*jsonschema.Schema))},
		"resources": {reflect.TypeFor[Resources](), deref(root.Properties["resources"])}, "stop": {reflect.TypeFor[Stop](), deref(root.Properties["stop"])},
		"port":  {reflect.TypeFor[Port](), deref(deref(root.Properties["ports"]).Items2020)},
		"io":    {reflect.TypeFor[IO](), deref(deref(deref(root.Properties["resources"]).Properties["io"]).Items2020)},
		"write": {reflect.TypeFor[Write](), deref(mount.Properties["write"])}, "rlimit": {reflect.TypeFor[Rlimit](), deref(deref(root.Properties["rlimits"]).Properties["as"])},
	} {
		tags := map[string]bool{}
		for i := range c.typ.NumField() {
			if tag := c.typ.Field(i).Tag.Get("yaml"); tag != "" {
				tags[tag] = true
			}
		}
		for p := range c.in.Properties {
			if !tags[p] {
				t.Errorf("%s: no field for the key %s", name, p)
			}
			delete(tags, p)
		}
		for tag := range tags {
			t.Errorf("%s: no key for the field %s", name, tag)
		}
	}
}

// Every key says what it is and gives an example that the schema accepts; the
// defaults are those that the decoding fills in.
func TestSchemaIsDocumented(t *testing.T) {
	var walk func(at string, s *jsonschema.Schema)
	seen := map[*jsonschema.Schema]bool{}
	walk = func(at string, s *jsonschema.Schema) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for name, p := range s.Properties {
			target := p
			for target.Ref != nil {
				target = target.Ref
			}
			if p.Description == "" && target.Description == "" {
				t.Errorf("%s.%s has no description", at, name)
			}
			examples := append(p.Examples, target.Examples...)
			if len(examples) == 0 {
				t.Errorf("%s.%s has no example", at, name)
			}
			for _, e := range examples {
				if err := p.Validate(e); err != nil {
					t.Errorf("%s.%s: its example is wrong: %v", at, name, err)
				}
			}
			walk(at+"."+name, target)
		}
		walk(at, s.Ref)
		walk(at, s.Items2020)
		for _, o := range s.OneOf {
			walk(at, o)
		}
		if a, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			walk(at, a)
		}
	}
	s := oracle(t)
	walk("", s)
	plain, err := Parse("f.yaml", []byte("boxfile: 1\nshell: x\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	written := "boxfile: 1\nshell: x\n"
	for name, p := range s.Properties {
		if p.Default != nil {
			b, _ := json.Marshal(p.Default)
			written += name + ": " + string(b) + "\n"
		}
	}
	said, err := Parse("f.yaml", []byte(written), nil)
	if err != nil {
		t.Fatal(Render(err, false))
	}
	if a, b := unplaced(reflect.ValueOf(*plain)), unplaced(reflect.ValueOf(*said)); !reflect.DeepEqual(a, b) {
		t.Errorf("defaults differ\nsilent: %+v\nsaid:   %+v", a, b)
	}
}

// yaml-language-server, which editors run, takes the first form for the one that was meant
// where none fits: so a misspelt key is named only if the map comes first.
func TestTheMapComesFirst(t *testing.T) {
	for i, r := range rules {
		for j, o := range r.oneOf {
			if j > 0 && rules[o-1].types&kindMap != 0 {
				t.Errorf("rule %d: a map is form %d of a oneOf", i+1, j+1)
			}
		}
	}
}

// unplaced is a value without positions and empty lists.
func unplaced(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Pos]() {
			return nil
		}
		m := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				m[f.Name] = unplaced(v.Field(i))
			}
		}
		return m
	case reflect.Slice:
		var l []any
		for i := range v.Len() {
			l = append(l, unplaced(v.Index(i)))
		}
		return l
	}
	return v.Interface()
}

package render_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
	"github.com/boxfile/boxfile/schema"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	examples = "../../examples"
	golden   = "testdata/golden"
)

var forms = []struct {
	suffix string
	render func(io.Writer, *plan.Plan) error
}{{".txt", render.Text}, {".json", render.JSON}, {".sh", render.Sh}, {".md", render.Markdown}}

func exampleFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d examples (%v)", len(files), err)
	}
	return files
}

func compileExample(t *testing.T, file string) *plan.Plan {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := schema.Parse(filepath.Base(file), data, map[string]string{})
	if err != nil && strings.Contains(string(data), "secret: true") {
		b, err = schema.Parse(filepath.Base(file), data, map[string]string{"TOKEN": "s3cret"})
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := compiler.Compile(b, func(path string) (string, []byte, error) {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), path))
		return path, text, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryExampleHasTheGoldenPlan(t *testing.T) {
	want := map[string]bool{}
	for _, file := range exampleFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		p := compileExample(t, file)
		for _, f := range forms {
			var b bytes.Buffer
			if err := f.render(&b, p); err != nil {
				t.Errorf("%s%s: %v", name, f.suffix, err)
				continue
			}
			if bytes.Contains(b.Bytes(), []byte("s3cret")) {
				t.Errorf("%s%s shows the value of a secret", name, f.suffix)
			}
			path := filepath.Join(golden, name+f.suffix)
			want[filepath.Base(path)] = true
			compare(t, path, b.Bytes())
		}
	}
	files, err := os.ReadDir(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[f.Name()] {
			t.Errorf("%s belongs to no example", f.Name())
		}
	}
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v (go test ./compiler/render -update writes it)", err)
		return
	}
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s:%d: is\n%s\nwant\n%s", path, i+1, a[i], b[i])
			return
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %d lines, want %d", path, len(a), len(b))
	}
}

func TestEveryGoldenScriptIsCleanForShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	scripts, err := filepath.Glob(filepath.Join(golden, "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts (%v)", err)
	}
	if out, err := exec.Command("shellcheck", scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Every key of the language is shown in some example, so that the examples are its documentation.
func TestEveryKeyIsInAnExample(t *testing.T) {
	data, err := os.ReadFile("../../schema/boxfile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	c := &coverage{root: root, seen: map[string]bool{}}
	for _, file := range exampleFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		c.walk(root, "", doc.Content[0])
	}
	keys(root, func(key string) {
		if !c.seen[key] {
			t.Errorf("no example has %s", key)
		}
	})
}

// keys calls f for each property, as "mount.target" or "name".
func keys(root map[string]any, f func(string)) {
	each := func(in string, s map[string]any) {
		props, _ := s["properties"].(map[string]any)
		for name := range props {
			f(in + name)
		}
	}
	each("", root)
	defs, _ := root["$defs"].(map[string]any)
	for name, d := range defs {
		each(name+".", d.(map[string]any))
	}
}

// coverage walks documents along the schema and notes the properties they use.
type coverage struct {
	root map[string]any
	seen map[string]bool
}

func (c *coverage) walk(s map[string]any, in string, n *yaml.Node) {
	if ref, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		c.walk(c.root["$defs"].(map[string]any)[name].(map[string]any), name+".", n)
	}
	for _, word := range []string{"oneOf", "anyOf", "allOf"} {
		list, _ := s[word].([]any)
		for _, o := range list {
			c.walk(o.(map[string]any), in, n)
		}
	}
	switch n.Kind {
	case yaml.SequenceNode:
		if items, ok := s["items"].(map[string]any); ok {
			for _, e := range n.Content {
				c.walk(items, in, e)
			}
		}
	case yaml.MappingNode:
		props, _ := s["properties"].(map[string]any)
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1]
			if p, ok := props[key].(map[string]any); ok {
				c.seen[in+key] = true
				c.walk(p, in+key+".", value)
				continue
			}
			patterns, _ := s["patternProperties"].(map[string]any)
			for _, more := range patterns {
				if more, ok := more.(map[string]any); ok { // not "true"
					c.walk(more, in, value)
				}
			}
			if more, ok := s["additionalProperties"].(map[string]any); ok {
				c.walk(more, in, value)
			}
		}
	}
}

func TestExamplesSayHowToRunThemAndWhatToExpect(t *testing.T) {
	for _, file := range exampleFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"boxfile up examples/" + filepath.Base(file), "Expect ", "\nboxfile: 1\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not have %q", file, want)
			}
		}
		if i := slices.IndexFunc(strings.Split(string(text), "\n"), func(l string) bool { return len(l) > 100 }); i >= 0 {
			t.Errorf("%s:%d is longer than 100 columns", file, i+1)
		}
	}
}

package plan_test

import (
	"bytes"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

func sample() *plan.Plan {
	p := &plan.Plan{Name: "sample", File: "sample.yaml"}
	zero := uint64(0)
	p.Add(&plan.CreateSource{Path: "./cache", Type: "dir"}, plan.Position{Line: 7, Col: 3, Key: "mounts[0].create"})
	p.Add(&plan.CloseFDs{}, plan.Position{})
	p.Add(&plan.Mount{Type: "bind", Source: "./a&b <c>", Target: "/src", ReadOnly: true, Options: []string{"nodev", "nosuid"}}, plan.Position{Line: 6, Col: 5, Key: "mounts[0]"})
	p.Add(&plan.Rlimit{Name: "core", Soft: &zero}, plan.Position{Key: "rlimits.core"})
	p.Add(&plan.Env{Name: "AUTH", Value: []plan.EnvPart{{Text: "Bearer "}, {Secret: "TOKEN"}}}, plan.Position{Line: 9, Col: 3, Key: "env.AUTH"})
	p.Add(&plan.Exec{Args: []string{"/bin/sh", "-c", "true"}}, plan.Position{Line: 11, Col: 1, Key: "shell"})
	return p
}

func digest(t *testing.T, p *plan.Plan) string {
	t.Helper()
	d, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encode(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A digest is written into reviews and pinned by --expect: whatever changes this
// one changes everybody's, and needs another format version.
func TestTheDigestOfAPlanNeverChanges(t *testing.T) {
	const want = "sha256:6947e3f59053cd552a1649677cef615bb20864462c85e238f1de17099f808439"
	if got := digest(t, sample()); got != want {
		t.Errorf("digest is %s, was %s", got, want)
	}
}

func TestTheDigestDoesNotDependOnWhereThingsStandInTheFile(t *testing.T) {
	p := sample()
	p.File = "other.yaml"
	for i := range p.Positions {
		p.Positions[i] = plan.Position{Line: 100 + i, Col: 9}
	}
	if digest(t, p) != digest(t, sample()) {
		t.Error("positions or the file's name entered the digest")
	}
}

func TestEveryOperandEntersTheDigest(t *testing.T) {
	for what, change := range map[string]func(*plan.Plan){
		"name":    func(p *plan.Plan) { p.Name = "other" },
		"operand": func(p *plan.Plan) { p.Steps[2].(*plan.Mount).ReadOnly = false },
		"order":   func(p *plan.Plan) { p.Steps[1], p.Steps[2] = p.Steps[2], p.Steps[1] },
		"secret":  func(p *plan.Plan) { p.Steps[4].(*plan.Env).Value[1] = plan.EnvPart{Text: "TOKEN"} },
		"limit":   func(p *plan.Plan) { p.Steps[3].(*plan.Rlimit).Soft = nil },
		"word":    func(p *plan.Plan) { p.Steps[5].(*plan.Exec).Args = []string{"/bin/sh", "-c true"} },
	} {
		p := sample()
		change(p)
		if digest(t, p) == digest(t, sample()) {
			t.Errorf("another %s has the same digest", what)
		}
	}
}

func TestAPlanReadBackIsTheSame(t *testing.T) {
	p := sample()
	for _, k := range plan.Kinds() { // the zero value of every kind as well
		p.Add(k.New(), plan.Position{})
	}
	text := encode(t, p)
	back, err := plan.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, p) {
		t.Errorf("read back: %+v\nwas: %+v", back, p)
	}
	if again := encode(t, back); again != text {
		t.Errorf("written again:\n%s\nwas:\n%s", again, text)
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct{ what, old, new, want string }{
		{"member of the document", `"format_version"`, `"extra": 1, "format_version"`, "extra"},
		{"member of the plan", `"name": "sample"`, `"name": "sample", "extra": 1`, "extra"},
		{"member of a step", `"path": "./cache"`, `"path": "./cache", "extra": 1`, "step 1: "},
		{"member of a position", `"line": 7`, `"line": 7, "extra": 1`, "extra"},
		{"kind", `"kind": "exec"`, `"kind": "exek"`, `unknown kind "exek"`},
		{"side", `"side": "host"`, `"side": "box"`, "create_source happens on the host side"},
		{"version", `"format_version": 1`, `"format_version": 2`, "version 2"},
		{"end", "\n}\n", "\n}\n{}\n", "follows"},
		{"member twice", `"read_only": true`, `"read_only": false, "read_only": true`, `the member "read_only" is there twice`},
		{"member in two cases", `"read_only": true`, `"READ_ONLY": false, "read_only": true`, `the member "read_only" is there twice`},
		{"member of the document twice", `"format_version"`, `"Digest": "", "format_version"`, `the member "digest" is there twice`},
		{"type", `"read_only": true`, `"read_only": "yes"`, "step 3: "},
	} {
		text := encode(t, sample())
		changed := strings.Replace(text, c.old, c.new, 1)
		if changed == text {
			t.Fatalf("%s: %q is not in\n%s", c.what, c.old, text)
		}
		if _, err := plan.Decode(strings.NewReader(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.what, err, c.want)
		}
	}
}

func TestDecodeRefusesAPlanThatWasEdited(t *testing.T) {
	for old, new := range map[string]string{`"read_only": true`: `"read_only": false`, `"sample"`: `"simple"`, `"sha256:`: `"sha256:0`} {
		text := strings.Replace(encode(t, sample()), old, new, 1)
		if _, err := plan.Decode(strings.NewReader(text)); !errors.Is(err, plan.ErrDigest) {
			t.Errorf("%s: error %v, want ErrDigest", new, err)
		}
	}
}

// Whoever reads a saved plan has to read what runs.
func TestDecodeRefusesAMemberThatIsThereTwice(t *testing.T) {
	text := encode(t, sample())
	for _, c := range []struct{ old, new string }{
		{`"args": [`, `"args": ["true"], "args": [`},
		{`"args": [`, `"\u0061rgs": ["true"], "args": [`},
		{`"args": [`, `"ARG\u017f": ["true"], "args": [`},
		{`"kind": "exec"`, `"kind": "env", "kind": "exec"`},
		{`"digest": "`, `"digest": "sha256:0", "digest": "`},
		{`"format_version": 1`, `"Format_Version": 2, "format_version": 1`},
	} {
		edited := strings.Replace(text, c.old, c.new, 1)
		if edited == text {
			t.Fatalf("%s is not in\n%s", c.old, text)
		}
		if _, err := plan.Decode(strings.NewReader(edited)); err == nil || !strings.Contains(err.Error(), "is there twice") {
			t.Errorf("%s: %v", c.new, err)
		}
	}
}

func TestPositionsMayBeEditedBecauseNobodyRunsThem(t *testing.T) {
	text := strings.Replace(encode(t, sample()), `"line": 7`, `"line": 70`, 1)
	if _, err := plan.Decode(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}

func TestJSONShowsTextAsItIs(t *testing.T) {
	if text := encode(t, sample()); !strings.Contains(text, "a&b <c>") {
		t.Errorf("operands are escaped for HTML:\n%s", text)
	}
}

func TestJSONShowsNothingThatATerminalWouldObey(t *testing.T) {
	p := sample()
	const hostile = "\u202e\u009b31m\x7f\U000e0041\U000e0101e\u0301\u00ad\x1b[31m"
	p.Add(&plan.Exec{Args: []string{hostile}}, plan.Position{})
	text := encode(t, p)
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (!strconv.IsPrint(r) || plan.Blank(r)) }); i >= 0 {
		t.Errorf("%q", text[i:])
	}
	back, err := plan.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := back.Steps[len(back.Steps)-1].(*plan.Exec).Args[0]; got != hostile {
		t.Errorf("%q came back as %q", hostile, got)
	}
}

func TestTheTableOfKindsIsComplete(t *testing.T) {
	methods := reflect.TypeFor[plan.Visitor]()
	rows := plan.Kinds()
	if len(rows) != methods.NumMethod() {
		t.Errorf("%d kinds, %d methods of Visitor", len(rows), methods.NumMethod())
	}
	names, types := map[string]bool{}, map[string]bool{}
	host := true
	for _, k := range rows {
		typ := reflect.TypeOf(k.New()).Elem().Name()
		if names[k.Name] || types[typ] {
			t.Errorf("%s is in the table twice", k.Name)
		}
		names[k.Name], types[typ] = true, true
		if strings.ReplaceAll(k.Name, "_", "") != strings.ToLower(typ) {
			t.Errorf("kind %s is of type %s", k.Name, typ)
		}
		if m, ok := methods.MethodByName(typ); !ok || m.Type.In(0) != reflect.TypeOf(k.New()) {
			t.Errorf("Visitor has no method for %s", typ)
		}
		if got := plan.InfoOf(k.New()); got.Name != k.Name {
			t.Errorf("InfoOf(%s) is %s", k.Name, got.Name)
		}
		if k.Side == plan.Host && !host {
			t.Errorf("%s is done on the host side, after a step of the box", k.Name)
		}
		host = k.Side == plan.Host
	}
}

func TestLimitsAreSaidInTheUnitsOfPeople(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	for want, s := range map[string]interface{ String() string }{
		"memory limit 64 MiB":     &plan.Limit{Resource: "memory", Value: n(64 << 20)},
		"memory limit 1028 KiB":   &plan.Limit{Resource: "memory", Value: n(1052672)},
		"memory limit 4097 bytes": &plan.Limit{Resource: "memory", Value: n(4097)},
		"memory_high limit 1 GiB": &plan.Limit{Resource: "memory_high", Value: n(1 << 30)},
		"swap limit 0":            &plan.Limit{Resource: "swap", Value: n(0), Optional: true},
		"swap unlimited":          &plan.Limit{Resource: "swap"},
		"cpu limit 1.5 CPUs":      &plan.Limit{Resource: "cpus", Value: n(150000)},
		"cpu limit 0.01 CPUs":     &plan.Limit{Resource: "cpus", Value: n(1000)},
		"cpu limit 20 CPUs":       &plan.Limit{Resource: "cpus", Value: n(2000000)},
		"cpu weight 200":          &plan.Limit{Resource: "cpu_weight", Value: n(200)},
		"pids limit 32":           &plan.Limit{Resource: "pids", Value: n(32)},
		`"\x1b" limit 1`:          &plan.Limit{Resource: "\x1b", Value: n(1)},
		"timeout 90s":             &plan.Timeout{After: 90e9},
		"timeout 90m":             &plan.Timeout{After: 5400e9},
		"timeout 24h":             &plan.Timeout{After: 86400e9},
		"timeout 1500ms":          &plan.Timeout{After: 15e8},
		"timeout 7ns":             &plan.Timeout{After: 7},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A string reads in one way only, and what is shown is what strconv.Unquote makes the string of again.
func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"/src": "/src", "": `""`, "a b": `"a b"`, "日本": `"日本"`, "สวัสดี": `"สวัสดี"`, "caf\u00e9": `"café"`, "cafe\u0301": `"cafe\u0301"`, "a\ufe0f": `"a\ufe0f"`,
		"a\U000e0101": `"a\U000e0101"`, "\u3164": `"\u3164"`, "\u202e": `"\u202e"`, "\xff": `"\xff"`, "s\u0336": `"s\u0336"`,
	} {
		got := plan.Literal(text)
		if got != want {
			t.Errorf("%+q is shown as %+q", text, got)
		}
		if back, err := strconv.Unquote(got); got != text && (err != nil || back != text) {
			t.Errorf("%+q came back as %+q: %v", text, back, err)
		}
	}
}

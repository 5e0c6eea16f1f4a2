package format

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/schema"
)

// Each file of testdata is a text, a line "=>", and what becomes of it. "=> same" is one that stays, "=> error" what is said.
func TestFormat(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range strings.Split(string(data), "\n=====") {
			name, chunk, _ := strings.Cut(chunk, "\n")
			t.Run(strings.TrimSpace(name), func(t *testing.T) {
				in, want, ok := strings.Cut(chunk, "\n=>")
				if !ok {
					t.Fatal("no line =>")
				}
				in += "\n"
				how, want, _ := strings.Cut(want, "\n")
				out, err := Format("f.yaml", []byte(in))
				switch strings.TrimSpace(how) {
				case "error":
					if err == nil || !strings.Contains(schema.Render(err, false), strings.TrimSpace(want)) {
						t.Errorf("%v\n%s", err, out)
					}
					return
				case "same":
					want = in
				}
				if err != nil {
					t.Fatal(schema.Render(err, false))
				}
				if strings.TrimRight(string(out), "\n") != strings.TrimRight(want, "\n") {
					t.Errorf("got\n%s\nwant\n%s", out, want)
				}
				sound(t, []byte(in), out)
			})
		}
	}
}

// sound holds a text against what it was formatted from, by other means than check.
func sound(t *testing.T, in, out []byte) {
	t.Helper()
	again, err := Format("f.yaml", out)
	if err != nil || string(again) != string(out) {
		t.Errorf("formatted twice it is\n%s\nnot\n%s (%v)", again, out, err)
	}
	if a, b := words(in), words(out); !slices.Equal(a, b) {
		t.Errorf("words are lost or new:\n%q\n%q", a, b)
	}
	if a, b := digest(in), digest(out); a != b {
		t.Errorf("another plan: %s, was %s\n%s", b, a, out)
	}
}

var spacedColon = regexp.MustCompile(`[ \t]+:(\s)`)

// words are what stands between space, however it is ordered.
func words(text []byte) []string {
	list := strings.Fields(spacedColon.ReplaceAllString(strings.TrimPrefix(string(text), "\ufeff"), ":$1"))
	slices.Sort(list)
	return list
}

// digest is that of the plan, or what is wrong, for files that need inputs.
func digest(text []byte) string {
	b, err := schema.Parse("f.yaml", text, map[string]string{"UID": "0", "GID": "0", "FIRST": "1"})
	if err != nil {
		return "no plan"
	}
	p, err := compiler.Compile(b, func(string) (string, []byte, error) {
		return "s.json", []byte(`{"defaultAction":"SCMP_ACT_ALLOW"}`), nil
	})
	if err != nil {
		return "no plan"
	}
	d, err := p.Digest()
	if err != nil {
		return err.Error()
	}
	return d
}

// The examples are as fmt would write them.
func TestExamplesAreCanonical(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), "examples", err)
	}
	for _, f := range files {
		in, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(in), "# yaml-language-server: $schema=../schema/boxfile.schema.json\n") {
			t.Errorf("%s does not tell editors of the schema", f)
		}
		out, err := Format(f, in)
		if err != nil {
			t.Error(schema.Render(err, false))
		} else if string(out) != string(in) {
			t.Errorf("%s is not canonical: boxfile fmt -w %s", f, f)
		}
		sound(t, in, out)
	}
}

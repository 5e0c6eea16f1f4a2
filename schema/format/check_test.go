package format

import (
	"strings"
	"testing"

	"github.com/boxfile/boxfile/schema"
)

// What formatting must not do is noticed, whatever does it.
func TestAnotherDocumentIsRefused(t *testing.T) {
	const in = "# head\nboxfile: 1\nenv: # about env\n  B: \"1\"\n  A: x\nshell: |\n  a\n"
	o, err := schema.NewOutline("f.yaml", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if err := check("f.yaml", o, []byte(in)); err != nil {
		t.Fatal("the same text: ", err)
	}
	for name, c := range map[string]struct{ old, now, want string }{
		"a comment gone":            {" # about env", "", "would be lost"},
		"a letter of a comment":     {"# head", "# heap", "would be lost"},
		"another value":             {"A: x", "A: y", "would not be the same"},
		"a number for a string":     {`"1"`, "1", "would not be the same"},
		"other quotes":              {`"1"`, "'1'", "would not be the same"},
		"another order of names":    {"  B: \"1\"\n  A: x\n", "  A: x\n  B: \"1\"\n", "would not be the same"},
		"a key gone":                {"  A: x\n", "", "would not be the same"},
		"another end of a text":     {"|\n  a\n", "|-\n  a\n", "would not be the same"},
		"a space within a text":     {"  a\n", "   a\n", "twice"},
		"a wrong file":              {"env:", "evn:", "would not be the same"},
		"a form that is not yet it": {"\n  A: x", "\n\n\n  A: x", "twice"},
	} {
		out := strings.Replace(in, c.old, c.now, 1)
		if out == in {
			t.Fatal(name, ": nothing was changed")
		}
		if err := check("f.yaml", o, []byte(out)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

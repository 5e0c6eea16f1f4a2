package diff_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/diff"
)

var row = regexp.MustCompile(`^(widens|narrows|neutral|both|same)\s+(\S+)\s+\{(.*)\} -> \{(.*)\}$`)

// What each key of the language does to the reach of a box is written down in a
// table, and the way back does the opposite.
func TestEveryKeyHasItsDirections(t *testing.T) {
	table, err := os.ReadFile("testdata/directions.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen, rows := map[string]bool{}, 0
	for i, line := range strings.Split(string(table), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("line %d is no row: %s", i+1, line)
			continue
		}
		want, key, old, new := m[1], m[2], m[3], m[4]
		seen[key], rows = true, rows+1
		if last := key[strings.LastIndex(key, ".")+1:]; !regexp.MustCompile(`\b` + last + `\b`).MatchString(old + " " + new) {
			switch last {
			case "command", "mode", "options", "create":
			default:
				t.Errorf("line %d does not have the key %s", i+1, last)
			}
		}
		forth, back := directionOf(t, old, new), directionOf(t, new, old)
		opposite := map[string]string{"widens": "narrows", "narrows": "widens"}
		if forth != want {
			t.Errorf("line %d: %s\n%s", i+1, forth, line)
		}
		if o := opposite[want]; o != "" && back != o || o == "" && back != want {
			t.Errorf("line %d: the way back %s\n%s", i+1, back, line)
		}
	}
	if rows < 150 {
		t.Errorf("there are %d rows", rows)
	}
	leaves(t, func(key string) {
		if !seen[key] && key != "boxfile" { // it has one value
			t.Errorf("the table has no row for %s", key)
		}
	})
}

func directionOf(t *testing.T, old, new string) string {
	t.Helper()
	d := between(t, old, new)
	switch w, n := d.Has(diff.Widens), d.Has(diff.Narrows); {
	case w && n:
		return "both"
	case w:
		return "widens"
	case n:
		return "narrows"
	case len(d.Changes) > 0:
		return "neutral"
	}
	return "same"
}

// between compares two Boxfiles, of which the words in braces are given.
func between(t testing.TB, old, new string) *diff.Diff {
	t.Helper()
	var plans [2]string
	for i, words := range []string{old, new} {
		plans[i] = "{boxfile: 1"
		if !strings.Contains(words, "shell:") && !strings.Contains(words, "command:") {
			plans[i] += ", command: [ls]"
		}
		if words != "" {
			plans[i] += ", " + words
		}
		plans[i] += "}\n"
	}
	d, err := diff.Compare(compiled(t, "old.yaml", []byte(plans[0]), "testdata"), compiled(t, "new.yaml", []byte(plans[1]), "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// leaves calls f for each key of the schema that has no keys of its own, as
// "mount.target", "rlimits.core" or "name".
func leaves(t *testing.T, f func(string)) {
	t.Helper()
	data, err := os.ReadFile("../../schema/boxfile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Ref        string                     `json:"$ref"`
	}
	var root struct {
		node
		Defs map[string]node `json:"$defs"`
	}
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	var walk func(in string, n node)
	walk = func(in string, n node) {
		for name, raw := range n.Properties {
			var p node
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatal(err)
			}
			ref := root.Defs[strings.TrimPrefix(p.Ref, "#/$defs/")]
			switch {
			case len(p.Properties) > 0:
				walk(in+name+".", p)
			case len(ref.Properties) == 0:
				f(in + name)
			}
		}
	}
	walk("", root.node)
	for name, d := range root.Defs {
		walk(name+".", d)
	}
}

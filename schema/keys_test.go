package schema_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/schema"
)

// The keys are those that boxfile.schema.json describes, whatever form a value has.
func TestKeysAreThoseOfTheSchema(t *testing.T) {
	text, err := os.ReadFile("boxfile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	want := []string{}
	var walk func(v any, name string)
	walk = func(v any, name string) {
		s, _ := v.(map[string]any)
		if ref, ok := s["$ref"].(string); ok {
			walk(doc["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")], name)
		}
		forms, _ := s["oneOf"].([]any)
		for _, f := range forms {
			walk(f, name)
		}
		props, _ := s["properties"].(map[string]any)
		for k, p := range props {
			key := strings.TrimPrefix(name+"."+k, ".")
			want = append(want, key)
			walk(p, key)
		}
		for member, end := range map[string]string{"items": "[]", "additionalProperties": ".*"} {
			if sub, ok := s[member].(map[string]any); ok {
				want = append(want, name+end)
				walk(sub, name+end)
			}
		}
	}
	walk(doc, "")
	slices.Sort(want)
	if got := schema.Keys(); !slices.Equal(got, slices.Compact(want)) || len(got) < 150 {
		t.Errorf("%d keys %q\nnot %d %q", len(got), got, len(want), want)
	}
}

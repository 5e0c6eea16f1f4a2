package snippet

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Editors list an example that is a map, or has one in it, as [object Object], and write it so into a list.
func TestNoExampleOfTheSchemaIsAMap(t *testing.T) {
	text, err := os.ReadFile("../../boxfile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	snippets := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for _, in := range v {
				walk(at, in)
			}
		case map[string]any:
			if b, err := json.Marshal(v["examples"]); err != nil || strings.Contains(string(b), "{") {
				t.Errorf("%s has the examples %s: make it one of defaultSnippets, with a label", at, b)
			}
			list, _ := v["defaultSnippets"].([]any)
			for _, s := range list {
				snippets++
				if s, _ := s.(map[string]any); s["label"] == nil || s["body"] == nil {
					t.Errorf("%s has a snippet without a label or a body", at)
				}
			}
			for name, in := range v {
				if name != "defaultSnippets" {
					walk(at+"/"+name, in)
				}
			}
		}
	}
	walk("", root)
	if snippets == 0 {
		t.Error("there are no snippets")
	}
}

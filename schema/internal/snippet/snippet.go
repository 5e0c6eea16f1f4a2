// Package snippet knows where the schema has its examples. Editors cannot show one that
// is a map, or has one in it: yaml-language-server lists it as [object Object]. Such an
// example is a defaultSnippet, which has a label, and is an example all the same.
package snippet

import (
	"bytes"
	"encoding/json"
)

// Examples returns a JSON Schema in which every body of defaultSnippets is one of
// examples. Of a list, the body is one entry.
func Examples(schema []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	fold(root)
	return json.Marshal(root)
}

func fold(v any) {
	switch v := v.(type) {
	case []any:
		for _, in := range v {
			fold(in)
		}
	case map[string]any:
		for _, in := range v {
			fold(in)
		}
		snippets, _ := v["defaultSnippets"].([]any)
		if len(snippets) == 0 {
			return
		}
		examples, _ := v["examples"].([]any)
		for _, s := range snippets {
			s, _ := s.(map[string]any)
			if v["type"] == "array" {
				examples = append(examples, []any{s["body"]})
				continue
			}
			examples = append(examples, s["body"])
		}
		v["examples"] = examples
	}
}

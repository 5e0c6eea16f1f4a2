package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// reference writes the page of the language. Keys come in the schema's own order.
func reference(root *jsonschema.Schema, order map[string][]string) []byte {
	var b bytes.Buffer
	b.WriteString("# The language\n\nGenerated from `schema/boxfile.schema.json` by `go generate ./schema`.\n\n")
	b.WriteString("A Boxfile is one YAML document. Unknown and duplicate keys, anchors, aliases, merge keys, tags and\nmarks that turn the direction of text are errors; keys that begin with `x-` are yours. Paths of the host begin with `/`, `./` or `../`, and relative ones are relative to the Boxfile's folder. Sizes are\npowers of 1024. Values may contain `${{ inputs.NAME }}`.\n\n")
	section(&b, "", root, order, 2)
	return b.Bytes()
}

func section(b *bytes.Buffer, prefix string, s *jsonschema.Schema, order map[string][]string, level int) {
	for _, name := range keys(s, order) {
		p := s.Properties[name]
		key := prefix + name
		fmt.Fprintf(b, "%s `%s`\n\n", strings.Repeat("#", level), key)
		target := deref(p)
		text := p.Description
		if text == "" {
			text = target.Description
		}
		if text != "" {
			fmt.Fprintf(b, "%s\n\n", text)
		}
		fmt.Fprintf(b, "- type: %s\n", typeWords(target))
		def := p.Default
		if def == nil {
			def = target.Default
		}
		if def != nil {
			fmt.Fprintf(b, "- default: `%s`\n", oneLine(def))
		}
		examples := p.Examples
		if examples == nil {
			examples = target.Examples
		}
		for _, e := range examples {
			fmt.Fprintf(b, "- example: `%s: %s`\n", name, oneLine(e))
		}
		b.WriteString("\n")
		if key == "rlimits" { // sixteen of a kind
			b.WriteString("Each of its keys is a number, a size, `unlimited`, or `{soft: …, hard: …}`.\n\n")
			for _, k := range keys(target, order) {
				fmt.Fprintf(b, "- `%s`: %s\n", k, target.Properties[k].Description)
			}
			b.WriteString("\n")
			continue
		}
		for _, in := range nested(target) {
			suffix := "."
			if in.list {
				suffix = "[]."
			}
			if in.named {
				suffix = ".NAME."
			}
			section(b, key+suffix, in.schema, order, min(level+1, 4))
		}
	}
}

type inner struct {
	schema      *jsonschema.Schema
	list, named bool
}

// nested is the maps that a value may be or hold.
func nested(s *jsonschema.Schema) []inner {
	var out []inner
	for _, o := range append([]*jsonschema.Schema{s}, s.OneOf...) {
		o = deref(o)
		if len(o.Properties) > 0 {
			out = append(out, inner{schema: o})
		}
		if o.Items2020 != nil {
			for _, in := range nested(deref(o.Items2020)) {
				out = append(out, inner{schema: in.schema, list: true})
			}
		}
		if a, ok := o.AdditionalProperties.(*jsonschema.Schema); ok && len(deref(a).Properties) > 0 {
			out = append(out, inner{schema: deref(a), named: true})
		}
	}
	return out
}

func deref(s *jsonschema.Schema) *jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	return s
}

func typeWords(s *jsonschema.Schema) string {
	s = deref(s)
	switch {
	case len(s.OneOf) > 0:
		var out []string
		for _, o := range s.OneOf {
			out = append(out, typeWords(o))
		}
		slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(strings.Index(a, "map"), strings.Index(b, "map")) }) // the long form last
		return strings.Join(out, "; or ")
	case len(s.Enum) > 0:
		var out []string
		for _, e := range s.Enum {
			out = append(out, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(out, ", ")
	case len(s.Constant) > 0:
		return fmt.Sprintf("`%v`", s.Constant[0])
	case s.Items2020 != nil:
		return "list of: " + typeWords(s.Items2020)
	}
	words := map[string]string{"object": "map", "array": "list"}
	out := make([]string, len(s.Types))
	for i, t := range s.Types {
		out[i] = t
		if w := words[t]; w != "" {
			out[i] = w
		}
	}
	return strings.Join(out, " or ")
}

func oneLine(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a value that was decoded from JSON
	return strings.TrimSpace(b.String())
}

// keyOrder lists the keys of every map of the schema in the order of its text, by
// the map's place in the schema: a compiled schema has lost it.
func keyOrder(text []byte) (map[string][]string, error) {
	order := map[string][]string{}
	d := json.NewDecoder(bytes.NewReader(text))
	return order, keysBelow(d, "", order)
}

// keysBelow reads one value, whose place is at.
func keysBelow(d *json.Decoder, at string, order map[string][]string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if in, ok := strings.CutSuffix(at, "/properties"); ok {
				order[in] = append(order[in], key.(string))
			}
			if err := keysBelow(d, at+"/"+key.(string), order); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := keysBelow(d, at+"/"+strconv.Itoa(i), order); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = d.Token() // what closes it
	return err
}

// keys are the properties of a schema, in the order of the text.
func keys(s *jsonschema.Schema, order map[string][]string) []string {
	return order[s.Location[strings.IndexByte(s.Location, '#')+1:]]
}

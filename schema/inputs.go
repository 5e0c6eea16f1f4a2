package schema

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// filler puts the values of inputs into a tree of nodes.
type filler struct {
	errs     *Collector
	declared []Input
	lenient  bool // an input without a value is nothing to tell
	byName   map[string]*Input
	filled   int                      // bytes that inputs have put in
	secrets  map[*yaml.Node][]EnvPart // values of env that hold a secret's name
	failed   map[*yaml.Node]bool      // values that something was said about
}

const (
	openMark  = "${{"
	closeMark = "}}"
)

// declare reads the inputs and gives each its value. Values of secrets stay outside.
func declare(c *Collector, root *yaml.Node, given map[string]string) []Input {
	var out []Input
	node := child(root, "inputs")
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, body := node.Content[i], node.Content[i+1]
		in := Input{Name: Field[string]{key.Value, posOf(key)}}
		for j := 0; body.Kind == yaml.MappingNode && j+1 < len(body.Content); j += 2 {
			v := body.Content[j+1]
			switch body.Content[j].Value {
			case "description":
				in.Description = Field[string]{v.Value, posOf(v)}
			case "default":
				in.Default = Field[string]{v.Value, posOf(v)}
			case "secret":
				in.Secret = Field[bool]{strings.EqualFold(v.Value, "true"), posOf(v)}
			}
		}
		if in.Secret.Value && in.Default.IsSet() {
			c.Add(in.Default.Pos, "remove the default", "a secret input cannot have a default: it would be in the file")
		}
		if !in.Secret.Value {
			in.Value = in.Default.Value
			if v, ok := given[key.Value]; ok {
				in.Value = v
			}
		}
		out = append(out, in)
	}
	return out
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// fillDocument walks everything but the keys that decide what the file is.
func (f *filler) fillDocument(root *yaml.Node, given map[string]string) {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		switch key := root.Content[i].Value; key {
		case "inputs":
		case "boxfile", "name":
			if v := root.Content[i+1]; strings.Contains(v.Value, openMark) {
				f.errs.Add(posOf(v), "", "inputs cannot be used in %s", key)
				f.failed[v] = true
			}
		default:
			f.fill(root.Content[i+1], key == "env", given)
		}
	}
}

func (f *filler) fill(n *yaml.Node, env bool, given map[string]string) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, openMark) && !f.scalar(n, env, given) {
		f.failed[n] = true
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		f.fill(c, env, given)
	}
}

// scalar replaces each ${{ inputs.NAME }} in a value, and reports whether it could.
func (f *filler) scalar(n *yaml.Node, env bool, given map[string]string) bool {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	var parts []EnvPart
	rest := n.Value
	secret, lone := false, false
	for {
		before, after, found := strings.Cut(rest, openMark)
		if before != "" {
			parts = append(parts, EnvPart{Text: before})
		}
		if !found {
			break
		}
		inner, tail, closed := strings.Cut(after, closeMark)
		name, ok := strings.CutPrefix(strings.TrimSpace(inner), "inputs.")
		if !closed || !ok {
			f.errs.Add(posOf(n), "write ${{ inputs.NAME }}", "%q is no use of an input", escape(short(openMark+after)))
			return false
		}
		in := f.lookup(n, name, given)
		if in == nil {
			return false
		}
		lone = before == "" && tail == "" && len(parts) == 0
		if in.Secret.Value {
			secret = true
			parts = append(parts, EnvPart{Secret: name})
		} else {
			parts = append(parts, EnvPart{Text: in.Value})
		}
		rest = tail
	}
	if secret {
		if !env {
			f.errs.Add(posOf(n), "pass it through env", "a secret input can only be used in env: elsewhere it would be in the plan")
			return false
		}
		f.secrets[n] = parts
		n.Style = yaml.DoubleQuotedStyle
		return true
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	n.Value = b.String()
	if !plain || !lone { // a plain value that is one input is typed anew, as if it had been written there
		n.Style = yaml.DoubleQuotedStyle
	}
	return true
}

func (f *filler) lookup(n *yaml.Node, name string, given map[string]string) *Input {
	if f.byName == nil {
		f.byName = make(map[string]*Input, len(f.declared))
		for i := range f.declared {
			f.byName[f.declared[i].Name.Value] = &f.declared[i]
		}
	}
	in := f.byName[name]
	switch {
	case in == nil && f.errs.full():
		return nil
	case in == nil:
		names := make([]string, len(f.declared))
		for i := range f.declared {
			names[i] = f.declared[i].Name.Value
		}
		fix := "declare it under inputs"
		if near := Nearest(name, names); near != "" {
			fix = "write inputs." + near
		}
		f.errs.Add(posOf(n), fix, "input %q is not declared", escape(short(name)))
		return nil
	}
	if _, ok := given[name]; !ok && !in.Default.IsSet() && !in.Secret.Value { // a secret is asked for when the box is run
		if !f.lenient {
			f.errs.Add(posOf(n), "--input "+name+"=VALUE", "input %s has no value and no default", name)
		}
		return nil
	}
	if f.filled += len(in.Value); f.filled > MaxSize {
		f.errs.Add(posOf(n), "", "the inputs make the file larger than %d KiB", MaxSize>>10)
		return nil
	}
	return in
}

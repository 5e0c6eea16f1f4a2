package schema

import "slices"

// Keys are all keys of the language, sorted: "mounts[].source" is one of every entry of
// a list, "env.*" one whose name the file chooses.
func Keys() []string {
	var out []string
	var walk func(number int, name string)
	walk = func(number int, name string) {
		if number == 0 {
			return
		}
		r := &rules[number-1]
		for _, other := range r.oneOf {
			walk(other, name)
		}
		for _, p := range r.props {
			key := p.name
			if name != "" {
				key = name + "." + key
			}
			out = append(out, key)
			walk(p.rule, key)
		}
		if r.items > 0 {
			out = append(out, name+"[]")
			walk(r.items, name+"[]")
		}
		if r.others > 0 {
			out = append(out, name+".*")
			walk(r.others, name+".*")
		}
	}
	walk(1, "")
	slices.Sort(out)
	return slices.Compact(out)
}

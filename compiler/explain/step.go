package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

// askStep answers for a step by its number.
func (v *view) askStep(word string) (*Answer, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 || n > len(v.plan.Steps) {
		return nil, &UnknownError{Word: word, Kind: "step", Has: "the plan has steps 1 to " + strconv.Itoa(len(v.plan.Steps))}
	}
	i := n - 1
	k := plan.InfoOf(v.plan.Steps[i])
	said := fmt.Sprintf("step %d of %d is done on the %s side", n, len(v.plan.Steps), k.Side)
	var at plan.Position
	if i < len(v.plan.Positions) {
		at = v.plan.Positions[i]
	}
	keys := slices.DeleteFunc(slices.Clone(v.keys[i]), func(k string) bool { return k == at.Key })
	switch {
	case !at.IsDefault() && at.Key != "":
		said += ", because " + name(at.Key) + " asks for it"
	case !at.IsDefault():
		said += ", because the file asks for it"
	case at.Key != "":
		said += "; it is a default, which " + name(at.Key) + " would change"
	case len(keys) == 0:
		return &Answer{Asked: "step " + word, Sentence: said + " of every box; no key changes it", Steps: []int{i}}, nil
	}
	if len(keys) > 0 {
		said += "; " + list(keys, 8) + " " + choose(len(keys) == 1, "has", "have") + " a part in it"
	}
	return &Answer{Asked: "step " + word, Sentence: said, Steps: []int{i}}, nil
}

// askKey answers for a key of the Boxfile: which steps come from it.
func (v *view) askKey(word string) (*Answer, error) {
	key, known := knownKey(word)
	if !known {
		return nil, &UnknownError{Word: word, Kind: "key", Near: v.nearKey(word)}
	}
	for asked := key; asked != ""; asked = v.above(asked) {
		if a := v.key(key, asked); a != nil {
			return a, nil
		}
	}
	if i := strings.IndexByte(key, '['); i >= 0 && v.above(key[:i+1]+"0]") == "" {
		list, n := key[:i], 0
		for v.has(fmt.Sprintf("%s[%d]", list, n)) {
			n++
		}
		return nil, &UnknownError{Word: word, Kind: "key", Has: fmt.Sprintf("%s has %s%s", list, choose(n == 1, "1 entry", strconv.Itoa(n)+" entries"), choose(n > 0, ", counted from 0", ""))}
	}
	return &Answer{Asked: "key " + word, Sentence: name(key) + ": no step comes from it" + absent(key)}, nil
}

// above is the key whose steps are those of a key in it too, or "".
func (v *view) above(key string) string {
	if i := strings.LastIndexByte(key, '['); i >= 0 && strings.HasSuffix(key, "]") {
		list := key[:i]
		for _, whole := range [...]string{"command", "groups", ".lower", ".options", ".dns", ".capabilities", "idmap.uids", "idmap.gids", "waive"} { // their entries make no steps of their own
			if strings.HasSuffix(list, whole) {
				return list
			}
		}
		return ""
	}
	i := strings.LastIndexByte(key, '.')
	inside := strings.Contains(key, "].") || strings.HasPrefix(key, "rootfs.") || strings.HasPrefix(key, "namespaces.time.") || strings.HasSuffix(key, ".join")
	if i > 0 && (inside || strings.HasPrefix(key, "rlimits.") && strings.Count(key, ".") == 2) {
		return key[:i]
	}
	return ""
}

// name shows a key, whose brackets are harmless.
func name(key string) string {
	if s := pattern(key); plan.Literal(strings.ReplaceAll(s, "[]", "")) == strings.ReplaceAll(s, "[]", "") {
		return key
	}
	return plan.Literal(key)
}

func (v *view) has(key string) bool {
	return slices.ContainsFunc(v.plan.Positions, func(p plan.Position) bool { return under(p.Key, key) })
}

// under reports whether a key is another or lies in it.
func under(key, other string) bool {
	return key == other || strings.HasPrefix(key, other) && (key[len(other)] == '.' || key[len(other)] == '[')
}

// key is the answer for a key with steps, or nil.
func (v *view) key(said, key string) *Answer {
	var own, part []int
	written := false
	for i, p := range v.plan.Positions {
		switch {
		case under(p.Key, key):
			own = append(own, i)
			written = written || !p.IsDefault()
		case slices.ContainsFunc(v.keys[i], func(k string) bool { return under(k, key) }):
			part = append(part, i)
		}
	}
	if own == nil && part == nil {
		return nil
	}
	sentence := name(said) + ": "
	switch {
	case len(own) == 1:
		sentence += render.Words(v.plan.Steps[own[0]])
	case own != nil:
		sentence += "it decides " + count(len(own), "step")
	default:
		sentence += "it has a part in " + count(len(part), "step") + absent(key)
	}
	if own != nil && !written {
		sentence += "; the file does not say it, this is the default"
	}
	if own != nil && part != nil {
		sentence += "; it has a part in " + steps(part)
	}
	return &Answer{Asked: "key " + said, Sentence: sentence, Steps: sorted(append(own, part...))}
}

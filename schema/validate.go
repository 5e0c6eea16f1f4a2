package schema

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// validator holds a tree of nodes against the rules.
type validator struct {
	errs *Collector
	bad  int // how many problems were found, told or not

	depth   int
	parts   bool                // whether the section that is walked can lose one part and keep the others
	unsound map[*yaml.Node]bool // values with something wrong in them: of the document, or of such a section
	told    map[*yaml.Node]bool // values that something was said about before
}

// partial are the sections whose entries stand on their own.
var partial = [...]string{"devices", "env", "mounts", "namespaces", "ports", "resources", "rlimits", "security"}

// sound is the document without the parts that have something wrong in them, so
// that the decoding can look for more in the others.
func (v *validator) sound(root *yaml.Node) *yaml.Node {
	if v.bad == 0 {
		return root
	}
	out := *root
	out.Content = nil
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if v.unsound[value] {
			continue
		}
		if slices.Contains(partial[:], key.Value) {
			value = v.soundParts(value)
		}
		out.Content = append(out.Content, key, value)
	}
	return &out
}

func (v *validator) soundParts(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = nil
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	for i := 0; i+step <= len(n.Content); i += step {
		if !v.unsound[n.Content[i+step-1]] {
			out.Content = append(out.Content, n.Content[i:i+step]...)
		}
	}
	return &out
}

// child checks a value inside the document or a section, and remembers when it is not sound.
func (v *validator) child(n *yaml.Node, number int, name string) {
	before := v.bad
	if v.told[n] {
		v.bad++
	} else {
		v.check(n, number, name)
	}
	v.note(n, v.bad != before)
}

func (v *validator) note(n *yaml.Node, bad bool) {
	if !bad || v.depth != 1 && (v.depth != 2 || !v.parts) {
		return
	}
	if v.unsound == nil {
		v.unsound = map[*yaml.Node]bool{}
	}
	v.unsound[n] = true
}

func (v *validator) fail(at Pos, fix, format string, args ...any) {
	v.bad++
	if v.errs != nil {
		v.errs.Add(at, fix, format, args...)
	}
}

// check holds a node against rule n. name says what the node is, for messages.
func (v *validator) check(n *yaml.Node, number int, name string) {
	r := &rules[number-1]
	k := kindOf(n)
	if len(r.oneOf) > 0 {
		v.oneOf(n, k, r, name)
		return
	}
	if k == kindFloat && r.types&(kindInt|kindFloat) == kindInt && whole(n.Value) {
		k = kindInt // for JSON Schema 1.0 is an integer; the decoding is stricter
	}
	if !allows(r.types, k) {
		v.fail(posOf(n), wrongKindFix(n, k, r.types, name), "%s has to be %s, not %s", name, r.types.words(), k.words())
		return
	}
	switch k {
	case kindMap:
		v.mapping(n, r, name)
	case kindList:
		v.list(n, r, name)
	default:
		v.scalar(n, k, r, name)
	}
}

func allows(types, k kind) bool { return types == 0 || types&k != 0 }

// wrongKindFix is the nearest right spelling of a value of the wrong kind.
func wrongKindFix(n *yaml.Node, k, want kind, name string) string {
	switch {
	case strings.HasPrefix(name, "ports[") && k&(kindInt|kindFloat) != 0:
		return portNumberFix(n.Value)
	case (name == "timeout" || name == "grace") && k&(kindInt|kindFloat) != 0:
		return "write " + n.Value + "s"
	case name == "signal" && k == kindInt:
		return signalFix(n.Value)
	case want&kindFloat != 0 && k == kindString && want&kindString == 0 && (isInt(n.Value) || isFloat(n.Value)):
		return "write " + n.Value + " without quotes"
	case want&kindInt == 0 && want&kindString != 0 && k&(kindInt|kindFloat|kindBool) != 0:
		return "put it in quotes: \"" + n.Value + "\""
	case want&kindBool != 0 && slices.Contains([]string{"yes", "on", "Yes", "On"}, n.Value):
		return "write true"
	case want&kindBool != 0 && slices.Contains([]string{"no", "off", "No", "Off"}, n.Value):
		return "write false"
	case want&kindList != 0 && k&(kindString|kindInt) != 0:
		return "write a list: [" + n.Value + "]"
	}
	return ""
}

// oneOf picks the alternative for the node's kind: the schema has at most one for each.
func (v *validator) oneOf(n *yaml.Node, k kind, r *rule, name string) {
	var want kind
	for _, o := range r.oneOf {
		if t := rules[o-1].types; allows(t, k) {
			v.check(n, o, name)
			return
		} else {
			want |= t
		}
	}
	v.fail(posOf(n), wrongKindFix(n, k, want, name), "%s has to be %s, not %s", name, want.words(), k.words())
}

func (v *validator) mapping(n *yaml.Node, r *rule, name string) {
	seen := make([]bool, len(r.props))
	v.depth++
	defer func() { v.depth-- }()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at, found := slices.BinarySearchFunc(r.props, key.Value, func(p property, k string) int { return strings.Compare(p.name, k) })
		switch {
		case found:
			seen[at] = true
			if v.depth == 1 {
				v.section(value, r.props[at].rule, key.Value)
			} else {
				v.child(value, r.props[at].rule, key.Value)
			}
		case r.free && strings.HasPrefix(key.Value, "x-"):
		case r.closed:
			v.unknown(key, r, name)
			v.note(value, true)
		default:
			if r.names > 0 && !patterns[r.names-1].match(key.Value) {
				fix := "letters, digits and _, not beginning with a digit"
				if name == "hosts" {
					fix = "letters, digits and -, with dots between them"
				}
				v.fail(posOf(key), fix, "%q is not a possible name in %s", escape(key.Value), name)
				v.note(value, true)
			}
			if r.others > 0 {
				v.child(value, r.others, key.Value)
			}
		}
	}
	for _, want := range r.required {
		at, _ := slices.BinarySearchFunc(r.props, want, func(p property, k string) int { return strings.Compare(p.name, k) })
		if !seen[at] {
			v.fail(posOf(n), "", "%s lacks the key %q", name, want)
		}
	}
}

// section checks a key of the document. One whose entries stand on their own is
// lost as a whole only when it is of the wrong kind.
func (v *validator) section(n *yaml.Node, number int, name string) {
	v.parts = slices.Contains(partial[:], name) && len(n.Content) > 0 && allows(rules[number-1].types, kindOf(n))
	if v.parts {
		v.check(n, number, name)
	} else {
		v.child(n, number, name)
	}
	v.parts = false
}

// unknown tells an unknown key with the nearest known one.
func (v *validator) unknown(key *yaml.Node, r *rule, name string) {
	v.bad++
	if v.errs == nil || v.errs.full() {
		return
	}
	known := make([]string, len(r.props))
	for i, p := range r.props {
		known[i] = p.name
	}
	where := ""
	if name != documentName {
		where = " in " + name
	}
	if near := Nearest(key.Value, known); near != "" {
		v.errs.Add(posOf(key), "write "+near, "unknown key %q%s; did you mean %q?", escape(key.Value), where, near)
		return
	}
	fix := ""
	if len(known) <= 8 {
		fix = "possible are " + oneOfWords(known)
	}
	v.errs.Add(posOf(key), fix, "unknown key %q%s", escape(key.Value), where)
}

const documentName = "the file"

func (v *validator) list(n *yaml.Node, r *rule, name string) {
	if len(n.Content) < r.minItems {
		v.fail(posOf(n), "", "%s needs at least %d entry", name, r.minItems)
	}
	if r.maxItems > 0 && len(n.Content) > r.maxItems {
		v.fail(posOf(n), "", "%s has %d entries, at most %d are possible", name, len(n.Content), r.maxItems)
	}
	v.depth++
	defer func() { v.depth-- }()
	for i, item := range n.Content {
		v.child(item, r.items, name+"["+strconv.Itoa(i)+"]")
	}
}

func (v *validator) scalar(n *yaml.Node, k kind, r *rule, name string) {
	at := posOf(n)
	switch {
	case r.constant != "" && !same(n.Value, r.constant, k):
		v.fail(at, "write "+r.constant, "%s has to be %s, not %s", name, r.constant, escape(short(n.Value)))
		return
	case len(r.enum) > 0 && !r.lists(n.Value, k):
		fix := ""
		if near := Nearest(n.Value, r.enum); near == n.Value {
			fix = "write " + near + " without quotes"
		} else if near != "" {
			fix = "write " + near
		} else if r.types&kindBool != 0 {
			fix = wrongKindFix(n, k, kindBool, name)
		}
		v.fail(at, fix, "%s has to be %s, not %q", name, oneOfWords(r.enum), escape(short(n.Value)))
		return
	}
	switch k {
	case kindString:
		length := utf8.RuneCountInString(n.Value)
		switch {
		case length < r.minLen:
			v.fail(at, "", "%s is empty", name)
		case r.maxLen > 0 && length > r.maxLen:
			v.fail(at, "", "%s has %d characters, at most %d are possible", name, length, r.maxLen)
		case r.pattern > 0 && !patterns[r.pattern-1].match(n.Value):
			v.fail(at, "", "%s cannot be %q: it has to look like %s", name, escape(short(n.Value)), patterns[r.pattern-1].source)
		}
	case kindInt:
		if i, err := strconv.ParseFloat(n.Value, 64); r.bounded && (err != nil || i < float64(r.min) || i > float64(r.max)) {
			v.fail(at, "", "%s is %s; possible are %d to %d", name, short(n.Value), r.min, r.max)
		}
	}
}

// lists reports whether a value is among those of the rule. true and false are themselves without quotes only.
func (r *rule) lists(v string, k kind) bool {
	if k == kindBool {
		v = strings.ToLower(v)
	}
	mixed := r.types&kindBool != 0 && (v == "true" || v == "false")
	return slices.Contains(r.enum, v) && (!mixed || k == kindBool)
}

func whole(v string) bool {
	f, err := strconv.ParseFloat(v, 64)
	return err == nil && f == math.Trunc(f) && !math.IsInf(f, 0)
}

// same compares a value with a constant of the schema, as JSON does: 1.0 is 1.
func same(v, constant string, k kind) bool {
	if k == kindInt {
		f, err := strconv.ParseFloat(v, 64)
		g, err2 := strconv.ParseFloat(constant, 64)
		return err == nil && err2 == nil && f == g
	}
	return v == constant || k == kindBool && strings.EqualFold(v, constant)
}

// short cuts a value that would fill a screen.
func short(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// Nearest is the known word that a misspelt one probably was, or "".
func Nearest(word string, known []string) string {
	best, least := "", min(len(word)/3, 2)+1
	for _, k := range known {
		if strings.EqualFold(k, word) || strings.EqualFold(strings.ReplaceAll(word, "-", "_"), k) || k == word+"s" || word == k+"s" {
			return k
		}
		if d := distance(word, k, least); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours, up to a bound.
func distance(a, b string, bound int) int {
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound || len(a) > 64 {
		return bound
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

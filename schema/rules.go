package schema

//go:generate go run ./internal/gen

// rule is one subschema of boxfile.schema.json, written down by the generator
// as constant data: reading it costs nothing at start-up. Indices into rules and
// patterns are counted from 1, so that 0 is none.
type rule struct {
	types    kind // the kinds of node it allows; 0: any
	required []string
	props    []property // sorted by name
	closed   bool       // no other keys than props, and x- keys if free
	free     bool       // x- keys are allowed
	others   int        // rule of the values of other keys
	names    int        // pattern of keys
	enum     []string
	constant string // the one value, as it is written
	pattern  int
	minLen   int
	maxLen   int // 0: none
	bounded  bool
	min, max int64
	items    int
	minItems int
	maxItems int // 0: none
	oneOf    []int
}

type property struct {
	name string
	rule int
	rank int // its place among the keys of the schema's text, counted from 1
}

// kind is a set of YAML 1.2 core types.
type kind uint8

const (
	kindNull kind = 1 << iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindMap
	kindList
)

// words says a set of kinds.
func (k kind) words() string {
	names := [...]string{"nothing", "true or false", "a whole number", "a number", "a string", "a map", "a list"}
	var out []string
	for i, n := range names {
		if k&(1<<i) != 0 && !(n == "a whole number" && k&kindFloat != 0) {
			out = append(out, n)
		}
	}
	return oneOfWords(out)
}

func oneOfWords(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	s := list[0]
	for i, w := range list[1:] {
		if i == len(list)-2 {
			s += " or " + w
		} else {
			s += ", " + w
		}
	}
	return s
}

// automaton is a pattern of the schema as a table: states times 129 symbols,
// the last of which is any character beyond ASCII. State 0 is dead, 1 the start.
type automaton struct {
	source string
	accept string // a byte for each state: 1 where the text may end
	next   string
}

func (a *automaton) match(s string) bool {
	const symbols = 129
	state := 1
	for _, r := range s {
		c := min(int(r), symbols-1)
		if state = int(a.next[state*symbols+c]); state == 0 {
			return false
		}
	}
	return a.accept[state] == 1
}

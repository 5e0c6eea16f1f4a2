package diff

import (
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// passes is how many keys a step may have.
const passes = 3

// subject is what a review knows of a step: which one it is, and what it says.
type subject struct {
	kind string
	noun string // what one more or one less of it is: "mount"
	name string // which one, in words
	lead string // how a change of what it says begins: "mounts ./src:"
	keys []string
	// grants is the rank of there being such a step: above 0 it gives the box
	// something, below 0 it takes something away, at 0 it does neither.
	grants int64
	attrs  []attr
	with   string           // a kind: a step of it that comes or goes as well tells of this one too
	many   bool             // steps of one origin are told together
	calls  map[string]value // what a filter does with each system call; nil if the plan does not have it
	rest   value            // what it does with all others
}

// attr is one thing that a step says.
type attr struct {
	about string // what it is called behind the lead, or ""
	key   string // which one among those of its step
	value value
	none  value // what it is worth to say nothing of it
	moves bool  // it is said as a move
	aside bool  // left out where the whole step is told
	bare  bool  // told without what it is called there
}

func (s *subject) key(pass int) string {
	if pass >= len(s.keys) {
		return ""
	}
	return s.kind + "\x00" + s.keys[pass]
}

func (s *subject) attr(key string) (attr, bool) {
	for _, a := range s.attrs {
		if a.key == key {
			return a, true
		}
	}
	return attr{}, false
}

func (s *subject) call(name string) value {
	if v, ok := s.calls[name]; ok {
		return v
	}
	return s.rest
}

// text is the whole step in words.
func (s *subject) text() string {
	var more []string
	for _, a := range s.attrs {
		if a.aside || a.value.text == "" {
			continue
		}
		about := strings.TrimSuffix(a.about, ":")
		if a.bare {
			about = ""
		}
		more = append(more, strings.TrimSpace(about+" "+a.value.text))
	}
	if len(more) == 0 {
		return s.name
	}
	return s.name + " (" + strings.Join(more, ", ") + ")"
}

// set is words that are there or not, each as an attribute of its own.
func set(about string, rank int64, words []string) []attr {
	out := make([]attr, len(words))
	for i, w := range words {
		out[i] = attr{about: about, key: about + "\x00" + w, value: value{text: plan.Literal(w), rank: rank}, bare: true}
	}
	return out
}

// describer is the visitor that describes one step. A new kind does not build until it is described.
type describer struct{ *subject }

func describe(s plan.Step) *subject {
	d := describer{&subject{kind: plan.InfoOf(s).Name}}
	_ = s.Accept(d) // describing cannot fail
	if d.lead == "" {
		d.lead = strings.TrimSpace(d.noun + " " + d.name + ":")
	}
	if len(d.keys) == 0 {
		d.keys = []string{"one"} // of which a box has one
	}
	seen := map[string]int{}
	for i := range d.attrs { // a plan that was not compiled here may say things twice
		key := d.attrs[i].key
		if seen[key]++; seen[key] > 1 {
			d.attrs[i].key += "\x00" + strconv.Itoa(seen[key])
		}
	}
	return d.subject
}

// is says which step it is; the most telling key comes first.
func (d describer) is(noun, name string, grants int64, keys ...string) {
	d.noun, d.name, d.grants, d.keys = noun, name, grants, keys
}

// has adds something that the step says.
func (d describer) has(about string, v value) { d.hasOrNot(about, v, value{}) }

// hasOrNot is has, with what it is worth to say nothing.
func (d describer) hasOrNot(about string, v, none value) {
	d.attrs = append(d.attrs, attr{about: about, key: about, value: v, none: none})
}

func (d describer) sets(about string, rank int64, words []string) {
	d.attrs = append(d.attrs, set(about, rank, words)...)
}

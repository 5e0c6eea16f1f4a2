package diff

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// steps compares every step of both sides.
func (c *comparison) steps() {
	for j, s := range c.to.steps {
		if i := c.to.other[j]; i >= 0 {
			c.pair(i, j)
		} else if !c.told(s) {
			c.alone(s, Change{New: s.text(), To: c.to.place(j)})
		}
	}
	for i, s := range c.from.steps {
		if c.from.other[i] < 0 && !c.told(s) {
			c.alone(s, Change{Old: s.text(), From: c.from.place(i)})
		}
	}
}

// told reports whether a step comes or goes with another that is told.
func (c *comparison) told(step *subject) bool {
	if step.with == "" {
		return false
	}
	for _, s := range []*side{c.from, c.to} {
		for i, o := range s.steps {
			if o.kind == step.with && s.other[i] < 0 {
				return true
			}
		}
	}
	return false
}

// alone is a step that only one side has. Where the other side is no box at all, a
// step that takes something away takes it from nobody.
func (c *comparison) alone(s *subject, change Change) {
	one, none := value{rank: s.grants}, value{}
	if c.nothing() {
		one.rank = max(0, one.rank)
	}
	if change.To != nil {
		change.Direction = relate(none, one)
	} else {
		change.Direction = relate(one, none)
	}
	change.Kind, change.About = s.kind, s.noun
	if s.many {
		change.names, change.noun = []string{change.Old + change.New}, s.noun
	}
	c.add(change)
}

// pair compares what two steps say that are the same one.
func (c *comparison) pair(i, j int) {
	from, to := c.from.steps[i], c.to.steps[j]
	said := len(c.changes)
	for _, a := range from.attrs {
		b, ok := to.attr(a.key)
		if !ok {
			b = attr{about: a.about, key: a.key, value: a.none, moves: a.moves}
		}
		c.attr(i, j, a, b)
	}
	for _, b := range to.attrs {
		if _, ok := from.attr(b.key); !ok {
			c.attr(i, j, attr{about: b.about, key: b.key, value: b.none, moves: b.moves}, b)
		}
	}
	if c.filters(i, j); from.calls != nil && to.calls != nil {
		c.calls(i, j, from, to)
	}
	if said == len(c.changes) && !sameJSON(c.from.plan.Steps[i], c.to.plan.Steps[j]) {
		c.add(Change{Direction: Neutral, Kind: to.kind, About: to.lead, Old: "is", New: "is written in another way", From: c.from.place(i), To: c.to.place(j)})
	}
}

func (c *comparison) attr(i, j int, a, b attr) {
	if a.value == b.value {
		return
	}
	s := c.to.steps[j]
	change := Change{
		Direction: relate(a.value, b.value), Kind: s.kind, About: strings.TrimSpace(s.lead + " " + b.about), Old: a.value.text, New: b.value.text,
		From: c.from.place(i), To: c.to.place(j), moves: b.moves,
	}
	if s.many {
		change.names, change.noun = []string{s.name}, s.noun
	}
	if change.Direction == Neutral && a.value.when != b.value.when { // one less, and another more
		change.names = nil // said alone: together goes by what has an old and a new value
		less, more := change, change
		less.Direction, less.New, less.To, less.moves = Narrows, "", nil, false
		more.Direction, more.Old, more.From, more.moves = Widens, "", nil, false
		c.add(more)
		c.add(less)
		return
	}
	c.add(change)
}

// calls compares what two filters do with each system call, and says together what is alike.
func (c *comparison) calls(i, j int, from, to *subject) {
	names := map[string]bool{}
	for n := range from.calls {
		names[n] = true
	}
	for n := range to.calls {
		names[n] = true
	}
	alike := map[Direction][]string{}
	for n := range names {
		a, b := from.call(n), to.call(n)
		switch d := relate(a, b); {
		case a == b:
		case d == Neutral && a.when != b.when:
			name := plan.Literal(n) + " (on other conditions)"
			alike[Widens], alike[Narrows] = append(alike[Widens], name), append(alike[Narrows], name)
		default:
			alike[d] = append(alike[d], plan.Literal(n))
		}
	}
	for _, d := range []Direction{Widens, Narrows, Neutral} {
		list := alike[d]
		sort.Strings(list)
		if from.rest != to.rest && relate(from.rest, to.rest) == d {
			list = slices.Insert(list, 0, "all that are not named")
		}
		if len(list) == 0 {
			continue
		}
		change := Change{Direction: d, Kind: to.kind, About: "system calls", From: c.from.place(i), To: c.to.place(j)}
		switch all := strings.Join(list, ", "); d {
		case Widens:
			change.New = all
		case Narrows:
			change.Old = all
		case Neutral:
			change.Old, change.New = all, "judged in another way"
		}
		c.add(change)
	}
}

// unsaid makes sure that two plans are alike only if their digests are equal.
func (c *comparison) unsaid() error {
	if len(c.changes) > 0 {
		return nil
	}
	from, err := c.from.plan.Digest()
	if err != nil {
		return err
	}
	to, err := c.to.plan.Digest()
	if err != nil || from == to {
		return err
	}
	c.add(Change{Direction: Neutral, Kind: "plan", About: "digest", Old: from, New: to, From: &Place{File: c.from.plan.File}, To: &Place{File: c.to.plan.File}})
	return nil
}

func sameJSON(a, b plan.Step) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}

// together joins changes that say the same of several steps with one origin, as
// of all the paths that a rootfs brings along.
func together(in []Change) []Change {
	var out []Change
	at := map[string]int{}
	for _, c := range in {
		if c.names == nil {
			out = append(out, c)
			continue
		}
		whole := c.Old == "" || c.New == ""
		key := []string{string(c.Direction), c.Kind, c.noun, origin(c.From), origin(c.To)}
		if whole {
			key = append(key, "whole")
		} else {
			key = append(key, strings.TrimPrefix(c.About, c.noun+" "+c.names[0]), c.Old, c.New)
		}
		k := strings.Join(key, "\x00")
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, c)
			continue
		}
		joinChange(&out[i], c, whole)
	}
	return out
}

func joinChange(into *Change, c Change, whole bool) {
	old := strings.Join(into.names, ", ")
	into.names = append(slices.Clone(into.names), c.names...)
	all := strings.Join(into.names, ", ")
	switch {
	case !whole:
		into.About = into.noun + " " + all + strings.TrimPrefix(into.About, into.noun+" "+old)
	case into.Old == "":
		into.New = all
	default:
		into.Old = all
	}
}

func origin(p *Place) string {
	if p == nil {
		return "-"
	}
	return p.At.Key + "\x01" + string(rune(p.At.Line)) + "\x01" + string(rune(p.At.Col))
}

// Package diff says how two plans differ, for the person who reviews a change of
// a Boxfile: what the box may do after it that it could not before, what it no
// longer can, and what is merely different.
//
// It compares plans and never text, so that comments and reformatting are no
// difference, and a default that has changed is one. Two plans are alike exactly
// when their digests are equal. It judges a change by what is asked of the kernel,
// not by how dangerous it is.
package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Direction is what a change does to the box's reach. The way back has the other one.
type Direction string

// A change widens when the box can do more after it, narrows when it can do less,
// and is neutral when neither can be said: another command, another name.
const (
	Widens  Direction = "widens"
	Narrows Direction = "narrows"
	Neutral Direction = "neutral"
)

// Change is one difference. All its strings are escaped as plan.Literal does: they
// may be shown on a terminal as they are.
type Change struct {
	Direction Direction
	Kind      string // of the step, or "plan" for what is said of all
	About     string // what has changed: "mounts ./src:", "memory limit", "capability"
	Old, New  string // the two values; "" where there is nothing on that side
	From, To  *Place // nil where nothing is on that side

	moves bool
	names []string // of steps that may be said together
	noun  string
}

// Place is where a side of a change comes from.
type Place struct {
	Step int // counted from 1, as plan does; 0 for the plan as a whole
	File string
	At   plan.Position
}

// Diff is how New differs from Old.
type Diff struct {
	Old, New *plan.Plan
	Changes  []Change // widening ones first, each direction in the order of the steps

	anchors [][2]plan.Position // where the same step stands in both files
}

// Overall is the direction of the whole: it widens if anything does. "" is no change.
func (d *Diff) Overall() Direction {
	for _, dir := range []Direction{Widens, Narrows, Neutral} {
		if d.Has(dir) {
			return dir
		}
	}
	return ""
}

// Anchor is where a change is to be looked at in the new file: where it stands, or
// else the nearest place before it that both files have. The first line is the last resort.
func (d *Diff) Anchor(c *Change) plan.Position {
	if c.To != nil && !c.To.At.IsDefault() {
		return c.To.At
	}
	best, at := plan.Position{}, plan.Position{Line: 1, Col: 1}
	if c.From == nil || c.From.At.IsDefault() {
		return at
	}
	for _, a := range d.anchors {
		if a[0].Line <= c.From.At.Line && a[0].Line > best.Line {
			best, at = a[0], a[1]
		}
	}
	return at
}

// Compare compares two plans. A plan without steps stands for a file that is not there.
func Compare(from, to *plan.Plan) (*Diff, error) {
	c := &comparison{from: sideOf(from), to: sideOf(to)}
	if from.Name != to.Name && !c.nothing() {
		c.add(Change{Direction: Neutral, Kind: "plan", About: "name", Old: plan.Literal(from.Name), New: plan.Literal(to.Name), From: &Place{File: from.File}, To: &Place{File: to.File}})
	}
	c.match()
	c.steps()
	c.uncovered()
	c.order()
	if err := c.unsaid(); err != nil {
		return nil, err
	}
	all := together(c.changes)
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(rankOf(a.Direction), rankOf(b.Direction)) })
	return &Diff{Old: from, New: to, Changes: all, anchors: c.anchors()}, nil
}

func rankOf(d Direction) int { return slices.Index([]Direction{Widens, Narrows, Neutral}, d) }

// Count is how many changes have a direction.
func (d *Diff) Count(dir Direction) int {
	n := 0
	for i := range d.Changes {
		if d.Changes[i].Direction == dir {
			n++
		}
	}
	return n
}

// Has reports whether any change has a direction.
func (d *Diff) Has(dir Direction) bool { return d.Count(dir) > 0 }

// What says the change in one line: "mounts ./src: read-only → read-write". What comes or
// goes and has a direction is said whole: a long name must not push what follows it out of sight.
func (c *Change) What() string {
	from, to := c.Old, c.New
	if c.Direction == Neutral || from != "" && to != "" {
		from, to = shorten(from, to)
	}
	words := make([]string, 0, 4)
	if c.About != "" {
		words = append(words, c.About)
	}
	switch {
	case c.Old == "":
		words = append(words, "+", to)
	case c.New == "":
		words = append(words, "−", from)
	case c.moves:
		words = append(words, "moves from", from, "to", to)
	default:
		words = append(words, from, "→", to)
	}
	return strings.Join(words, " ")
}

// most is how many letters of a value a line shows.
const most = 160

// shorten cuts two long values to where they begin to differ.
func shorten(a, b string) (string, string) {
	x, y := []rune(a), []rune(b)
	if len(x) <= most && len(y) <= most {
		return a, b
	}
	same := 0
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	start := max(0, same-most/4)
	cut := func(r []rune) string {
		begin, end := min(start, len(r)), min(len(r), start+most)
		s := string(r[begin:end])
		if begin > 0 {
			s = "…" + s
		}
		if end < len(r) {
			s += "…"
		}
		return s
	}
	return cut(x), cut(y)
}

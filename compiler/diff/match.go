package diff

import (
	"sort"

	"github.com/boxfile/boxfile/compiler/plan"
)

// side is one of the two plans, with what is known of its steps.
type side struct {
	plan  *plan.Plan
	steps []*subject
	other []int // the step of the other side that is the same one, or -1
}

func sideOf(p *plan.Plan) *side {
	s := &side{plan: p, steps: make([]*subject, len(p.Steps)), other: make([]int, len(p.Steps))}
	for i, step := range p.Steps {
		s.steps[i], s.other[i] = describe(step), -1
	}
	s.joined()
	return s
}

// joined adds the namespaces that are joined to the step that makes the others.
func (s *side) joined() {
	for i, step := range s.plan.Steps {
		if _, ok := step.(*plan.Unshare); !ok {
			continue
		}
		for _, step := range s.plan.Steps {
			j, ok := step.(*plan.Join)
			if !ok {
				continue
			}
			if _, own := s.steps[i].attr(j.Namespace); !own {
				s.steps[i].attrs = append(s.steps[i].attrs, namespace(j.Namespace, value{text: "one that is joined", rank: takes}))
			}
		}
	}
}

func (s *side) place(i int) *Place {
	p := &Place{Step: i + 1, File: s.plan.File}
	if i < len(s.plan.Positions) {
		p.At = s.plan.Positions[i]
	}
	return p
}

// comparison is two plans on their way to their differences.
type comparison struct {
	from, to *side
	changes  []Change
}

func (c *comparison) add(change Change) { c.changes = append(c.changes, change) }

// nothing reports whether a side stands for a file that is not there.
func (c *comparison) nothing() bool {
	return len(c.from.plan.Steps) == 0 || len(c.to.plan.Steps) == 0
}

// match finds the steps that are the same one on both sides: first by their most
// telling key, then what is left by the next. Steps with the same key are taken in
// their order. Nothing here knows which side is the old one.
func (c *comparison) match() {
	for pass := range passes {
		waiting := map[string][]int{}
		for i, s := range c.from.steps {
			if k := s.key(pass); k != "" && c.from.other[i] < 0 {
				waiting[k] = append(waiting[k], i)
			}
		}
		for j, s := range c.to.steps {
			k := s.key(pass)
			if k == "" || c.to.other[j] >= 0 || len(waiting[k]) == 0 {
				continue
			}
			i := waiting[k][0]
			waiting[k] = waiting[k][1:]
			c.from.other[i], c.to.other[j] = j, i
		}
	}
}

// anchors are the places of the steps that both files ask for.
func (c *comparison) anchors() [][2]plan.Position {
	var out [][2]plan.Position
	for i, j := range c.from.other {
		if j < 0 {
			continue
		}
		if a, b := c.from.place(i).At, c.to.place(j).At; !a.IsDefault() && !b.IsDefault() {
			out = append(out, [2]plan.Position{a, b})
		}
	}
	return out
}

// order says which of the steps that are on both sides come in another order. As
// many as possible are said to have stayed where they are.
func (c *comparison) order() {
	var pairs []int // steps of from, in the order of to
	for _, i := range c.to.other {
		if i >= 0 {
			pairs = append(pairs, i)
		}
	}
	if sort.IntsAreSorted(pairs) {
		return
	}
	stays := longestRise(pairs)
	before := neighbours(c.from)
	after := neighbours(c.to)
	for _, i := range pairs {
		j := c.from.other[i]
		if stays[i] {
			continue
		}
		s := c.to.steps[j]
		c.add(Change{
			Direction: Neutral, Kind: s.kind, About: s.noun + " " + s.name + " comes", Old: "after " + before[i], New: "after " + after[j],
			From: c.from.place(i), To: c.to.place(j),
		})
	}
}

// neighbours names, for each step that is on both sides, the one before it that is too.
func neighbours(s *side) map[int]string {
	out, last := map[int]string{}, "nothing"
	for i, o := range s.other {
		if o >= 0 {
			out[i] = last
			last = s.steps[i].noun + " " + s.steps[i].name
		}
	}
	return out
}

// longestRise is the members of a longest rising subsequence.
func longestRise(list []int) map[int]bool {
	var tops []int // tops[n] is where in list the best rise of n+1 members ends
	before := make([]int, len(list))
	for at, v := range list {
		n := sort.Search(len(tops), func(n int) bool { return list[tops[n]] >= v })
		before[at] = -1
		if n > 0 {
			before[at] = tops[n-1]
		}
		if n == len(tops) {
			tops = append(tops, at)
		} else {
			tops[n] = at
		}
	}
	in := map[int]bool{}
	for at := tops[len(tops)-1]; at >= 0; at = before[at] {
		in[list[at]] = true
	}
	return in
}

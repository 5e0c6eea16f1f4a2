package risk

import (
	"path"

	"github.com/boxfile/boxfile/compiler/plan"
)

// guard is a path that the box cannot write, or not see.
type guard struct {
	step   int
	target string
}

// guards notes paths that a step keeps the box from, as target of the step that is looked at.
func (f *finder) guards(targets ...string) {
	for _, t := range targets {
		f.guarded = append(f.guarded, guard{f.step, t})
	}
}

// movable looks for guards in a directory of the host that the box can write: a
// directory between the two can be renamed, and another put in its place (rename(2)
// refuses no more than what is itself a mount's place).
func (f *finder) movable() {
	places := map[string]bool{} // of mounts, and whether the box can write the host's directory there
	for _, s := range f.plan.Steps {
		switch s := s.(type) {
		case *plan.Mount:
			places[s.Target] = s.Type == "bind" && !s.ReadOnly
		case *plan.File:
			places[s.Target] = false
		case *plan.System:
			places[s.Path] = false
		}
	}
	for _, g := range f.guarded {
		first, at := g.target, path.Dir(g.target)
		writable, ok := places[at]
		for ; !ok && len(at) > 1; writable, ok = places[at] {
			first, at = at, path.Dir(at)
		}
		if writable && first != g.target {
			f.step = g.step
			f.add(movable, "%s, when %s is renamed", g.target, first)
		}
	}
}

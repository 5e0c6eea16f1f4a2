package diff

import (
	"path"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// A mount that lies over a part of another keeps that part out of the box's reach. When
// it goes, the part is there again: that widens, though a mount less narrows.

// tree is what a step brings from the machine to a place of the box.
type tree struct {
	step     int
	target   string
	source   string // "" if it is not one path
	writable bool
}

// cover is a step that lies over a part of a tree.
type cover struct {
	step   int
	target string
	same   bool // it shows what would be there without it, and takes nothing from it
}

// treeOf is what a step brings that another may lie over. The tree of a rootfs is not
// among them: there, what is mounted over is mostly an empty directory.
func treeOf(i int, step plan.Step) (tree, bool) {
	switch s := step.(type) {
	case *plan.System:
		return tree{i, path.Clean(s.Path), path.Clean(s.Path), false}, true
	case *plan.Mount:
		switch s.Type {
		case "bind":
			return tree{i, path.Clean(s.Target), path.Clean(s.Source), !s.ReadOnly}, true
		case "overlay":
			return tree{i, path.Clean(s.Target), "", false}, true
		}
	}
	return tree{}, false
}

// coverOf is the path that a step surely lies over.
func coverOf(step plan.Step) (target string, ok bool) {
	switch s := step.(type) {
	case *plan.File:
		return path.Clean(s.Target), true
	case *plan.Mount:
		return path.Clean(s.Target), !s.Optional && slices.Contains([]string{"bind", "overlay", "tmpfs"}, s.Type)
	}
	return "", false
}

// covers lists, for each tree of a plan by its step, what lies over it. Of the trees at
// one place only the last counts: the others lie below it.
func (s *side) covers() map[int][]cover {
	out, trees := map[int][]cover{}, map[string]tree{}
	for i, step := range s.plan.Steps {
		if target, ok := coverOf(step); ok {
			for at := target; ; at = path.Dir(at) {
				if t, ok := trees[at]; ok {
					out[t.step] = append(out[t.step], cover{i, target, same(step, target, t)})
				}
				if at == path.Dir(at) {
					break
				}
			}
		}
		if t, ok := treeOf(i, step); ok {
			trees[t.target] = t
		}
	}
	return out
}

// same is for a project that is bound read-only, with a folder of it that can be written on top.
func same(step plan.Step, target string, t tree) bool {
	m, ok := step.(*plan.Mount)
	return ok && m.Type == "bind" && t.source != "" && path.Clean(m.Source) == path.Clean(t.source+"/"+strings.TrimPrefix(target, t.target)) && !(m.ReadOnly && t.writable)
}

// uncovered tells which parts of trees that are on both sides lie under something on one side only.
func (c *comparison) uncovered() {
	from, to := c.from.covers(), c.to.covers()
	for i, j := range c.from.other {
		if j < 0 {
			continue
		}
		for _, o := range without(from[i], to[j]) {
			c.add(part(c.to.steps[j], o, Change{Direction: Widens, Old: covered, New: inReach, From: c.from.place(o.step), To: c.to.place(j)}))
		}
		for _, o := range without(to[j], from[i]) {
			c.add(part(c.to.steps[j], o, Change{Direction: Narrows, Old: inReach, New: covered, From: c.from.place(i), To: c.to.place(o.step)}))
		}
	}
}

const (
	covered = "covered by another step"
	inReach = "in reach"
)

func part(s *subject, o cover, change Change) Change {
	change.Kind, change.About = s.kind, s.lead+" "+plan.Literal(o.target)+":"
	return change
}

// without is what of one list no member of the other lies over. One that shows the same
// has nothing to tell, and one that comes in the place of another is told as a mount.
func without(list, other []cover) []cover {
	at := map[string]bool{}
	for _, o := range other {
		at[o.target] = true
	}
	var out []cover
next:
	for _, o := range list {
		for p := o.target; ; p = path.Dir(p) {
			if o.same || at[p] {
				continue next
			}
			if p == path.Dir(p) {
				break
			}
		}
		at[o.target] = true // told once
		out = append(out, o)
	}
	return out
}

package explain

import (
	"path"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// walk is the way to a path of the box, as the kernel goes it: through the links that
// the plan makes, into the mounts that it attaches. Links that lie in what the host
// has are not known here, so the way goes on as if there were none.
type walk struct {
	real    string   // where it ends, or where it cannot go on
	rest    []string // what is left of the path then
	links   []int    // steps of the links it went through
	mount   *mount   // that real lies in
	entry   entry    // what the plan makes at real; no kind: nothing
	end     ending
	systems []*mount // on the way, of which a link on the host would lead elsewhere
	maybes  []*mount // on the way, that may be missing on the host
	mask    *guard
	doubt   bool // it climbs from what only the machine knows to be a directory
}

type ending int

const (
	arrived ending = iota
	beyond         // in what only the machine knows
	missing        // the plan makes everything here, and not this
	noFolder
	hidden // below a mask
	loop
	unfollowed // a link in a mount that follows none
)

const mostLinks = 40 // as the kernel has it, path_resolution(7)

func (v *view) walk(p string, guards []guard) *walk {
	w := &walk{real: "/", mount: v.cover("/"), rest: words(p)}
	for len(w.rest) > 0 && w.end <= beyond {
		name := w.rest[0]
		w.rest = w.rest[1:]
		if name == ".." {
			w.doubt = w.doubt || w.end == beyond || w.mount.at == w.real && !w.mount.known
			w.real = path.Dir(w.real)
			w.enter(v)
			w.look()
			continue
		}
		w.real = strings.TrimSuffix(w.real, "/") + "/" + name
		w.enter(v)
		for i := range guards {
			g := &guards[i]
			switch {
			case !g.mask || !g.is(w.real):
			case len(w.rest) > 0 && w.rest[0] == "..": // out again, if it is a directory
				w.doubt = true
			case len(w.rest) > 0:
				w.mask, w.end = g, hidden
			default:
				w.mask = g
			}
		}
		if w.end <= beyond && w.mask == nil {
			w.look()
		}
	}
	return w
}

// words are the names of a path; a link's text has ".." among them.
func words(p string) []string {
	return slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" || s == "." })
}

func (w *walk) enter(v *view) {
	w.mount = v.cover(w.real)
	w.entry, w.end = w.mount.entries[w.real], arrived
	if w.mount.at != w.real {
		return
	}
	if w.mount.system && !slices.Contains(w.systems, w.mount) {
		w.systems = append(w.systems, w.mount)
	} else if w.mount.maybe && !slices.Contains(w.maybes, w.mount) {
		w.maybes = append(w.maybes, w.mount)
	}
}

// look decides how the way goes on from where it is.
func (w *walk) look() {
	switch {
	case w.entry.kind == "link" && slices.Contains(w.mount.options, "nosymfollow"):
		w.end = unfollowed
	case w.entry.kind == "link" && len(w.links) == mostLinks:
		w.end = loop
	case w.entry.kind == "link":
		w.links = append(w.links, w.entry.step)
		w.rest = append(words(w.entry.text), w.rest...)
		w.real = path.Dir(w.real)
		if path.IsAbs(w.entry.text) {
			w.real = "/"
		}
	case (w.entry.kind == "file" || w.mount.at == w.real && w.mount.file) && len(w.rest) > 0:
		w.end = noFolder
	case w.mount.at == w.real || w.entry.kind != "":
	case w.mount.nature == generated:
		w.end = missing
	default:
		w.end = beyond
	}
}

// resolved are the guards with their paths led through the plan's links.
func (v *view) resolved() []guard {
	out := slices.Clone(v.guards)
	for i, g := range out {
		if w := v.walk(g.path, nil); w.end <= beyond {
			out[i].path = w.real
		}
	}
	return out
}

// readOnly is the step that makes a path read-only from outside of its mount, or -1.
func readOnly(p string, guards []guard) int {
	for _, g := range slices.Backward(guards) {
		if !g.mask && plan.Within(p, g.path) {
			return g.step
		}
	}
	return -1
}

package explain

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Certainty is what a plan can say of something: no, yes, or that only the machine knows.
type Certainty string

// Of a plan.
const (
	No      Certainty = "no"
	Yes     Certainty = "yes"
	Machine Certainty = "machine"
)

// Path is what the plan says of a path of the box, at the start of the command.
type Path struct {
	Path string // as it was asked
	Real string // where the plan's own links lead
	// Systems are paths of this machine's system on the way. The rest holds where none of them is a symbolic link, or missing.
	Systems []string
	// Sources are host paths on the way, or relative to the Boxfile's folder, that are optional. The rest holds where they exist.
	Sources []string

	There    Certainty
	Kind     string // "directory", "file", "device", "link", or "" where only the machine knows
	Masked   bool   // it reads as empty, and nothing can be left there
	Content  string // of a file that the plan writes
	Written  bool   // the plan writes Content
	ReadOnly bool   // the kernel refuses writes, whoever asks
	Options  []string
	Exact    bool // there are no other options, and ReadOnly is all that a mount says about writes
	// Walled means that Landlock refuses writes as well; for an older kernel that is only so where BestEffort is not.
	Walled     bool
	BestEffort bool
	// Files means that a file is read-only here, and a directory is not.
	Files bool
	// Host is the path of this machine that shows there, relative to the Boxfile's folder unless it is absolute.
	Host string
}

// path answers for a path of the box.
func (v *view) path(asked string) *Answer {
	guards := v.resolved()
	w := v.walk(asked, guards)
	p := &Path{Path: asked, Real: w.real, There: w.there(), Kind: w.kind(), Options: w.mount.options, Exact: w.mount.exact, Host: w.host()}
	for _, m := range w.systems {
		p.Systems = append(p.Systems, m.at)
	}
	for _, m := range w.maybes {
		p.Sources = append(p.Sources, m.origin[0])
	}
	if len(w.rest) > 0 && p.There == No && !slices.Contains(w.rest, "..") {
		p.Real = strings.TrimSuffix(w.real, "/") + "/" + strings.Join(w.rest, "/")
	}
	if w.entry.kind == "file" && w.mask == nil && w.end == arrived {
		p.Content, p.Written = w.entry.text, true
	}
	locked := readOnly(w.real, guards)
	p.ReadOnly = w.mount.readOnly || locked >= 0
	p.Files = !p.ReadOnly && w.mount.system && w.mount.at == w.real
	p.Exact = p.Exact && !p.Files
	if w.mask != nil {
		p.Masked, p.ReadOnly, p.Options, p.Exact = true, false, nil, false
	}
	steps := append(w.links, w.mount.step)
	if w.entry.kind != "" && w.mask == nil {
		steps = append(steps, w.entry.step)
	}
	if locked >= 0 {
		steps = append(steps, locked)
	}
	if w.mask != nil {
		steps = append(steps, w.mask.step)
	}
	if v.landlock != nil {
		p.Walled, p.BestEffort = v.walled(w.real), v.landlock.BestEffort
		steps = append(steps, v.wall)
	}
	under := v.under(w)
	a := &Answer{Asked: "path " + p.Path, Path: p, Steps: sorted(append(steps, under...))}
	a.Sentence = v.pathSentence(p, w, locked, under, guards)
	return a
}

func (w *walk) there() Certainty {
	switch {
	case w.mask != nil && w.mask.maybe:
		if w.end == hidden {
			return No
		}
		return Machine
	case w.end == missing, w.end == noFolder, w.end == hidden, w.end == loop, w.end == unfollowed && len(w.rest) > 0:
		return No
	case w.doubt, w.end == beyond, w.mount.system && w.mount.at == w.real, w.entry.maybe && w.mount.at != w.real:
		return Machine
	}
	return Yes
}

func (w *walk) kind() string {
	switch {
	case w.mask != nil:
		return ""
	case w.end == unfollowed:
		return "link"
	case w.end != arrived:
		return ""
	case w.mount.at == w.real && w.mount.what == "device":
		return "device"
	case w.mount.at == w.real && w.mount.file:
		return "file"
	case w.mount.at == w.real && w.mount.known:
		return "directory"
	case w.mount.at == w.real:
		return ""
	}
	return w.entry.kind
}

// host is the path of this machine that shows where the walk ended.
func (w *walk) host() string {
	if len(w.mount.origin) == 0 || w.mask != nil || w.doubt {
		return ""
	}
	return w.mount.hostOf(w.real, 0)
}

// hostOf is where a path of the mount comes from, in one of its layers.
func (m *mount) hostOf(real string, layer int) string {
	below := strings.TrimPrefix(strings.TrimPrefix(real, m.at), "/")
	if below == "" {
		return m.origin[layer]
	}
	return strings.TrimSuffix(m.origin[layer], "/") + "/" + below
}

// walled is whether Landlock refuses writes to a path.
func (v *view) walled(real string) bool {
	for _, l := range v.landlock.Write {
		if plan.Within(real, l.Path) {
			return false
		}
	}
	return !slices.Contains(v.landlock.Devices, real)
}

// under are the steps whose mounts or files lie, out of sight, where another mount shows.
func (v *view) under(w *walk) []int {
	var out []int
	whole := w.mount.at == w.real // then all that lay below is out of sight as well
	for _, m := range v.mounts[:slices.Index(v.mounts, w.mount)] {
		for at, e := range m.entries {
			made := e.kind != "directory" && e.kind != "mount point" || e.perms != ""
			if made && e.step != w.mount.step && (at == w.real && e.kind != "directory" || whole && at != w.real && plan.Within(at, w.real)) {
				out = append(out, e.step)
			}
		}
		if m.at == w.real || whole && plan.Within(m.at, w.real) || len(m.at) > len(w.mount.at) && plan.Within(w.real, m.at) {
			out = append(out, m.step)
		}
	}
	return sorted(out)
}

// below are mounts that show below a path, and that are writable where it is not, or the other way round.
func (v *view) below(w *walk, ro bool, guards []guard) []string {
	var out []string
	for _, m := range v.mounts {
		if m.at == w.real || !plan.Within(m.at, w.real) || v.cover(m.at) != m || m.what == "device" || w.mask != nil || m.what == "proc" {
			continue
		}
		if (m.readOnly || readOnly(m.at, guards) >= 0) != ro {
			out = append(out, m.at)
		}
	}
	for _, g := range guards {
		if !ro && !g.mask && g.path != w.real && plan.Within(g.path, w.real) && !g.maybe {
			out = append(out, g.path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sorted(list []int) []int {
	slices.Sort(list)
	return slices.Compact(list)
}

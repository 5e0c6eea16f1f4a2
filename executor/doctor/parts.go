//go:build linux

package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/program"
)

// part is a row of a list of checks, with the kinds of steps that it is about.
type part struct {
	name     string
	optional bool // many plans have none of it, and get the answer NotNeeded
	kinds    []string
}

const (
	overlay   = "overlay"
	proc      = "proc"
	resources = "resources"
)

// parts are in the order in which they are shown. A kind that is in none is a part
// of its own, and so is every key of resources.
var parts = [...]part{
	{"namespaces", false, []string{"join", "unshare", "clocks", "idmap", "propagation"}},
	{"idmap", true, []string{"idmap_ranges"}},
	{"rootfs", false, []string{"rootfs", "system", "dir", "file", "symlink"}},
	{"rootfs.enter", false, []string{"pivot_root", "chroot"}},
	{overlay, true, []string{"keep"}},
	{proc, false, nil},
	{"devices", false, []string{"dev", "device"}},
	{"mounts", false, []string{"create_source", "mount"}},
	{resources, true, []string{"cgroup"}},
	{"ports", true, []string{"publish", "port_address"}},
	{"network", true, []string{"outbound", "block_loopback"}},
	{"loopback", false, []string{"loopback"}},
	{"hostname", false, []string{"hostname"}},
	{"rlimits", false, []string{"rlimit"}},
	{"security.landlock", true, []string{"landlock"}},
	{"security.seccomp", false, []string{"seccomp"}},
	{"security", false, []string{"mask", "readonly", "capabilities", "no_new_privs", "keyring", "user", "groups", "close_fds", "session", "umask", "init"}},
	{"command", false, []string{"env", "workdir", "exec", "timeout"}},
}

// partOf is the name of the part that a step belongs to.
func partOf(p *plan.Plan, i int) string {
	switch s := p.Steps[i].(type) { // the kinds whose operands say more; the others are in the table
	case *plan.System:
		if s.Write != "none" {
			return overlay
		}
	case *plan.Mount:
		if s.Type == overlay || s.Type == proc {
			return s.Type
		}
	}
	if key, _, _ := strings.Cut(p.Positions[i].Key, "["); strings.HasPrefix(key, resources+".") {
		return key
	}
	kind := plan.InfoOf(p.Steps[i]).Name
	for i := range parts {
		if slices.Contains(parts[i].kinds, kind) {
			return parts[i].name
		}
	}
	return kind
}

// row is a part of one plan.
type row struct {
	name  string
	steps []int
}

// rowsOf is the parts of a plan as they are shown, with the optional ones that it does not have.
func rowsOf(p *plan.Plan) []row {
	steps := map[string][]int{}
	var names []string
	for i := range p.Steps {
		name := partOf(p, i)
		if len(steps[name]) == 0 {
			names = append(names, name)
		}
		steps[name] = append(steps[name], i)
	}
	var out []row
	for i := range parts {
		name := parts[i].name
		if parts[i].optional || len(steps[name]) > 0 {
			out = append(out, row{name, steps[name]})
		}
		if name != resources {
			continue
		}
		for _, n := range names {
			if strings.HasPrefix(n, resources+".") {
				out = append(out, row{n, steps[n]})
			}
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(out, func(r row) bool { return r.name == n }) {
			out = append(out, row{n, steps[n]})
		}
	}
	return out
}

// found is what works, in a few words: what the plan says, and how this machine does it.
func (e *examination) found(steps []int) string {
	var words []string
	add := func(w ...string) {
		for _, w := range w {
			if !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
	}
	for _, i := range steps {
		switch s := e.plan.Steps[i].(type) { // the kinds with something to say
		case *plan.Unshare:
			add(s.Namespaces...)
		case *plan.Join:
			add(s.Namespace + " of " + s.Path)
		case *plan.IDMapRanges:
			add(s.Mode)
		case *plan.Rootfs:
			add(s.Source, strings.TrimPrefix(s.Type, "dir"))
		case *plan.System:
			add("this machine's programs")
		case *plan.Dev:
			add(s.Nodes...)
		case *plan.Device:
			add(s.Path)
		case *plan.Mount:
			add(s.Target)
		case *plan.Rlimit:
			add(s.Name)
		case *plan.Landlock:
			add(fmt.Sprintf("ABI %d", s.ABI))
		case *plan.Seccomp:
			add(s.Profile)
		case *plan.Loopback:
			add("lo")
		case *plan.Hostname:
			add(s.Name)
		case *plan.Exec:
			add(s.Args[0])
		case *plan.PivotRoot, *plan.Chroot, *plan.Capabilities, *plan.NoNewPrivs, *plan.Mask, *plan.Readonly:
			add(plan.InfoOf(s).Name)
		case fmt.Stringer:
			add(s.String())
		}
	}
	for i := range e.program.Host {
		h := &e.program.Host[i]
		if !slices.Contains(steps, e.original(h.Step)) {
			continue
		}
		switch h.Kind {
		case program.WriteMap:
			add(h.Maps.UIDTool, h.Maps.GIDTool)
		case program.Attach:
			add(h.Helper.Path)
		case program.SetLimit:
			add(fmt.Sprintf("cgroup v%d", e.program.Host[h.Group].Cgroup.Version))
		default: // the plan says it
		}
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return strings.Join(words, ", ")
}

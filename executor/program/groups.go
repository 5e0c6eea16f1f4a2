//go:build linux

package program

import (
	"fmt"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
)

// group is where a controller's limits of the box go.
type group struct {
	version int
	op      int      // the host op that makes the cgroup
	denied  *Refusal // or why there is none
}

// findGroups decides for every controller that the plan needs in which cgroup its
// limits hold, and has the host side make those cgroups.
func (l *lowering) findGroups(name string, wanted []string) {
	l.groups = make(map[string]group, len(wanted)+1)
	var v2 []string
	for _, c := range wanted {
		h := l.hierarchy(1, c)
		if h == nil {
			v2 = append(v2, c)
			continue
		}
		l.placeV1(name, c, h)
	}
	l.placeV2(name, v2)
}

// hierarchy finds the one that has a controller; on v2 it may turn out not to.
func (l *lowering) hierarchy(version int, controller string) *host.Hierarchy {
	if version == 1 {
		controller = nameV1(controller)
	}
	for i := range l.facts.Cgroups.Hierarchies {
		h := &l.facts.Cgroups.Hierarchies[i]
		if h.Version == version && (version == 2 || slices.Contains(h.Controllers, controller)) {
			return h
		}
	}
	return nil
}

// placeV1: below the caller's own cgroup, so that its limits hold for the box too.
func (l *lowering) placeV1(name, controller string, h *host.Hierarchy) {
	for _, g := range l.groups { // cpu and cpuacct may be one hierarchy
		if g.denied == nil && g.version == 1 && len(h.Levels) > 0 && l.prog.Host[g.op].Cgroup.Parent == h.Levels[0].Dir {
			l.groups[controller] = g
			l.prog.Host[g.op].Cgroup.Controllers = append(l.prog.Host[g.op].Cgroup.Controllers, controller)
			return
		}
	}
	if no := l.reachable(controller, h); no != nil {
		l.groups[controller] = group{version: 1, denied: no}
		return
	}
	own := &h.Levels[0]
	if !own.Writable {
		fix := "run boxfile as root, or boot with systemd.unified_cgroup_hierarchy=1 to have cgroup v2"
		if l.facts.UID == 0 { // of a user namespace
			fix = "run boxfile outside of the container or user namespace that it is in"
		}
		l.groups[controller] = group{version: 1, denied: &Refusal{Fix: fix,
			Cause: fmt.Sprintf("controller %s is on cgroup v1, where user %d may not make cgroups below %s", controller, l.facts.UID, own.Dir)}}
		return
	}
	op := &CgroupOp{Version: 1, Parent: own.Dir, Name: name, Controllers: []string{controller}}
	if slices.Contains(h.Controllers, "cpuset") { // mounted alone or with others
		op.Prepare = [][2]string{{"cpuset.mems", own.Mems}, {"cpuset.cpus", own.CPUs}}
	}
	l.prog.Regs++
	op.Tasks = l.prog.Regs
	l.groups[controller] = group{version: 1, op: l.host(HostOp{Kind: MakeCgroup, Cgroup: op})}
}

// reachable says why a hierarchy is of no use to anybody here.
func (l *lowering) reachable(controller string, h *host.Hierarchy) *Refusal {
	switch {
	case len(h.Levels) == 0:
		return &Refusal{Cause: fmt.Sprintf("%s does not show boxfile's own cgroup %s", h.Mount, h.Own), Fix: "start the outer container with a cgroup namespace of its own"}
	case h.ReadOnly:
		return &Refusal{Cause: fmt.Sprintf("%s, which has controller %s, is mounted read-only, as in a container", h.Mount, controller),
			Fix: "give the outer container a writable " + h.Mount}
	}
	return nil
}

// placeV2: all that v2 has are in one cgroup. It goes into the caller's own
// cgroup where the caller is alone there, as in a scope of systemd's, so that
// the limits of that hold for the box too; otherwise beside it, below the
// nearest cgroup that has every controller; otherwise into a scope.
func (l *lowering) placeV2(name string, wanted []string) {
	whole := l.prog.Plan // files of cgroup.* need the cgroup but no controller
	bare := slices.ContainsFunc(whole.Steps, func(s plan.Step) bool {
		f, ok := s.(*plan.CgroupFile)
		return ok && controllerOf(f) == ""
	})
	if len(wanted) == 0 && !bare {
		return
	}
	all := wanted
	if bare {
		all = append(slices.Clone(wanted), "")
	}
	deny := func(why func(c string) *Refusal) {
		for _, c := range all {
			l.groups[c] = group{version: 2, denied: why(c)}
		}
	}
	h := l.hierarchy(2, "")
	if h == nil {
		deny(func(c string) *Refusal { return noController(c, "cgroup v2 is not mounted") })
		return
	}
	if h.ReadOnly || len(h.Levels) == 0 {
		deny(func(c string) *Refusal { return l.reachable(c, h) })
		return
	}
	best, has := bestLevel(h.Levels, wanted)
	scope := l.facts.Cgroups.Scope
	inScope := false
	if s := common(wanted, scope.Controllers); scope.Bus != "" && (best < 0 || len(s) > len(has)) {
		best, has, inScope = -1, s, true
	}
	if best < 0 && !inScope || len(has) == 0 && !bare {
		deny(func(c string) *Refusal { return l.notDelegated(c, h) })
		return
	}
	op := &CgroupOp{Version: 2, Mount: h.Mount, Name: name, Controllers: has, Leave: inScope}
	if inScope {
		l.host(HostOp{Kind: AskScope, Path: scope.Bus, Name: name})
	}
	if !inScope {
		at := &h.Levels[best]
		op.Parent, op.Leave = at.Dir, at.Alone && !at.Root
		op.Missing = slices.DeleteFunc(slices.Clone(has), func(c string) bool { return slices.Contains(at.Enabled, c) })
	} else {
		op.Missing = has
	}
	g := group{version: 2, op: l.host(HostOp{Kind: MakeCgroup, Cgroup: op})}
	for _, c := range all {
		l.groups[c] = g
		if c != "" && !slices.Contains(has, c) {
			l.groups[c] = group{version: 2, denied: l.notDelegated(c, h)}
		}
	}
}

// bestLevel is the nearest level at which most of the controllers are to be had, and these.
func bestLevel(levels []host.Level, wanted []string) (int, []string) {
	best, has := -1, []string(nil)
	for i := range levels {
		at := &levels[i]
		if !at.Writable || i == 0 && !at.Root && !at.Alone {
			continue
		}
		give := at.Enabled
		if !at.Occupied || at.Root || i == 0 {
			give = at.Controllers
		}
		if c := common(wanted, give); best < 0 || len(c) > len(has) {
			best, has = i, c
		}
	}
	return best, has
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// notDelegated says why no cgroup with a controller can be had on v2.
func (l *lowering) notDelegated(c string, h *host.Hierarchy) *Refusal {
	top, own := &h.Levels[len(h.Levels)-1], &h.Levels[0]
	run := InScope(l.facts.UID)
	switch {
	case c != "" && !slices.Contains(top.Controllers, c):
		return noController(c, "it is not in "+top.Dir+"/cgroup.controllers")
	case c != "" && l.facts.UID != 0 && (l.facts.Cgroups.Scope.Bus != "" || own.Writable) && !slices.Contains(l.delegated(own), c):
		return &Refusal{Cause: fmt.Sprintf("controller %s is not delegated to user %d, only %s", c, l.facts.UID, orNone(l.delegated(own))),
			Fix: `sudo sh -c 'd=/etc/systemd/system/user@.service.d; mkdir -p $d; printf "[Service]\nDelegate=cpu cpuset io memory pids\n" > $d/delegate.conf; systemctl daemon-reload', and log in again`}
	case own.Writable && own.Occupied && !own.Root:
		return &Refusal{Cause: fmt.Sprintf("other processes are in %s, and cgroup v2 limits only what is below a cgroup without processes (no internal processes)", own.Dir), Fix: run}
	case l.facts.UID == 0:
		return &Refusal{Cause: fmt.Sprintf("no cgroup from %s up to %s can be written to", own.Dir, top.Dir), Fix: "give the outer container a writable " + h.Mount}
	}
	return &Refusal{Cause: fmt.Sprintf("%s and what is above it are not delegated to user %d", own.Dir, l.facts.UID), Fix: run}
}

// InScope is the command that runs boxfile in a cgroup where it is alone.
func InScope(uid int) string {
	if uid == 0 {
		return "systemd-run --scope -p Delegate=yes boxfile up FILE"
	}
	return "systemd-run --user --scope -p Delegate=yes boxfile up FILE"
}

func (l *lowering) delegated(own *host.Level) []string {
	if s := l.facts.Cgroups.Scope; s.Bus != "" {
		return s.Controllers
	}
	return own.Controllers
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// noController: the kernel or whoever booted it left it out.
func noController(c, cause string) *Refusal {
	r := &Refusal{Cause: "this machine has no controller " + c + ": " + cause, Fix: "boot a kernel that has it"}
	if c == "memory" {
		r.Fix = "boot with cgroup_enable=memory"
	}
	if c == "" {
		r.Cause = cause
	}
	return r
}

//go:build linux

package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// Unenforced is a limit that the file lets go, and why this machine does not enforce it.
type Unenforced struct {
	Step int
	Why  string
}

// Cgroup makes the box's cgroups, and has the child join those of v1. A child of
// v2 is born in its own. The cgroup namespace is entered only now: its root is
// the cgroup that the process is in at that moment.
func (l *lowering) Cgroup(s *plan.Cgroup) error {
	l.bestEffort = s.BestEffort
	l.findGroups(l.prog.Plan.Name, controllersOf(l.prog.Plan))
	if l.prog.Ends = s.Ends; s.Ends {
		l.endsBy()
	}
	for i := range len(l.prog.Host) {
		c := l.prog.Host[i].Cgroup
		if c == nil || l.prog.Host[i].Kind != MakeCgroup {
			continue
		}
		l.inCgroup = true
		for _, at := range [...]string{"", "box/"} { // a new cpuset of v1 is empty, and takes no processes
			for _, f := range c.Prepare {
				l.host(HostOp{Kind: SetLimit, Group: i, Path: at + f[0], Value: f[1]})
			}
		}
		if c.Version == 2 {
			l.prog.Flags |= unix.CLONE_INTO_CGROUP
			continue
		}
		l.op(start, callWrite, reg(c.Tasks), text("0"), num(1)).expect(1)
	}
	return nil
}

// lacks refuses a limit, or lets it go where the file says so.
func (l *lowering) lacks(what, cause, fix string) error {
	if l.bestEffort {
		l.letGo(cause)
		return nil
	}
	return l.refuse(cause, fix, "cannot enforce the %s", what)
}

// letGo notes what is not enforced.
func (l *lowering) letGo(cause string) {
	if u := (Unenforced{l.step, cause}); !slices.Contains(l.prog.Unenforced, u) { // once for all bounds of a disk
		l.prog.Unenforced = append(l.prog.Unenforced, u)
	}
}

// set has the host side write a file of the box's cgroup and read it back.
func (l *lowering) set(what, controller, file, value string, more ...func(*HostOp)) error {
	g, ok := l.groups[controller]
	if !ok {
		return l.refuse("", "", "the plan has a limit and no cgroup before it")
	}
	if g.denied != nil {
		return l.lacks(what, g.denied.Cause, g.denied.Fix)
	}
	op := HostOp{Kind: SetLimit, Group: g.op, Path: file, Value: value, BestEffort: l.bestEffort}
	for _, m := range more {
		m(&op)
	}
	l.host(op)
	return nil
}

// Limit writes one number.
func (l *lowering) Limit(s *plan.Limit) error {
	what := s.String()
	c := controllerOf(s)
	g := l.groups[c]
	f, ok := limitFileOf(max(1, g.version), s.Resource)
	if !ok {
		return l.refuse("", "", "limit %q is not known", s.Resource)
	}
	if g.denied != nil {
		return l.lacks(what, g.denied.Cause, g.denied.Fix)
	}
	if f.none != "" {
		return l.lacks(what, f.none, "use cgroup v2, or remove "+s.Resource)
	}
	var more []func(*HostOp)
	value := ""
	switch {
	case s.Resource == "swap" && g.version == 1:
		var err error
		if value, err = l.memoryAndSwap(s); err != nil || value == "" {
			return err
		}
	case s.Value == nil:
		value = unlimited[max(1, g.version)]
	default:
		value = f.value(*s.Value)
	}
	if s.Value != nil && c == "memory" {
		more = append(more, func(op *HostOp) { op.Pages = true })
	}
	if s.Optional && !l.facts.Cgroups.Swap {
		more = append(more, func(op *HostOp) { op.IfThere = true })
	}
	return l.set(what, c, f.file, value, more...)
}

// memoryAndSwap is v1's bound of both together; the plan has them apart.
func (l *lowering) memoryAndSwap(s *plan.Limit) (string, error) {
	if s.Value == nil {
		return unlimited[1], nil
	}
	for _, other := range l.prog.Plan.Steps {
		if m, ok := other.(*plan.Limit); ok && m.Resource == "memory" && m.Value != nil {
			return decimal(*m.Value + *s.Value), nil
		}
	}
	return "", l.lacks(s.String(), "cgroup v1 limits swap only together with memory", "set memory too, or use cgroup v2")
}

// CPUSet names processors, all of which have to be there.
func (l *lowering) CPUSet(s *plan.CPUSet) error {
	if online := l.facts.Cgroups.Online; online != "" {
		if absent := firstAbsent(s.CPUs, online); absent != "" {
			return l.lacks(s.String(), "this machine has no CPU "+absent+", only "+online, "name CPUs of "+online)
		}
	}
	what := s.String()
	if g := l.groups["cpuset"]; g.denied == nil && g.version == 1 { // the lower one first: it may not have more than the upper
		if err := l.set(what, "cpuset", "box/cpuset.cpus", s.CPUs); err != nil {
			return err
		}
	}
	return l.set(what, "cpuset", "cpuset.cpus", s.CPUs)
}

// firstAbsent is the first processor of a list that another does not have.
func firstAbsent(list, of string) string {
	have := map[int]bool{}
	eachCPU(of, func(n int) bool { have[n] = true; return true })
	absent := ""
	eachCPU(list, func(n int) bool {
		if !have[n] {
			absent = strconv.Itoa(n)
		}
		return absent == ""
	})
	return absent
}

// eachCPU goes through a list such as "0-2,5" until f says no.
func eachCPU(list string, f func(n int) bool) {
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		for n := a; err1 == nil && err2 == nil && n <= b; n++ {
			if !f(n) {
				return
			}
		}
	}
}

// IO bounds a disk.
func (l *lowering) IO(s *plan.IO) error {
	what := s.String()
	d := l.facts.Disks[s.Device]
	if d.Why != "" {
		return l.refuse(d.Why, "name a disk such as /dev/sda, or a path on one", "cannot find the disk of %s", s.Device)
	}
	disk := fmt.Sprintf("%d:%d", d.Major, d.Minor)
	if other, ok := l.disks[disk]; ok {
		return l.refuse(other+" and "+s.Device+" are on disk "+disk+", and its bounds can be set once", "write one entry for both", "cannot enforce the %s", what)
	}
	if l.disks == nil {
		l.disks = map[string]string{}
	}
	l.disks[disk] = s.Device
	g := l.groups["io"]
	bounds := ""
	for _, f := range ioFiles {
		n := f.get(s)
		if n == nil {
			continue
		}
		if g.version == 1 {
			if err := l.set(what, "io", "box/"+f.v1, disk+" "+decimal(*n), own); err != nil {
				return err
			}
		}
		bounds += " " + f.v2 + "=" + decimal(*n)
	}
	if g.version != 1 && bounds != "" {
		if err := l.set(what, "io", "io.max", disk+bounds); err != nil {
			return err
		}
	}
	if s.Weight == nil {
		return nil
	}
	if g.version == 1 && *s.Weight > 1000 {
		return l.lacks(what, "weights of cgroup v1 go from 1 to 1000", "set a weight up to 1000")
	}
	if g.version == 1 {
		return l.set(what, "io", "blkio.bfq.weight_device", disk+" "+decimal(*s.Weight))
	}
	return l.set(what, "io", "io.weight", disk+" "+decimal(*s.Weight))
}

// own: v1's blkio does not pass limits down, so they are set where the box is.
func own(op *HostOp) { op.Own = true }

// OOM makes the cgroup one for the kernel's killer.
func (l *lowering) OOM(s *plan.OOM) error {
	if s.Kill != "box" {
		return l.refuse("", "", "oom: %q is not known", s.Kill)
	}
	if g := l.groups["memory"]; g.denied == nil && g.version == 1 {
		return l.lacks(s.String(), "cgroup v1 cannot end a cgroup as a whole", "use cgroup v2, or remove oom")
	}
	return l.set(s.String(), "memory", "memory.oom.group", "1")
}

// CgroupFile writes a file of v2 as it is.
func (l *lowering) CgroupFile(s *plan.CgroupFile) error {
	c := controllerOf(s)
	if g := l.groups[c]; g.version == 1 {
		return l.lacks(s.String(), "files of unified are cgroup v2's, and controller "+c+" is on cgroup v1 here", "use cgroup v2")
	}
	return l.set(s.String(), c, s.File, s.Value, func(op *HostOp) { op.Verbatim = true })
}

// Timeout is kept by boxfile, beside the box.
func (l *lowering) Timeout(s *plan.Timeout) error {
	return l.end(HostOp{Kind: EndAfter, After: time.Duration(s.After), Grace: time.Duration(s.Grace)}, s.Signal)
}

// Stop is kept by boxfile, too.
func (l *lowering) Stop(s *plan.Stop) error {
	return l.end(HostOp{Kind: EndWhenAsked, Grace: time.Duration(s.Grace)}, s.Signal)
}

// end has the host side end the box by a signal.
func (l *lowering) end(op HostOp, name string) error {
	n := unix.SignalNum("SIG" + name)
	if n == 0 {
		return l.refuse("", "", "signal %q is not known", name)
	}
	op.Signal = int(n)
	l.host(op)
	return nil
}

//go:build linux

package program

import "golang.org/x/sys/unix"

// A box that shares its pid namespace does not end with its first process. Two
// descriptors are kept in that one, right above the control socket: cgroup.procs of
// the box's cgroup tells who is left to be killed, and with pids.max nobody in it can fork any more.

// ends is how many descriptors of these there are.
func (l *lowering) ends() int64 {
	if l.prog.Ends {
		return 2
	}
	return 0
}

// endsBy chooses the cgroup that the box ends through: the one that counts its processes.
func (l *lowering) endsBy() {
	g, ok := l.groups["pids"]
	if !ok || g.denied != nil {
		return // the limit of processes is in the plan too, and is refused
	}
	c := l.prog.Host[g.op].Cgroup
	l.prog.Regs += 2
	c.Max, c.Box = l.prog.Regs-1, l.prog.Regs
}

// keepEnds puts them where they are kept.
func (l *lowering) keepEnds() {
	if !l.prog.Ends {
		return
	}
	for i := range l.prog.Host {
		if c := l.prog.Host[i].Cgroup; c != nil && c.Box != 0 {
			defer l.during(l.prog.Host[i].Step)()
			// in the order in which they were opened, so that neither goes where the other still is
			for n, fd := range [...]Reg{c.Max, c.Box} {
				l.op(start, callDup3, reg(fd), regPlus(Control, int64(n)+1), named(unix.O_CLOEXEC, openFlags)).tolerate(unix.EINVAL, 0) // it is there
			}
		}
	}
}

// outlive has process 1 live on when boxfile dies, to end the box before itself, and
// collect orphans, which would otherwise go to the machine's.
func (l *lowering) outlive() {
	if !l.prog.Ends {
		return
	}
	l.op(settle, callPrctl, named(unix.PR_SET_CHILD_SUBREAPER, prctls), num(1), num(0), num(0), num(0))
	l.op(settle, callPrctl, named(unix.PR_SET_PDEATHSIG, prctls), num(0), num(0), num(0), num(0))
}

//go:build linux

package program

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// namespaceWords maps a plan's words to clone(2)'s flags.
var namespaceWords = []Value{{unix.CLONE_NEWUSER, "user"}, {unix.CLONE_NEWNS, "mount"}, {unix.CLONE_NEWPID, "pid"}, {unix.CLONE_NEWNET, "network"},
	{unix.CLONE_NEWIPC, "ipc"}, {unix.CLONE_NEWUTS, "uts"}, {unix.CLONE_NEWCGROUP, "cgroup"}, {unix.CLONE_NEWTIME, "time"}}

func (l *lowering) namespaceFlag(word string) (uint64, error) {
	for _, v := range namespaceWords {
		if v.Name == word {
			return v.Num, nil
		}
	}
	return 0, l.refuse("", "", "namespace %q is not known", word)
}

// staged reports whether a plan needs a child before process 1.
func staged(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s plan.Step) bool {
		switch s.(type) { // the two kinds that change what the next child is in
		case *plan.Join, *plan.Clocks:
			return true
		}
		return false
	})
}

// joined is a namespace to join, and the step that asks for it.
type joined struct {
	Join
	step  int
	below bool
}

// Join has the host side open the namespace and look whether it is one of that type.
func (l *lowering) Join(s *plan.Join) error {
	flag, err := l.namespaceFlag(s.Namespace)
	if err != nil {
		return err
	}
	n := l.facts.Namespaces[s.Path]
	message := "cannot " + Words(s) + ": "
	switch {
	case n.Err != nil:
		return l.unjoinable(message, s.Path, n.Err)
	case n.Type != flag:
		word := fmt.Sprintf("%#x", n.Type)
		for _, v := range namespaceWords {
			if v.Num == n.Type {
				word = v.Name
			}
		}
		return l.refuse("", "name a namespace of type "+s.Namespace, "%sit is a namespace of type %s", message, word)
	case n.Own:
		return l.refuse("", "leave namespaces.user out, or write host", "%sit is the one that boxfile is in", message)
	}
	l.prog.Regs++
	j := joined{Join{flag, l.prog.Regs}, l.step, n.Below}
	op := HostOp{Kind: OpenNS, Path: s.Path, Join: j.Join}
	if !path.IsAbs(s.Path) {
		op.Folder = l.facts.Folder
	}
	l.host(op)
	l.joins = append(l.joins, j)
	return nil
}

// unjoinable says why there is no such namespace.
func (l *lowering) unjoinable(message, p string, err error) error {
	inProc := strings.HasPrefix(p, "/proc/")
	switch {
	case errors.Is(err, host.ErrNoNamespace):
		return l.refuse("", "write a path such as /proc/PID/ns/net, or where such a file is bind-mounted", "%s%v", message, err)
	case errors.Is(err, unix.ENOENT) && inProc:
		return l.refuse("", "write the id of a process that runs", "%sit does not exist", message)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return l.refuse("", "", "%sit does not exist", message)
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV):
		return l.refuse("", "write the path that the link leads to", "%sthe path goes through a symbolic link that may not be followed", message)
	case forbidden(err) && inProc && l.facts.UID != 0:
		return l.refuse("the process is not yours, or cannot be traced", "run boxfile as root, or as the user whose process it is", "%snot permitted", message)
	}
	return l.refuse(err.Error(), "", "%sit cannot be opened", message)
}

func forbidden(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

// Unshare makes new namespaces. Most often these are flags of the fork: the kernel
// makes the user namespace first, and it owns the others. After namespaces are
// joined it is a call of its own.
func (l *lowering) Unshare(s *plan.Unshare) error {
	var flags uint64
	for _, w := range s.Namespaces {
		flag, err := l.namespaceFlag(w)
		if err != nil {
			return err
		}
		flags |= flag
	}
	l.ownUser, l.unshareStep = flags&unix.CLONE_NEWUSER != 0, l.step
	l.userNS = l.ownUser || slices.ContainsFunc(l.joins, func(j joined) bool { return j.Type == unix.CLONE_NEWUSER })
	if !l.userNS && l.facts.UID != 0 {
		return l.refuse(fmt.Sprintf("boxfile runs as user %d", l.facts.UID), "remove namespaces.user, or run as root", "namespaces.user: host needs root")
	}
	if l.inCgroup && flags&unix.CLONE_NEWCGROUP != 0 { // a fork would make the parent's cgroup its root
		flags &^= unix.CLONE_NEWCGROUP
		l.op(start, callUnshare, named(unix.CLONE_NEWCGROUP, namespaceFlags))
	}
	if !l.staged {
		l.prog.Flags |= flags
		return nil
	}
	l.join()
	if flags != 0 {
		l.op(stage, callUnshare, named(flags, namespaceFlags))
	}
	return nil
}

// join enters the namespaces. Those that the user namespace to be joined does not own
// come before it, while the caller's rights are there, and the others after it, when
// rights over them are.
func (l *lowering) join() {
	enter := func(which func(j *joined) bool) {
		for i := range l.joins {
			if j := &l.joins[i]; which(j) {
				restore := l.during(j.step)
				l.op(stage, callSetns, reg(j.Door), named(j.Type, namespaceFlags))
				if j.Type == unix.CLONE_NEWUSER { // nobody else could make files there, and 0 is nobody of the host's
					l.op(stage, callSetresgid, num(0), num(0), num(0)).tolerate(unix.EINVAL, 0)
					l.op(stage, callSetresuid, num(0), num(0), num(0)).tolerate(unix.EINVAL, 0)
					l.undumpable() // where fs.suid_dumpable is 1, new ids have undone it, proc(5)
				}
				restore()
			}
		}
	}
	user := func(j *joined) bool { return j.Type == unix.CLONE_NEWUSER }
	if !l.ownUser { // whoever is root in there must not trace who still has a way to the host (CVE-2016-9962)
		restore := l.during(-1)
		l.undumpable()
		restore()
	}
	enter(func(j *joined) bool { return !user(j) && !j.below })
	enter(user)
	enter(func(j *joined) bool { return !user(j) && j.below })
}

// undumpable keeps others from tracing the process before process 1, and it after that.
func (l *lowering) undumpable() {
	l.op(stage, callPrctl, named(unix.PR_SET_DUMPABLE, prctls), num(0), num(0), num(0), num(0))
}

// Clocks sets those of the time namespace that the next child will be in.
func (l *lowering) Clocks(s *plan.Clocks) error {
	const second = 1e9
	text := fmt.Sprintf("monotonic %d %d\nboottime %d %d\n", s.Monotonic/second, s.Monotonic%second, s.Boottime/second, s.Boottime%second)
	l.writeProcIn(stage, "/proc/self/timens_offsets", text)
	return nil
}

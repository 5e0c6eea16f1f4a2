//go:build linux

package program

import (
	"fmt"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// Versions of Landlock's ABI that brought something, landlock(7).
const (
	landlockRefer    = 2
	landlockTruncate = 3
	landlockNet      = 4 // not used; the structure grew
	landlockIoctl    = 5
	landlockScope    = 6
)

// What may be done to files, and to directories and what is in them.
const (
	landlockRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockFile  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockFirst = unix.LANDLOCK_ACCESS_FS_REFER - 1 // all rights of version 1
)

// Landlock is done at the end.
func (l *lowering) Landlock(s *plan.Landlock) error {
	l.landlock, l.landlockStep = s, l.step
	return nil
}

// buildLandlock makes the rules while the command's process may look at every path
// of the box, and puts them in force once no_new_privs allows it.
func (l *lowering) buildLandlock() error {
	s := l.landlock
	if s == nil {
		return nil
	}
	defer l.during(l.landlockStep)()
	abi := min(l.facts.Landlock, s.ABI)
	if abi < s.ABI {
		cause := fmt.Sprintf("Landlock of this kernel is version %d of %d", abi, s.ABI)
		if abi <= 0 {
			cause = "this kernel has no Landlock, or it is not in its list of security modules (lsm=)"
		}
		if !s.BestEffort {
			return l.refuse(cause, "landlock: best-effort, or leave it out", "landlock needs a newer kernel")
		}
		l.letGo(cause)
	}
	if abi <= 0 {
		return nil
	}
	number := l.spareFD(2 + len(s.Write) + len(s.Devices))
	rules := l.keep(l.op(wall, callLandlockNew, rulesetOf(abi), num(rulesetSize(abi)), num(0)))
	add := func(path string, optional bool, rights uint64) {
		fd := l.at(wall, path, 0)
		first := len(l.ops)
		l.beneath(rules, fd, number, rights&handledBy(abi))
		if optional {
			l.ops[first-1].tolerate(unix.ENOENT, len(l.ops)-first)
		}
	}
	add("/", false, landlockRead)
	for _, p := range s.Write {
		add(p.Path, p.Optional, handledBy(abi))
	}
	for _, d := range s.Devices {
		add(d, false, landlockFile|unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)
	}
	ph := caps
	if !l.noNewPrivs { // that takes CAP_SYS_ADMIN
		ph = bound
	}
	l.op(ph, callLandlockSelf, reg(rules), num(0))
	return nil
}

// handledBy is all rights that a version knows. REFER is always among those in force.
func handledBy(abi int) uint64 {
	rights := uint64(landlockFirst)
	for _, n := range [...]struct {
		since int
		right uint64
	}{{landlockRefer, unix.LANDLOCK_ACCESS_FS_REFER}, {landlockTruncate, unix.LANDLOCK_ACCESS_FS_TRUNCATE}, {landlockIoctl, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV}} {
		if abi >= n.since {
			rights |= n.right
		}
	}
	return rights
}

func rulesetOf(abi int) Arg {
	f := []Field{{Name: "handled_access_fs", Size: 8, Num: handledBy(abi), Names: landlockRights}}
	if abi >= landlockNet {
		f = append(f, word("handled_access_net", 0))
	}
	if abi >= landlockScope {
		f = append(f, Field{Name: "scoped", Size: 8, Num: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL, Names: landlockScopes})
	}
	return structure(f...)
}

func rulesetSize(abi int) uint64 {
	size := uint64(0)
	for _, f := range rulesetOf(abi).More.Fields {
		size += uint64(f.Size)
	}
	return size
}

// beneath adds one rule. The structure holds the descriptor's number, so it is given
// one that is known. What is no directory takes only the rights of a file.
func (l *lowering) beneath(rules, fd Reg, number, rights uint64) {
	rule := func(rights uint64) *Op {
		return l.op(wall, callLandlockRule, reg(rules), named(unix.LANDLOCK_RULE_PATH_BENEATH, landlockTypes),
			structure(Field{Name: "allowed_access", Size: 8, Num: rights, Names: landlockRights}, Field{Name: "parent_fd", Size: 4, Num: number}), num(0))
	}
	l.op(wall, callDup3, reg(fd), num(number), named(unix.O_CLOEXEC, openFlags))
	file := rights & (landlockFile | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)
	if file == rights || rights&unix.LANDLOCK_ACCESS_FS_WRITE_FILE == 0 {
		rule(rights)
		return
	}
	o := rule(rights)
	o.Then = 1
	o.tolerate(unix.EINVAL, 0)
	rule(file)
}

//go:build linux

package program

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// devLinks are the links that programs expect in /dev.
var devLinks = [...][2]string{{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}}

// Dev builds /dev. Nodes are bound from the host: in a user namespace none can be made.
func (l *lowering) Dev(s *plan.Dev) error {
	const quiet = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
	// One file system, of which only shm can be written to, is made and taken apart faster than two.
	l.devFD = l.filesystem(open, "tmpfs", quiet|unix.MOUNT_ATTR_NODEV, setting{"mode", "0755"}, setting{"size", strconv.FormatInt(s.ShmSize, 10)})
	for _, v := range devLinks {
		l.op(open, callSymlinkat, text(v[0]), reg(l.devFD), text(v[1]))
	}
	if err := l.attachTree(l.devFD, "/dev", generated); err != nil {
		return err
	}
	for _, n := range s.Nodes {
		l.node(n)
	}
	l.ptsFD = l.filesystem(open, "devpts", quiet, setting{"ptmxmode", "0666"}, setting{"mode", "0620"})
	l.op(open, callMkdirat, reg(l.devFD), text("pts"), named(0o755, octal))
	l.op(open, callMkdirat, reg(l.devFD), text("shm"), named(0o1777, octal))
	if l.masksDirectory() {
		l.emptyFD = l.clone(attach, l.devFD, "pts", false) // what devpts hides stays empty
		l.setattr(attach, l.emptyFD, unix.MOUNT_ATTR_RDONLY, false)
	}
	l.moveIn(attach, l.ptsFD, l.devFD, "pts")
	l.moveIn(attach, l.clone(attach, l.devFD, "shm", false), l.devFD, "shm") // before /dev is sealed
	l.made["/dev/pts"], l.made["/dev/shm"] = true, true
	l.setattr(seal, l.devFD, unix.MOUNT_ATTR_RDONLY, false)
	return nil
}

func (l *lowering) node(name string) {
	fd := l.cloneHost("/dev/"+name, false)
	l.op(open, callMknodat, reg(l.devFD), text(name), named(unix.S_IFREG|0o444, nodeTypes), num(0))
	l.moveIn(attach, fd, l.devFD, name)
	l.made["/dev/"+name] = true
}

// Device adds a device of the host to /dev.
func (l *lowering) Device(s *plan.Device) error {
	switch typ, err := l.sourceType(s.Path, s); {
	case err != nil:
		return err
	case typ != host.Device: // a socket such as /dev/log, or a link that anybody can put below /dev/shm
		return l.refuse("", "name it in mounts", "cannot %s: %s is no device", Words(s), s.Path)
	}
	name := strings.TrimPrefix(s.Path, "/dev/")
	for i, c := range name {
		if dir := name[:i]; c == '/' && !l.made["/dev/"+dir] {
			l.op(open, callMkdirat, reg(l.devFD), text(dir), named(0o755, octal))
			l.made["/dev/"+dir] = true
		}
	}
	l.node(name)
	return nil
}

// PivotRoot makes the rootfs "/" and detaches the host's root, with the scratch tmpfs on it, at once.
func (l *lowering) PivotRoot(*plan.PivotRoot) error {
	l.intoRoot()
	l.op(enter, callPivotRoot, text("."), text("."))
	l.op(leave, callUmount, text("."), named(unix.MNT_DETACH, umountFlags))
	l.pivoted = true
	return nil
}

// Chroot makes the rootfs "/" where pivot_root cannot: on a ramfs.
func (l *lowering) Chroot(*plan.Chroot) error {
	l.intoRoot()
	l.op(enter, callChroot, text("."))
	return nil
}

func (l *lowering) intoRoot() {
	l.op(enter, callMoveMount, reg(l.rootFD), text(""), cwd(), text("/"), named(unix.MOVE_MOUNT_F_EMPTY_PATH, moveFlags))
	l.op(enter, callFchdir, reg(l.rootFD))
}

// Mask covers paths with /dev/null or an empty directory.
func (l *lowering) Mask(s *plan.Mask) error {
	for _, p := range l.masked(s) {
		if !s.Optional {
			l.maskUnknown(p)
			continue
		}
		var source Reg
		switch l.facts.Paths[p].Type {
		case host.Missing:
			continue
		case host.Directory:
			source = l.empty()
		default:
			source = l.cloneHost("/dev/null", false)
		}
		if name, ok := strings.CutPrefix(p, "/proc/"); ok && l.procFD != 0 {
			l.moveIn(guard, source, l.procFD, name)
			continue
		}
		l.move(guard, source, l.at(guard, p, 0))
	}
	return nil
}

// masked is the paths of a mask, with those that its patterns stand for here.
func (l *lowering) masked(s *plan.Mask) []string {
	if !slices.ContainsFunc(s.Paths, s.Pattern) {
		return s.Paths
	}
	var all []string
	for _, p := range s.Paths {
		if s.Pattern(p) {
			all = append(all, l.facts.Matches[p]...)
		} else {
			all = append(all, p)
		}
	}
	return all
}

// maskUnknown masks a path of which only the box knows whether it is a directory.
func (l *lowering) maskUnknown(p string) {
	dir, file := l.emptyFS(), l.cloneHost("/dev/null", false)
	to := l.at(guard, p, unix.O_DIRECTORY)
	l.ops[len(l.ops)-1].tolerate(unix.ENOTDIR, 1)
	l.move(guard, dir, to).Then = 2
	l.move(guard, file, l.at(guard, p, 0))
}

// masksDirectory says whether some mask of the plan is known to cover a directory.
func (l *lowering) masksDirectory() bool {
	for _, s := range l.prog.Plan.Steps {
		m, ok := s.(*plan.Mask)
		if ok && m.Optional && slices.ContainsFunc(l.masked(m), func(p string) bool { return l.facts.Paths[p].Type == host.Directory }) {
			return true
		}
	}
	return false
}

// empty is a read-only empty directory to mask with: one of /dev's, or a file
// system of its own, at first, and clones of it once that one is attached.
func (l *lowering) empty() Reg {
	if l.emptyUsed {
		return l.clone(guard, l.emptyFD, "", false)
	}
	if l.emptyFD == 0 {
		l.emptyFD = l.emptyFS()
	}
	l.emptyUsed = true
	return l.emptyFD
}

func (l *lowering) emptyFS() Reg {
	return l.filesystem(open, "tmpfs", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, setting{"mode", "0755"})
}

// Readonly covers paths with a read-only view of themselves.
func (l *lowering) Readonly(s *plan.Readonly) error {
	for _, p := range s.Paths {
		if s.Optional && l.facts.Paths[p].Type == host.Missing {
			continue
		}
		if name, ok := strings.CutPrefix(p, "/proc/"); ok && l.procFD != 0 {
			fd := l.clone(guard, l.procFD, name, true)
			l.setattr(guard, fd, unix.MOUNT_ATTR_RDONLY, true)
			l.moveIn(guard, fd, l.procFD, name)
			continue
		}
		to := l.at(guard, path.Clean(p), 0)
		fd := l.clone(guard, to, "", true)
		l.setattr(guard, fd, unix.MOUNT_ATTR_RDONLY, true)
		l.move(guard, fd, to)
	}
	return nil
}

// Hostname sets the box's host name.
func (l *lowering) Hostname(s *plan.Hostname) error {
	l.op(settle, callSethostname, text(s.Name), num(uint64(len(s.Name))))
	return nil
}

// Loopback brings up lo. It is the one interface of a new network namespace.
func (l *lowering) Loopback(*plan.Loopback) error {
	fd := l.keep(l.op(settle, callSocket, named(unix.AF_INET, families), named(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, sockTypes), num(0)))
	l.op(settle, callIoctl, reg(fd), named(unix.SIOCSIFFLAGS, ioctls),
		structure(Field{Name: "ifr_name", Size: unix.IFNAMSIZ, Text: "lo"}, Field{Name: "ifr_flags", Size: 8, Num: unix.IFF_UP | unix.IFF_RUNNING, Names: ifFlags},
			word("", 0), word("", 0)))
	return nil
}

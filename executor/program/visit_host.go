//go:build linux

package program

import (
	"fmt"
	"path"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

func (l *lowering) kernel() string {
	return fmt.Sprintf("%d.%d", l.facts.Kernel.Major, l.facts.Kernel.Minor)
}

func (l *lowering) host(op HostOp) int {
	op.Step = l.step
	l.prog.Host = append(l.prog.Host, op)
	return len(l.prog.Host) - 1
}

// CreateSource has the host side make a missing source.
func (l *lowering) CreateSource(s *plan.CreateSource) error {
	kind := MakeDir
	if s.Type == "file" {
		kind = MakeFile
	}
	op := HostOp{Kind: kind, Path: l.absolute(s.Path)}
	if strings.HasPrefix(op.Path, l.facts.Folder+"/") && !path.IsAbs(s.Path) {
		op.Folder = l.facts.Folder
	}
	if outer := l.writableAbove(s.Path); outer != "" {
		op.Outer = l.absolute(outer)
	}
	l.host(op)
	if _, missing := l.facts.Paths[s.Path]; !missing || l.facts.Paths[s.Path].Type == 0 {
		if l.created == nil {
			l.created = map[string]string{}
		}
		l.created[s.Path] = s.Type
	}
	return nil
}

// Keep has the host side open and lock a kept directory.
func (l *lowering) Keep(s *plan.Keep) error {
	if l.facts.Kernel.Less(5, 14) { // nosymfollow
		return l.refuse("this is Linux "+l.kernel(), "", "a kept directory needs Linux 5.14")
	}
	if l.keeps == nil {
		l.keeps = map[string]int{}
	}
	l.keeps[s.Dir] = l.host(HostOp{Kind: KeepDir, Path: l.absolute(s.Dir)})
	return nil
}

// IDMapRanges has the child wait until the host side has written the maps.
func (l *lowering) IDMapRanges(s *plan.IDMapRanges) error {
	m := Maps{}
	var err error
	if s.Mode == "subuid" {
		if m.UIDs, err = l.subordinate("uid", l.facts.UID); err != nil {
			return err
		}
		if m.GIDs, err = l.subordinate("gid", l.facts.GID); err != nil {
			return err
		}
	} else {
		m.UIDs, m.GIDs = lines(s.UIDs), lines(s.GIDs)
	}
	if l.facts.UID != 0 {
		m.UIDTool, m.GIDTool = l.facts.IDTools.UID, l.facts.IDTools.GID
		for _, t := range [...][2]string{{m.UIDTool, "newuidmap"}, {m.GIDTool, "newgidmap"}} {
			if t[0] == "" {
				return l.refuse(t[1]+" is not installed", "apt install uidmap, or idmap: caller", "cannot map more than your own id")
			}
		}
	}
	l.host(HostOp{Kind: WriteMap, Maps: m})
	l.ranges = true
	l.sync()
	// until here the child is nobody in its own namespace
	uid, gid := uint64(firstBox(m.UIDs)), uint64(firstBox(m.GIDs))
	l.op(start, callSetresgid, num(gid), num(gid), num(gid))
	l.op(start, callSetresuid, num(uid), num(uid), num(uid))
	return nil
}

// sync is sync point 1: the host side does what it has to do to the child, which
// goes on after one byte.
func (l *lowering) sync() {
	l.op(start, callWrite, reg(Control), structure(Field{Name: "kind", Size: 4, Num: 4}, Field{Name: "point", Size: 4, Num: 1}, Field{Name: "none", Size: 4}), num(12)).expect(12)
	l.op(start, callRead, reg(Control), buffer(8), num(8)).expect(1)
}

func lines(r []plan.IDRange) []IDLine {
	out := make([]IDLine, len(r))
	for i, v := range r {
		out[i] = IDLine(v)
	}
	return out
}

func firstBox(lines []IDLine) uint32 {
	first := lines[0].Box
	for _, l := range lines {
		first = min(first, l.Box)
	}
	return first
}

// subordinate maps box id 0 to the caller and the following ids to the caller's ranges.
func (l *lowering) subordinate(what string, self int) ([]IDLine, error) {
	ranges := l.facts.SubUIDs
	if what == "gid" {
		ranges = l.facts.SubGIDs
	}
	if len(ranges) == 0 {
		return nil, l.refuse(fmt.Sprintf("/etc/sub%s has no line for user %d", what, l.facts.UID),
			fmt.Sprintf("sudo usermod --add-sub%ss 100000-165535 \"$(id -un %d)\"", what, l.facts.UID), "idmap: subuid needs subordinate %ss", what)
	}
	out := []IDLine{{Box: 0, Host: uint32(self), Size: 1}}
	next := uint32(1)
	for _, r := range ranges {
		out = append(out, IDLine{next, r.First, r.Size})
		next += r.Size
	}
	return out, nil
}

// CloseFDs lets go of every descriptor but the standard three and the control
// socket. Process 1 may never execute anything, so close-on-exec alone would
// leave doors to the host open in it.
func (l *lowering) CloseFDs(*plan.CloseFDs) error {
	l.keepEnds()
	l.op(start, callCloseRange, num(3), regPlus(Control, -1), named(0, closeFlags)).tolerate(unix.EINVAL, 0) // none between
	l.op(start, callCloseRange, regPlus(Control, 1+l.ends()), num(1<<32-1), named(0, closeFlags))
	if l.staged { // boxfile knows now who this is
		defer l.during(-1)()
		l.op(start, callRead, reg(Control), buffer(8), num(8)).expect(1)
	}
	// and the command's process lets go of those that ops have opened before it looks
	// at a path: through /proc/self/fd some of them lead to the host (CVE-2024-21626)
	l.op(begin, callCloseRange, num(3), regPlus(Control, -1), named(0, closeFlags)).tolerate(unix.EINVAL, 0)
	l.op(begin, callCloseRange, regPlus(Control, 1), num(1<<32-1), named(0, closeFlags))
	return nil
}

// Session makes process 1 and the command sessions of their own, so that a
// terminal's signals reach the box through boxfile only.
func (l *lowering) Session(*plan.Session) error {
	l.op(start, callSetsid)
	return nil
}

// IDMap is written by the child itself: one line that maps the caller's own id needs no privilege.
func (l *lowering) IDMap(s *plan.IDMap) error {
	l.writeProc("/proc/self/setgroups", "deny")
	l.writeProc("/proc/self/uid_map", fmt.Sprintf("%d %d 1\n", s.UID, l.facts.UID))
	l.writeProc("/proc/self/gid_map", fmt.Sprintf("%d %d 1\n", s.GID, l.facts.GID))
	if l.attached {
		restore := l.during(l.attachedStep)
		l.sync()
		restore()
	}
	return nil
}

func (l *lowering) writeProc(p, content string) { l.writeProcIn(start, p, content) }

func (l *lowering) writeProcIn(ph phase, p, content string) {
	fd := l.keep(l.op(ph, callOpenat, cwd(), text(p), named(unix.O_WRONLY|unix.O_CLOEXEC, openFlags), named(0, octal)))
	l.op(ph, callWrite, reg(fd), text(content), num(uint64(len(content)))).expect(int64(len(content)))
}

// Propagation cuts the box's mounts off from the host's, before any is made.
func (l *lowering) Propagation(*plan.Propagation) error {
	l.op(start, callMountSetattr, cwd(), text("/"), named(unix.AT_RECURSIVE, atFlags), mountAttr(0, unix.MS_PRIVATE), num(sizeofMountAttr))
	return nil
}

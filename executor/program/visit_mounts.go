//go:build linux

package program

import (
	"path"
	"strconv"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// Rootfs opens the tree that becomes "/".
func (l *lowering) Rootfs(s *plan.Rootfs) error {
	attrs, err := l.attrs(s.Options, false)
	if err != nil {
		return err
	}
	if s.Type == "tmpfs" {
		l.rootFD = l.filesystem(open, "tmpfs", attrs, setting{"mode", "0755"})
		kind := generated
		if s.Write == "keep" {
			l.rootFD, kind = l.overlay([]Reg{l.rootFD}, s.Write, s.Keep, slug("/"), attrs), layered
		}
		l.own("/", kind, l.rootFD)
		l.trees["/"].sealed = s.ReadOnly
		if s.ReadOnly {
			l.setattr(seal, l.rootFD, unix.MOUNT_ATTR_RDONLY, false)
		}
		return nil
	}
	switch typ, err := l.sourceType(s.Source, s); {
	case err != nil:
		return err
	case typ != host.Directory:
		return l.refuse("", "", "cannot %s: it is not a directory", Words(s))
	}
	source := l.openSource(s.Source)
	if s.Write == "none" {
		l.rootFD = l.clone(open, source, "", true)
		if s.ReadOnly {
			attrs |= unix.MOUNT_ATTR_RDONLY
		}
		l.setattr(open, l.rootFD, attrs, true)
		l.own("/", foreign, l.rootFD)
		return nil
	}
	lower := l.clone(open, source, "", false)
	l.rootFD = l.overlay([]Reg{lower}, s.Write, s.Keep, slug("/"), attrs)
	l.own("/", layered, l.rootFD)
	return nil
}

// System gives a path of the host's operating system as it is there.
func (l *lowering) System(s *plan.System) error {
	f := l.facts.Paths[s.Path]
	if f.Err != nil {
		return l.refuse(f.Err.Error(), "", "cannot %s: it cannot be looked at", Words(s))
	}
	switch f.Type {
	case host.Missing:
		l.prog.skipped = append(l.prog.skipped, l.step)
		return nil
	case host.Link:
		return l.symlink(s.Path, f.Link)
	}
	const attrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	if f.Type == host.Directory && s.Write != "none" {
		lower := l.cloneHost(s.Path, false)
		return l.attachTree(l.overlay([]Reg{lower}, s.Write, s.Keep, slug(s.Path), attrs&^unix.MOUNT_ATTR_RDONLY), s.Path, layered)
	}
	fd := l.cloneHost(s.Path, f.Type == host.Directory)
	l.setattr(open, fd, attrs, true)
	if f.Type == host.Directory {
		return l.attachTree(fd, s.Path, foreign)
	}
	return l.attachAt(fd, s.Path, false)
}

// Mount opens a file system now and attaches it at its target later.
func (l *lowering) Mount(s *plan.Mount) error {
	attrs, err := l.attrs(s.Options, s.ReadOnly)
	if err != nil {
		return err
	}
	switch s.Type {
	case "bind":
		return l.bind(s, attrs)
	case "overlay":
		return l.overlayMount(s, attrs)
	case "tmpfs":
		return l.tmpfs(s, attrs)
	}
	var settings []setting
	if s.Type == "devpts" {
		settings = []setting{{"ptmxmode", "0666"}, {"mode", "0620"}}
	}
	fd := l.filesystem(open, s.Type, attrs, settings...)
	if s.Type == "proc" && s.Target == "/proc" {
		l.procFD = fd
	}
	return l.attachTree(fd, s.Target, foreign)
}

func (l *lowering) bind(s *plan.Mount, attrs uint64) error {
	if f := l.facts.Paths[s.Source]; s.Optional && f.Err == nil && f.Type == host.Missing && l.created[s.Source] == "" {
		l.prog.skipped = append(l.prog.skipped, l.step)
		return nil
	}
	typ, err := l.sourceType(s.Source, s)
	if err != nil {
		return err
	}
	fd := l.clone(open, l.openSource(s.Source), "", true)
	l.setattr(open, fd, attrs, true)
	if err := l.attachAt(fd, s.Target, typ == host.Directory); err != nil {
		return err
	}
	l.own(s.Target, foreign, fd)
	return nil
}

func (l *lowering) tmpfs(s *plan.Mount, attrs uint64) error {
	settings := []setting{{"mode", s.Perms}}
	if s.Size > 0 {
		settings = append(settings, setting{"size", strconv.FormatInt(s.Size, 10)})
	}
	fd := l.filesystem(open, "tmpfs", attrs&^unix.MOUNT_ATTR_RDONLY, settings...)
	if s.ReadOnly {
		l.setattr(seal, fd, unix.MOUNT_ATTR_RDONLY, false)
	}
	if err := l.attachTree(fd, s.Target, generated); err != nil {
		return err
	}
	l.trees[s.Target].sealed = s.ReadOnly
	return nil
}

func (l *lowering) overlayMount(s *plan.Mount, attrs uint64) error {
	var layers []Reg
	for _, p := range s.Lower {
		switch typ, err := l.sourceType(p, s); {
		case err != nil:
			return err
		case typ != host.Directory:
			return l.refuse("", "", "cannot %s: %s is not a directory", Words(s), p)
		}
		layers = append(layers, l.clone(open, l.openSource(p), "", false))
	}
	fd := l.overlay(layers, s.Write, s.Keep, slug(s.Target), attrs)
	return l.attachTree(fd, s.Target, foreign)
}

// File writes a generated file: in place where the tree is boxfile's own and
// will be as read-only as the file, as a mount of its own otherwise.
func (l *lowering) File(s *plan.File) error {
	perms, err := l.perms(s.Perms)
	if err != nil {
		return err
	}
	flags := named(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, openFlags)
	t := l.cover(s.Target)
	if t.kind == generated && s.ReadOnly == t.sealed && (!s.ReadOnly || t.target == "/") {
		if err := l.parents(t, s.Target); err != nil {
			return err
		}
		ph, at, name := l.place(t, s.Target)
		l.write(ph, l.keep(l.op(ph, callOpenat, at, text(name), flags, named(perms, octal))), s.Content)
		l.made[s.Target] = true
		return nil
	}
	scratch, name := l.scratch(), l.scratchName()
	l.write(open, l.keep(l.op(open, callOpenat, reg(scratch), text(name), flags, named(perms, octal))), s.Content)
	fd := l.clone(open, scratch, name, false)
	attrs := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
	if s.ReadOnly {
		attrs |= unix.MOUNT_ATTR_RDONLY
	}
	l.setattr(open, fd, attrs, false)
	return l.attachAt(fd, s.Target, false)
}

func (l *lowering) write(ph phase, fd Reg, content string) {
	if content != "" {
		l.op(ph, callWrite, reg(fd), text(content), num(uint64(len(content)))).expect(int64(len(content)))
	}
	l.op(ph, callClose, reg(fd)) // a mount with an open writer cannot become read-only
}

func (l *lowering) perms(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 8, 12)
	if err != nil {
		return 0, l.refuse("", "", "permissions %q are not octal", s)
	}
	return n, nil
}

// Symlink makes a link in a tree of boxfile's own.
func (l *lowering) Symlink(s *plan.Symlink) error {
	return l.symlink(s.Target, s.Link)
}

func (l *lowering) symlink(target, link string) error {
	t, err := l.ownTree(target, "a link")
	if err != nil {
		return err
	}
	ph, at, name := l.place(t, target)
	o := l.op(ph, callSymlinkat, text(link), at, text(name))
	if t.kind == layered { // an earlier run has kept it
		o.tolerate(unix.EEXIST, 0)
	}
	l.linked(target)
	return nil
}

// Dir makes a directory in a tree of boxfile's own.
func (l *lowering) Dir(s *plan.Dir) error {
	perms, err := l.perms(s.Perms)
	if err != nil {
		return err
	}
	t, err := l.ownTree(s.Target, "a directory")
	if err != nil {
		return err
	}
	if l.trees[s.Target] != nil { // its mode would be that of what is hidden below
		return l.refuse("the host's is mounted there", "leave this entry out", "cannot make a directory at %s", s.Target)
	}
	if l.made[s.Target] { // as the parent of an earlier target
		ph, at, name := l.place(t, s.Target)
		l.op(ph, callFchmodat, at, text(name), named(perms, octal))
		return nil
	}
	l.mkdir(t, s.Target, perms)
	return nil
}

func (l *lowering) ownTree(target, what string) (*tree, error) {
	t := l.cover(target)
	if t.kind == foreign {
		return nil, l.refuse("what is at "+t.target+" belongs to the host and is not written to", "rootfs.write: discard, or a tmpfs at "+path.Dir(target),
			"cannot make %s at %s", what, target)
	}
	return t, l.parents(t, target)
}

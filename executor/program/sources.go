//go:build linux

package program

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
)

// optionAttrs maps mount(8)'s option names to the kernel's attributes.
var optionAttrs = []Value{{unix.MOUNT_ATTR_NOSUID, "nosuid"}, {unix.MOUNT_ATTR_NODEV, "nodev"}, {unix.MOUNT_ATTR_NOEXEC, "noexec"},
	{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"}}

// attrs is the attributes for options, with read-only added.
func (l *lowering) attrs(options []string, readOnly bool) (uint64, error) {
	var set uint64
	for _, o := range options {
		known := false
		for _, v := range optionAttrs {
			if v.Name == o {
				set, known = set|v.Num, true
			}
		}
		if !known {
			return 0, l.refuse("", "", "mount option %q is not known", o)
		}
	}
	if set&unix.MOUNT_ATTR_NOSYMFOLLOW != 0 && l.facts.Kernel.Less(5, 14) {
		return 0, l.refuse("this is Linux "+l.kernel(), "", "nosymfollow needs Linux 5.14")
	}
	if readOnly {
		set |= unix.MOUNT_ATTR_RDONLY
	}
	return set, nil
}

// openSource opens a path that the file names, once, without following magic
// links. A path of the Boxfile's folder stays in it, and one below what the box can
// write stays in that: a link that leads out was perhaps put there by what ran in an
// earlier box (CVE-2024-42472).
func (l *lowering) openSource(p string) Reg {
	dir, name, resolve := cwd(), p, uint64(unix.RESOLVE_NO_MAGICLINKS)
	if outer := l.writableAbove(p); outer != "" {
		dir, resolve = reg(l.openSource(outer)), resolve|unix.RESOLVE_BENEATH
		name = strings.TrimPrefix(l.absolute(p), l.absolute(outer)+"/")
	} else if !path.IsAbs(p) {
		dir, name = reg(l.folder()), path.Clean(p)
		if plan.Beneath(name) {
			resolve |= unix.RESOLVE_BENEATH
		}
	}
	o := l.op(open, callOpenat2, dir, text(name), openHow(unix.O_PATH|unix.O_CLOEXEC, resolve), num(sizeofOpenHow))
	o.Retry = true
	return l.keep(o)
}

// writableAbove is the outermost source above a path that the box can write, or "".
// For a path of the Boxfile's folder it is one in there: the folder holds it from above.
func (l *lowering) writableAbove(p string) string {
	if l.writable == nil {
		l.writable = l.writables()
	}
	outer, most, below, inFolder := "", 0, l.absolute(p), plan.Beneath(p)
	for _, w := range l.writable {
		if strings.HasPrefix(below, w.path+"/") && (!inFolder || strings.HasPrefix(w.path, l.facts.Folder+"/")) && (most == 0 || len(w.path) < most) {
			outer, most = w.source, len(w.path)
		}
	}
	return outer
}

// writable is a source that the box can write, and where it is.
type writable struct{ source, path string }

// writables are those of the plan. All of the file system is none: nothing leads out of it.
func (l *lowering) writables() []writable {
	all := []writable{}
	for _, s := range l.prog.Plan.Steps {
		source := ""
		switch s := s.(type) {
		case *plan.Mount:
			if s.Type == "bind" && !s.ReadOnly {
				source = s.Source
			}
		case *plan.Keep:
			source = s.Dir
		}
		if at := l.absolute(source); source != "" && at != "/" {
			all = append(all, writable{source, at})
		}
	}
	return all
}

// clone makes a detached copy of the mount at an opened place.
func (l *lowering) clone(ph phase, fd Reg, name string, recursive bool) Reg {
	flags := uint64(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return l.keep(l.op(ph, callOpenTree, reg(fd), text(name), named(flags, treeFlags)))
}

// cloneHost is clone for a path of the host's operating system.
func (l *lowering) cloneHost(p string, recursive bool) Reg {
	flags := uint64(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return l.keep(l.op(open, callOpenTree, cwd(), text(p), named(flags, treeFlags)))
}

// sourceType is what stands at a source, and refuses one that is not there.
func (l *lowering) sourceType(p string, s plan.Step) (host.PathType, error) {
	switch l.created[p] {
	case "dir":
		return host.Directory, nil
	case "file":
		return host.File, nil
	}
	f := l.facts.Paths[p]
	if f.Err != nil {
		return f.Type, l.refuse(f.Err.Error(), "", "cannot %s: %s cannot be looked at", Words(s), p)
	}
	if f.Type == host.Missing {
		fix := ""
		if m, ok := s.(*plan.Mount); ok && m.Type == "bind" {
			fix = "make it, or have it made (create: dir or file), or do without it (optional: true)"
		}
		return f.Type, l.refuse("", fix, "cannot %s: %s does not exist", Words(s), p)
	}
	return f.Type, nil
}

// overlay makes an overlay mount of lower layers, given as detached mounts,
// topmost first. The layers are attached in scratch: until Linux 6.13 the kernel
// does not take detached ones. Their names there are numbers, so that no path of
// the file ever gets into an option string.
func (l *lowering) overlay(lower []Reg, write, keep, slug string, attrs uint64) Reg {
	scratch := l.scratch()
	names := make([]string, len(lower))
	for i, fd := range lower {
		names[i] = l.layer(scratch, fd)
	}
	settings := []setting{{"lowerdir", strings.Join(names, ":")}}
	if write == "none" && len(lower) == 1 {
		empty := l.scratchName() // an overlay without upper needs two lower layers
		l.op(open, callMkdirat, reg(scratch), text(empty), named(0o755, octal))
		settings[0].value += ":" + empty
	}
	upper := ""
	switch write {
	case "discard":
		upper = l.scratchName()
		l.op(open, callMkdirat, reg(scratch), text(upper), named(0o755, octal))
	case "keep":
		h := l.keeps[keep]
		l.prog.Host[h].Dirs = append(l.prog.Host[h].Dirs, slug, slug+"/upper", slug+"/work")
		kept := l.clone(open, l.openKept(keep), "", false)
		// An earlier box may write there, through another mount: overlayfs would follow links
		// that it has put in place of the layers, out of its box.
		l.setattr(open, kept, unix.MOUNT_ATTR_NOSYMFOLLOW, false)
		upper = l.layer(scratch, kept) + "/" + slug
	}
	if upper != "" {
		work := upper + "/work"
		if write == "discard" {
			work = l.scratchName()
			l.op(open, callMkdirat, reg(scratch), text(work), named(0o755, octal))
		} else {
			upper += "/upper"
		}
		settings = append(settings, setting{"upperdir", upper}, setting{"workdir", work})
	}
	if l.userNS {
		settings = append(settings, setting{key: "userxattr"})
	}
	l.op(open, callFchdir, reg(scratch))
	return l.filesystem(open, "overlay", attrs, settings...)
}

func (l *lowering) layer(scratch, fd Reg) string {
	name := l.scratchName()
	l.op(open, callMkdirat, reg(scratch), text(name), named(0o755, octal))
	l.moveIn(open, fd, scratch, name)
	return name
}

// openKept opens a kept directory by its real path: the host side has checked
// that nobody else can rename a part of it.
func (l *lowering) openKept(dir string) Reg {
	o := l.op(open, callOpenat2, cwd(), text(l.absolute(dir)), openHow(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC,
		unix.RESOLVE_NO_SYMLINKS), num(sizeofOpenHow))
	o.Retry = true
	return l.keep(o)
}

// absolute is a path of the file as the host side uses it.
func (l *lowering) absolute(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(l.facts.Folder, p)
}

// slug names a target's layers in a kept directory.
func slug(target string) string {
	if target == "/" {
		return "root"
	}
	return strings.NewReplacer("_", "__", "/", "_").Replace(target[1:])
}

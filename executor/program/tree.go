//go:build linux

package program

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// treeKind says whether boxfile may make a missing target in a tree.
type treeKind int

const (
	foreign   treeKind = iota // the host's: never
	generated                 // a tmpfs of boxfile's own
	layered                   // an overlay of boxfile's own: what is made goes to the upper layer
)

// tree is a mount that later targets may lie in.
type tree struct {
	kind   treeKind
	target string
	fd     Reg  // for generated trees other than the root
	sealed bool // it becomes read-only when all is in it
}

// cover is the tree that holds a path: that of its nearest mounted ancestor.
func (l *lowering) cover(target string) *tree {
	for p := path.Dir(target); ; p = path.Dir(p) {
		if t := l.trees[p]; t != nil {
			return t
		}
		if p == "/" {
			return &tree{kind: foreign, target: "/"}
		}
	}
}

// ensure makes target, as a directory or an empty file, where the tree that
// holds it is boxfile's own. Elsewhere it has to exist: nothing is ever created
// in a tree that is the host's.
func (l *lowering) ensure(target string, dir bool) error {
	if l.made[target] {
		return nil
	}
	t := l.cover(target)
	if t.kind == foreign {
		return nil
	}
	if err := l.parents(t, target); err != nil {
		return err
	}
	if dir {
		l.mkdir(t, target, 0o755)
	} else {
		l.mknod(t, target)
	}
	return nil
}

// parents makes the missing directories above target, up to the root of its tree.
func (l *lowering) parents(t *tree, target string) error {
	var missing []string
	for p := path.Dir(target); p != t.target && !l.made[p]; p = path.Dir(p) {
		missing = append(missing, p)
	}
	for p := path.Dir(target); p != "/"; p = path.Dir(p) {
		if l.links[p] {
			return l.refuse(p+" is a symbolic link of the box", "write the path that the link leads to",
				"cannot make %s: it goes through the link %s", target, p)
		}
	}
	for i := len(missing) - 1; i >= 0; i-- {
		l.mkdir(t, missing[i], 0o755)
	}
	return nil
}

// place says how a path in a tree of boxfile's own is reached, and when: paths
// of the root once "/" is the box's and nothing else is attached, paths of
// another generated tree relative to it.
func (l *lowering) place(t *tree, target string) (phase, Arg, string) {
	if t.target == "/" {
		return fill, cwd(), target
	}
	return attach, reg(t.fd), strings.TrimPrefix(target, t.target+"/")
}

func (l *lowering) mkdir(t *tree, target string, perms uint64) {
	ph, at, name := l.place(t, target)
	o := l.op(ph, callMkdirat, at, text(name), named(perms, octal))
	if t.kind == layered {
		o.tolerate(unix.EEXIST, 0)
	}
	l.made[target] = true
}

func (l *lowering) mknod(t *tree, target string) {
	ph, at, name := l.place(t, target)
	o := l.op(ph, callMknodat, at, text(name), named(unix.S_IFREG|0o444, nodeTypes), num(0))
	if t.kind == layered {
		o.tolerate(unix.EEXIST, 0)
	}
	l.made[target] = true
}

// attachAt attaches a detached mount at a target of the box.
func (l *lowering) attachAt(fd Reg, target string, dir bool) error {
	if err := l.ensure(target, dir); err != nil {
		return err
	}
	l.move(attach, fd, l.at(attach, target, 0))
	return nil
}

// attachTree is attachAt for a directory that later targets may lie in.
func (l *lowering) attachTree(fd Reg, target string, kind treeKind) error {
	if err := l.attachAt(fd, target, true); err != nil {
		return err
	}
	l.own(target, kind, fd)
	return nil
}

// own says that target is now the root of a tree.
func (l *lowering) own(target string, kind treeKind, fd Reg) {
	l.trees[target] = &tree{kind: kind, target: target, fd: fd}
	l.made[target] = true
}

// linked says that a symbolic link of ours stands at target.
func (l *lowering) linked(target string) {
	if l.links == nil {
		l.links = map[string]bool{}
	}
	l.links[target], l.made[target] = true, true
}

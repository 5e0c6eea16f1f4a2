//go:build linux

package cgroup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Place says where a cgroup is to be made.
type Place struct {
	Parent string // an existing cgroup
	Name   string // of the box
	// Controllers are switched on for the children of Parent/boxfile, and Missing
	// for those of Parent; v2 only.
	Controllers, Missing []string
	// Leave moves this process from Parent into Parent/boxfile/supervisor-ID first.
	Leave bool
	// Prepare are files of Parent/boxfile with their values; v1 only.
	Prepare [][2]string
}

// Group is a cgroup that was made, and the one below it for the box.
type Group struct {
	FD         int    // its directory, close-on-exec, locked
	Dir        string // its path
	place      Place
	supervisor string // "" unless this process has moved there
}

// The cgroup that all boxes of a place share, and the one that a box is in.
const (
	Folder = "boxfile"
	Leaf   = "box"
)

const (
	idBytes = 4
	// tries bounds how often Make starts again because another process removed
	// the empty cgroup boxfile just then.
	tries   = 100
	maxFile = 1 << 20
)

// Error is a call on a cgroup that failed.
type Error struct {
	Op    string // mkdir, write, read back, rmdir, …
	Path  string
	Value string // what was to be written
	Err   error
}

func (e *Error) Error() string {
	if e.Value != "" {
		return fmt.Sprintf("%s %q to %s: %v", e.Op, e.Value, e.Path, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err)
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Err }

// What can become of a limit that the kernel took.
var (
	ErrValue  = errors.New("it reads back otherwise")
	ErrEffect = errors.New("a cgroup above does not allow all of it, but only")
)

// Make makes the cgroup, after removing what boxes that were killed have left in
// its place. The error is an *Error, and nothing is left of it.
func Make(p Place) (*Group, error) {
	var id [idBytes]byte
	var err error
	for n := range tries {
		if n > 0 { // the last box of a place may have switched them off since they were looked at
			p.Missing = missing(p.Parent, p.Controllers)
		}
		if _, err = unix.Getrandom(id[:], 0); err != nil {
			return nil, &Error{"getrandom", p.Parent, "", err}
		}
		g := &Group{FD: -1, place: p, Dir: path.Join(p.Parent, Folder, p.Name+"-"+hex.EncodeToString(id[:]))}
		if err = g.make(); err == nil {
			return g, nil
		}
		_ = g.Remove() // whatever there is of it
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EEXIST) {
			break
		}
	}
	return nil, err
}

func (g *Group) make() error {
	p := &g.place
	above := path.Join(p.Parent, Folder)
	if err := mkdir(above); errors.Is(err, unix.EEXIST) {
		Sweep(p.Parent)
	} else if err != nil {
		return err
	}
	if err := mkdir(g.Dir); err != nil {
		return err
	}
	// from here on nobody can remove the cgroup above and make another one
	if err := g.lock(); err != nil {
		return err
	}
	for _, f := range p.Prepare {
		if err := write(unix.AT_FDCWD, path.Join(above, f[0]), f[1]); err != nil {
			return err
		}
	}
	if p.Leave {
		if err := g.leave(above); err != nil {
			return err
		}
	}
	for _, on := range [...]struct {
		dir         string
		controllers []string
	}{{p.Parent, p.Missing}, {above, p.Controllers}} {
		if len(on.controllers) > 0 {
			if err := write(unix.AT_FDCWD, path.Join(on.dir, "cgroup.subtree_control"), "+"+strings.Join(on.controllers, " +")); err != nil {
				return err
			}
		}
	}
	if !p.Leave {
		note(above, p.Missing)
	}
	if err := mkdir(path.Join(g.Dir, Leaf)); err != nil {
		return err
	}
	if unix.Geteuid() != 0 {
		return nil
	}
	return g.Own(Leaf) // a box of root's that mounts it can make none below
}

func mkdir(dir string) error {
	if err := unix.Mkdirat(unix.AT_FDCWD, dir, 0o755); err != nil {
		return &Error{"mkdir", dir, "", err}
	}
	return nil
}

// lock opens and locks the cgroup. Between its making and this, Sweep of another
// process may have taken it for left behind.
func (g *Group) lock() error {
	fd, err := unix.Open(g.Dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &Error{"open", g.Dir, "", err}
	}
	g.FD = fd
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return &Error{"flock", g.Dir, "", errors.Join(err, unix.ENOENT)}
	}
	if err := unix.Faccessat(fd, "cgroup.procs", unix.F_OK, 0); err != nil {
		return &Error{"look for cgroup.procs in", g.Dir, "", err}
	}
	return nil
}

// leave moves this process out of Parent, so that Parent may have controllers below it.
func (g *Group) leave(above string) error {
	dir := path.Join(above, "supervisor-"+g.Dir[len(g.Dir)-2*idBytes:])
	if err := mkdir(dir); err != nil {
		return err
	}
	g.supervisor = dir
	return write(unix.AT_FDCWD, dir+"/cgroup.procs", "0")
}

// Set writes a file of the cgroup and reads it back: the kernel must have kept
// the value, or, where it rounds down to pages, no more than a page less.
// rounding is 0 or that page's size.
func (g *Group) Set(file, value string, rounding uint64) error {
	if err := write(g.FD, file, value); err != nil {
		return g.in(err)
	}
	got, err := g.Read(file)
	if err != nil {
		return err
	}
	if !Holds(value, got, rounding) {
		return &Error{"write", path.Join(g.Dir, file), value, fmt.Errorf("%w: %q", ErrValue, got)}
	}
	return nil
}

// Effective looks whether a file of cpuset has effect: v2 takes processors that a
// cgroup above does not have, and uses others instead.
func (g *Group) Effective(file, value string) error {
	got, err := g.Read(file + ".effective")
	if errors.Is(err, unix.ENOENT) || err == nil && Holds(value, got, 0) { // only lists have such a file
		return nil
	}
	if err != nil {
		return err
	}
	return &Error{"write", path.Join(g.Dir, file), value, fmt.Errorf("%w %q", ErrEffect, got)}
}

// in completes the path of an error about a file of the cgroup.
func (g *Group) in(err error) error {
	var e *Error
	if errors.As(err, &e) && !path.IsAbs(e.Path) {
		e.Path = path.Join(g.Dir, e.Path)
	}
	return err
}

// Read is what a file of the cgroup says, up to 1 MiB of it, without the last line's end.
func (g *Group) Read(file string) (string, error) {
	fd, err := unix.Openat(g.FD, file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &Error{"read", path.Join(g.Dir, file), "", err}
	}
	defer unix.Close(fd)
	var all []byte
	var buf [4096]byte
	for len(all) < maxFile {
		n, err := unix.Read(fd, buf[:])
		if err != nil {
			return "", &Error{"read", path.Join(g.Dir, file), "", err}
		}
		if n == 0 {
			break
		}
		all = append(all, buf[:n]...)
	}
	return strings.TrimSuffix(string(all), "\n"), nil
}

// Entry opens the directory of the box's cgroup, which a process of v2 is born into, close-on-exec.
func (g *Group) Entry() (int, error) {
	return g.open(Leaf, unix.O_PATH|unix.O_DIRECTORY)
}

// Below are the cgroups that the box has made in its own, with their paths from
// that of the limits. On v1 they count for themselves.
func (g *Group) Below() []string {
	var out []string
	for todo := children(path.Join(g.Dir, Leaf)); len(todo) > 0; todo = append(todo[1:], children(todo[0])...) {
		out = append(out, strings.TrimPrefix(todo[0], g.Dir+"/"))
	}
	return out
}

// Tasks opens the file by which a process of v1 joins, close-on-exec. The kernel
// asks whether whoever opened it may move the process that writes to it.
func (g *Group) Tasks() (int, error) { return g.open(Leaf+"/tasks", unix.O_WRONLY) }

// Ends opens what process 1 ends the box by: pids.max, which on v2 is above the box's
// own cgroup only, and the directory in which it looks for who is left, close-on-exec.
func (g *Group) Ends() (limit, dir int, err error) {
	if limit, err = g.open("pids.max", unix.O_WRONLY); err != nil {
		return -1, -1, err
	}
	if dir, err = g.Entry(); err != nil {
		unix.Close(limit)
		return -1, -1, err
	}
	return limit, dir, nil
}

func (g *Group) open(name string, flags int) (int, error) {
	fd, err := unix.Openat(g.FD, name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &Error{"open", path.Join(g.Dir, name), "", err}
	}
	return fd, nil
}

// Own gives a file of the cgroup to nobody, so that the box cannot write to it
// where it sees it: v1's blkio does not pass limits down.
func (g *Group) Own(file string) error {
	const nobody = 1<<32 - 2
	if err := unix.Fchownat(g.FD, file, nobody, nobody, 0); err != nil {
		return &Error{"chown", path.Join(g.Dir, file), "", err}
	}
	return nil
}

func write(dir int, file, value string) error {
	fd, err := unix.Openat(dir, file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte(value))
		unix.Close(fd)
	}
	if err != nil {
		return &Error{"write", file, value, err}
	}
	return nil
}

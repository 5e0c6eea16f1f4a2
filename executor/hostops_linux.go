package executor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/executor/program"
	"github.com/hashicorp/go-multierror"
	"golang.org/x/sys/unix"
)

// hostOp does one op of the host side and remembers how to undo it.
func (r *run) hostOp(i int) *Failure {
	h := &r.prog.Host[i]
	switch h.Kind {
	case program.MakeDir:
		return r.make(h, unix.S_IFDIR, 0o755)
	case program.MakeFile:
		return r.make(h, unix.S_IFREG, 0o644)
	case program.KeepDir:
		return r.keep(h)
	case program.AskScope:
		return r.askScope(h)
	case program.MakeCgroup:
		return r.makeCgroup(i)
	case program.SetLimit:
		return r.setLimit(h)
	case program.EndAfter:
		r.limit = h
	case program.OpenNS:
		return r.openNamespace(h)
	case program.EndWhenAsked:
		r.asked = h
	case program.Listen:
		return r.listenAt(h)
	case program.WriteMap, program.Attach, program.Relay: // once the box asks for it
	}
	return nil
}

// make creates a missing source, and only it: a missing parent is a mistake to be told.
func (r *run) make(h *program.HostOp, typ, perms uint32) *Failure {
	parent, err := openParent(h)
	if err != nil {
		return r.failHost(h, err)
	}
	defer unix.Close(parent)
	name := filepath.Base(h.Path)
	if h.Rehearsed {
		return r.couldMake(h, parent, name)
	}
	flags := 0
	if typ == unix.S_IFDIR {
		flags = unix.AT_REMOVEDIR
		err = unix.Mkdirat(parent, name, perms)
	} else {
		err = unix.Mknodat(parent, name, unix.S_IFREG|perms, 0)
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return r.failHost(h, err)
	}
	if err := r.willRemove(parent, name, h.Path, flags); err != nil { // unless something is in it by then
		return r.failHost(h, err)
	}
	return nil
}

// willRemove has undo remove what was just made. It holds on to the directory: by its
// path that could be another one by then, if an earlier box can write above it.
func (r *run) willRemove(dir int, name, p string, flags int) error {
	held, err := unix.FcntlInt(uintptr(dir), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		_ = unix.Unlinkat(dir, name, flags)
		return err
	}
	r.closers = append(r.closers, held)
	r.undoers = append(r.undoers, func() error { return named(p, unix.Unlinkat(held, name, flags)) })
	return nil
}

// named is an error of removing with the path in it, or nil.
func named(p string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: "remove", Path: p, Err: err}
}

// couldMake is a rehearsal: it asks whether a missing source could be made.
func (r *run) couldMake(h *program.HostOp, parent int, name string) *Failure {
	if unix.Faccessat(parent, name, unix.F_OK, unix.AT_SYMLINK_NOFOLLOW) == nil {
		return nil
	}
	if err := unix.Faccessat(parent, ".", unix.W_OK|unix.X_OK, 0); err != nil {
		return r.failHost(h, err)
	}
	return nil
}

// openParent opens the directory that a source is made in. A path of the Boxfile's
// folder, or of what the box can write, stays there, as it does when it is mounted.
func openParent(h *program.HostOp) (int, error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC}
	fd, at := unix.AT_FDCWD, ""
	for _, next := range [...]string{h.Folder, h.Outer, filepath.Dir(h.Path)} {
		if next == "" {
			continue
		}
		name := next
		if at != "" {
			var err error
			if name, err = filepath.Rel(at, next); err != nil {
				return -1, err
			}
		}
		if next != h.Folder {
			how.Resolve |= unix.RESOLVE_NO_MAGICLINKS
		}
		found, err := unix.Openat2(fd, name, how)
		if fd != unix.AT_FDCWD {
			unix.Close(fd)
		}
		if err != nil {
			return -1, err
		}
		fd, at = found, next
		how.Resolve |= unix.RESOLVE_BENEATH
	}
	return fd, nil
}

// keep opens a kept directory part by part, refuses one that somebody else could
// swap, and locks it for as long as the box lives.
func (r *run) keep(h *program.HostOp) *Failure {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return r.failHost(h, err)
	}
	parts := strings.Split(strings.Trim(h.Path, "/"), "/")
	for i, name := range parts {
		next, err := r.keepPart(h, fd, name, i == len(parts)-1)
		unix.Close(fd)
		if err != nil {
			return r.failKeep(h, "/"+filepath.Join(parts[:i+1]...), err)
		}
		fd = next
	}
	r.closers = append(r.closers, fd)
	if h.Rehearsed { // a lock would keep a box from starting
		return nil
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return r.failKeep(h, h.Path, err)
	}
	for _, d := range h.Dirs {
		err := within(fd, d, func(dir int, name string) error { return unix.Mkdirat(dir, name, 0o700) })
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return r.failKeep(h, filepath.Join(h.Path, d), err)
		} else if err == nil {
			r.undoers = append(r.undoers, func() error { return named(filepath.Join(h.Path, d), removeLayer(fd, d)) })
		}
	}
	return nil
}

// within does something to a name below a kept directory, and follows no link on the
// way there: an earlier box may have put it there, through another mount.
func within(kept int, layer string, do func(dir int, name string) error) error {
	dir, err := unix.Openat2(kept, filepath.Dir(layer), &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return do(dir, filepath.Base(layer))
}

// removeLayer removes a directory that keep has made, with what overlayfs makes in a work directory.
func removeLayer(kept int, layer string) error {
	remove := func(dir int, name string) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) }
	if filepath.Base(layer) == "work" {
		for _, inner := range [...]string{"work", "index"} {
			_ = within(kept, layer+"/"+inner, remove) // not there unless the overlay was mounted
		}
	}
	return within(kept, layer, remove)
}

var errSwappable = errors.New("another user could replace it")

func (r *run) keepPart(h *program.HostOp, dir int, name string, final bool) (int, error) {
	flags := unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if !final {
		flags |= unix.O_PATH
	}
	fd, err := unix.Openat(dir, name, flags, 0)
	if final && errors.Is(err, unix.ENOENT) {
		if h.Rehearsed {
			if err := unix.Faccessat(dir, ".", unix.W_OK|unix.X_OK, 0); err != nil {
				return -1, err
			}
			return unix.FcntlInt(uintptr(dir), unix.F_DUPFD_CLOEXEC, 0)
		}
		if err := unix.Mkdirat(dir, name, 0o700); err != nil {
			return -1, err
		}
		if err := r.willRemove(dir, name, h.Path, unix.AT_REMOVEDIR); err != nil {
			return -1, err
		}
		fd, err = unix.Openat(dir, name, flags, 0)
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	foreign := st.Uid != uint32(os.Getuid()) && (final || st.Uid != 0)
	byGroup := st.Mode&0o020 != 0 && st.Gid != uint32(os.Getgid()) // the caller's own group is trusted, as umask 002 has it
	open := (st.Mode&0o002 != 0 || byGroup) && (final || st.Mode&unix.S_ISVTX == 0)
	if foreign || open {
		unix.Close(fd)
		return -1, errSwappable
	}
	return fd, nil
}

// writeMaps writes the id maps of the child's user namespace, user_namespaces(7).
func (r *run) writeMaps() *Failure {
	for i := range r.prog.Host {
		h := &r.prog.Host[i]
		if h.Kind != program.WriteMap {
			continue
		}
		r.began(h.Step)
		for _, m := range []struct {
			file, tool string
			lines      []program.IDLine
		}{{"uid_map", h.Maps.UIDTool, h.Maps.UIDs}, {"gid_map", h.Maps.GIDTool, h.Maps.GIDs}} {
			var err error
			if m.tool != "" {
				err = runIDTool(m.tool, r.child.PID, m.lines)
			} else {
				err = writeMap(fmt.Sprintf("/proc/%d/%s", r.child.PID, m.file), m.lines)
			}
			if err != nil {
				return r.failHost(h, fmt.Errorf("%s: %w", m.file, err))
			}
		}
	}
	return nil
}

func writeMap(file string, lines []program.IDLine) error {
	var b bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&b, "%d %d %d\n", l.Box, l.Host, l.Size)
	}
	return os.WriteFile(file, b.Bytes(), 0)
}

// runIDTool runs newuidmap(1) or newgidmap(1) with numbers only, so that nothing can be read as an option.
func runIDTool(tool string, pid int, lines []program.IDLine) error {
	args := []string{strconv.Itoa(pid)}
	for _, l := range lines {
		for _, n := range []uint32{l.Box, l.Host, l.Size} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	cmd := exec.Command(tool, args...)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) > 0 {
		return fmt.Errorf("%s: %w", strings.TrimSpace(string(out)), err)
	}
	return err
}

// undo takes back what was done on the host, last first.
func (r *run) undo() error {
	errs := &multierror.Error{ErrorFormat: inOneLine}
	if err := r.removeCgroups(); err != nil {
		errs = multierror.Append(errs, err)
	}
	for i := len(r.undoers) - 1; i >= 0; i-- {
		if err := r.undoers[i](); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
			errs = multierror.Append(errs, err)
		}
	}
	r.release()
	return errs.ErrorOrNil()
}

// inOneLine is several errors as a message has them.
func inOneLine(list []error) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// release lets go of the locks.
func (r *run) release() {
	for _, fd := range r.closers {
		unix.Close(fd)
	}
	r.closers = nil
}

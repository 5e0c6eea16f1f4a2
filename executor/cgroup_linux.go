package executor

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/boxfile/boxfile/executor/internal/cgroup"
	"github.com/boxfile/boxfile/executor/internal/fork"
	"github.com/boxfile/boxfile/executor/internal/scope"
	"github.com/boxfile/boxfile/executor/program"
	"github.com/hashicorp/go-multierror"
	"golang.org/x/sys/unix"
)

func (r *run) notEnforced(step int, why string) {
	if r.opts.NotEnforced != nil {
		r.opts.NotEnforced(step, why)
	}
}

// makeCgroup makes a cgroup of the box.
func (r *run) makeCgroup(i int) *Failure {
	h := &r.prog.Host[i]
	c := h.Cgroup
	p := cgroup.Place{Parent: c.Parent, Name: c.Name, Missing: c.Missing, Leave: c.Leave, Prepare: c.Prepare}
	if c.Version == 2 {
		p.Controllers = c.Controllers
	}
	if p.Parent == "" {
		own, err := cgroup.Own()
		if err != nil {
			return r.failCgroup(h, err)
		}
		p.Parent = path.Join(c.Mount, own)
	}
	g, err := cgroup.Make(p)
	if err != nil {
		return r.failCgroup(h, err)
	}
	if r.cgroups == nil {
		r.cgroups = map[int]*cgroup.Group{}
	}
	r.cgroups[i] = g
	return nil
}

// scopeTime is how long systemd may take to make a scope.
const scopeTime = 10 * time.Second

// askScope has systemd move this process into a scope of its own, which goes when boxfile does.
func (r *run) askScope(h *program.HostOp) *Failure {
	err := scope.Start(scope.User, h.Name, "box "+h.Name, scopeTime)
	if err == nil {
		return nil
	}
	f := r.fail(h.Step, h.String(), err)
	f.Message = "cannot have a cgroup for the box: systemd gave no scope"
	f.Cause = err.Error()
	f.Fix = "systemd-run --user --scope -p Delegate=yes boxfile up FILE"
	return f
}

// setLimit writes a limit and reads it back.
func (r *run) setLimit(h *program.HostOp) *Failure {
	rounding := uint64(0)
	if h.Pages || h.Verbatim {
		rounding = uint64(os.Getpagesize())
	}
	g := r.cgroups[h.Group]
	err := g.Set(h.Path, h.Value, rounding)
	if err == nil && r.prog.Host[h.Group].Cgroup.Version == 2 && strings.HasPrefix(h.Path, "cpuset.") {
		err = g.Effective(h.Path, h.Value)
	}
	if err == nil && h.Own {
		err = g.Own(h.Path)
	}
	if err == nil || h.IfThere && errors.Is(err, unix.ENOENT) {
		return nil
	}
	f := r.failCgroup(h, err)
	if !h.BestEffort {
		return f
	}
	if r.letGo != h.Step+1 { // once, however many files it has
		r.letGo = h.Step + 1
		r.notEnforced(h.Step, strings.TrimPrefix(strings.Join([]string{f.Cause, f.Detail}, "; "), "; "))
	}
	return nil
}

// join gives the child what it joins namespaces by, and has it begin in the box's cgroups.
func (r *run) join(l *fork.Listing) error {
	for reg, fd := range r.doors {
		l.Preset(int(reg), uint64(fd))
	}
	for i := range r.prog.Host {
		g := r.cgroups[i]
		if g == nil {
			continue
		}
		c := r.prog.Host[i].Cgroup
		door := g.Tasks
		if c.Version == 2 {
			door = g.Entry
		}
		fd, err := door()
		if err != nil {
			return err
		}
		r.closers = append(r.closers, fd)
		if c.Version == 2 {
			l.Cgroup = fd
		} else {
			l.Preset(int(c.Tasks), uint64(fd))
		}
		if c.Box == 0 {
			continue
		}
		limit, dir, err := g.Ends()
		if err != nil {
			return err
		}
		r.closers = append(r.closers, limit, dir)
		l.Preset(int(c.Max), uint64(limit))
		l.Preset(int(c.Box), uint64(dir))
	}
	return nil
}

// killCgroups ends what is left of a box that shares its pid namespace.
func (r *run) killCgroups() error {
	errs := &multierror.Error{ErrorFormat: inOneLine}
	for _, g := range r.cgroups {
		if err := g.Kill(); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	return errs.ErrorOrNil()
}

// removeCgroups removes the box's cgroups, last first.
func (r *run) removeCgroups() error {
	errs := &multierror.Error{ErrorFormat: inOneLine}
	for i := len(r.prog.Host) - 1; i >= 0; i-- {
		if g := r.cgroups[i]; g != nil {
			if err := g.Remove(); err != nil {
				errs = multierror.Append(errs, err)
			}
			delete(r.cgroups, i)
		}
	}
	return errs.ErrorOrNil()
}

// failCgroup tells why a cgroup or one of its files is not to be had.
func (r *run) failCgroup(h *program.HostOp, err error) *Failure {
	f := r.fail(h.Step, h.String(), err)
	f.Detail = err.Error()
	var e *cgroup.Error
	if !errors.As(err, &e) {
		f.Message += ": " + reason(err)
		return f
	}
	file := path.Base(e.Path)
	switch {
	case errors.Is(err, cgroup.ErrEffect):
		f.Message += ": a cgroup above allows less"
		f.Cause = e.Error()
	case errors.Is(err, cgroup.ErrValue):
		f.Message += ": the kernel did not keep it"
		f.Cause = fmt.Sprintf("%s was written %q; %v", file, e.Value, e.Err)
	case errors.Is(err, unix.ENOENT) && file == "memory.memsw.limit_in_bytes", errors.Is(err, unix.ENOENT) && strings.HasPrefix(file, "memory.swap"):
		f.Message += ": the kernel does not account swap"
		f.Cause, f.Fix = "there is no "+e.Path, "boot with swapaccount=1, or write swap: unlimited"
	case errors.Is(err, unix.ENOENT) && h.Kind == program.SetLimit:
		f.Message += ": this kernel has no such limit"
		f.Cause = "there is no " + e.Path
		if strings.Contains(file, "weight") && !strings.HasPrefix(file, "cpu") {
			f.Fix = "weights of disks need io.cost on cgroup v2, and the BFQ scheduler on v1; bounds such as read_bps do not"
		}
	case errors.Is(err, unix.EROFS):
		f.Message += ": cgroups are read-only here"
		f.Cause, f.Fix = e.Path+" is on a file system that is mounted read-only", "give the outer container a writable /sys/fs/cgroup"
	case errors.Is(err, unix.EBUSY) && file == "cgroup.subtree_control":
		f.Message += ": processes are in the way"
		f.Cause = "other processes are in " + path.Dir(e.Path) + ", and cgroup v2 limits only what is below a cgroup without processes (no internal processes)"
		f.Fix = program.InScope(os.Getuid())
	case errors.Is(err, unix.EAGAIN) && e.Op == "mkdir":
		f.Message += ": there are too many cgroups"
		f.Cause = "cgroup.max.descendants or cgroup.max.depth of a cgroup above is reached"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EOPNOTSUPP):
		f.Message += ": the kernel refuses it"
		f.Cause = fmt.Sprintf("%s does not take %q", file, e.Value)
	default:
		f.Message += ": " + reason(e.Err)
	}
	return f
}

// counter reads a number from a file of a cgroup: the file's own, or that of the line that begins with key.
func counter(g *cgroup.Group, file, key string) *uint64 {
	text, err := g.Read(file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || key != "" && f[0] != key {
			continue
		}
		var n uint64
		if _, err := fmt.Sscan(f[len(f)-1], &n); err == nil {
			return &n
		}
	}
	return nil
}

// transferred adds up the bytes that disks have read and written for a cgroup.
func transferred(g *cgroup.Group, version int) (read, written *uint64) {
	file := "io.stat"
	if version == 1 {
		file = "blkio.throttle.io_service_bytes_recursive"
	}
	text, err := g.Read(file)
	if err != nil {
		return nil, nil
	}
	read, written = new(uint64), new(uint64)
	for _, to := range [...]struct {
		sum    *uint64
		v1, v2 string
	}{{read, "Read", "rbytes="}, {written, "Write", "wbytes="}} {
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			var n uint64
			if at := slices.Index(f, to.v1); version == 1 && at >= 0 && at+1 < len(f) {
				_, _ = fmt.Sscan(f[at+1], &n) // a number, or nothing is added
			}
			for _, w := range f {
				if v, ok := strings.CutPrefix(w, to.v2); ok && version == 2 {
					_, _ = fmt.Sscan(v, &n)
				}
			}
			*to.sum += n
		}
	}
	return read, written
}

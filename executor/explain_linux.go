package executor

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

func (r *run) words(step int) string {
	if step < 0 || step >= len(r.prog.Plan.Steps) {
		return "set up the box"
	}
	return program.Words(r.prog.Plan.Steps[step])
}

// because notes what was found, if anything was.
func (f *Failure) because(c host.Cause) {
	if c.Cause != "" {
		f.Cause, f.Fix = c.Cause, c.Fix
	}
}

// fail is a failure of boxfile's own machinery.
func (r *run) fail(step int, op string, err error) *Failure {
	return &Failure{Step: step, Op: -1, Code: CodeBoxfile, Err: err, Message: "cannot " + r.words(step), Detail: fmt.Sprintf("%s: %v", op, err)}
}

func (r *run) failHost(h *program.HostOp, err error) *Failure {
	f := r.fail(h.Step, h.String(), err)
	f.Message += ": " + reason(err)
	if h.Kind == program.WriteMap && h.Maps.UIDTool != "" {
		f.because(host.This().IDTool(h.Maps.UIDTool))
		if f.Cause == "" {
			f.because(host.This().IDTool(h.Maps.GIDTool))
		}
	}
	if errors.Is(err, unix.ENOENT) && h.Kind != program.WriteMap {
		f.Message = "cannot " + r.words(h.Step) + ": its parent directory does not exist"
	}
	return f
}

func (r *run) failKeep(h *program.HostOp, part string, err error) *Failure {
	f := r.fail(h.Step, h.String(), err)
	switch {
	case errors.Is(err, errSwappable):
		f.Message += ": " + part + " belongs to, or can be written by, another user"
		f.Fix = "keep writes in a directory that is yours, below directories that only you and root can change"
	case errors.Is(err, unix.EWOULDBLOCK):
		f.Message += ": another box is using it"
		f.Fix = "end that box, or keep the writes of this one elsewhere"
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
		f.Message += ": " + part + " is a symbolic link or not a directory"
		f.Fix = "write the directory's real path"
	default:
		f.Message += ": " + part + ": " + reason(err)
	}
	return f
}

// reason is an errno in a user's words.
func reason(err error) string {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return err.Error()
	}
	switch e {
	case unix.EPERM:
		return "not permitted"
	case unix.EACCES:
		return "permission denied"
	case unix.ENOENT:
		return "it does not exist"
	}
	return e.Error()
}

// explain tells a failed op in the words of the step that asked for it.
func (r *run) explain(tag int, errno syscall.Errno) *Failure {
	op := opAt(r.prog, tag)
	if op == nil {
		return r.unforked(errno)
	}
	f := r.fail(op.Step, op.String(), errno)
	f.Op, f.Detail = tag, fmt.Sprintf("op %d, %s: %s", tag, op, unix.ErrnoName(errno))
	f.Message += ": " + reason(errno)
	kind := r.prog.Kind(op.Step)
	switch {
	case op.Executes():
		explainExec(f, errno)
	case op.Call.Name == "setns" && errno == unix.EPERM:
		if op.Args[1].Num != unix.CLONE_NEWUSER {
			f.Fix = "join the user namespace that owns it as well (namespaces.user), or run boxfile as root"
		} else {
			f.Fix = "run boxfile as the user who made it, or as root"
		}
	case op.Call.Name == "unshare":
		f.because(host.This().UserNamespaces(errno))
	case op.Call.Name == "write" && kind == "clocks" && errno == unix.ERANGE:
		f.Message = "cannot " + r.words(op.Step) + ": the kernel's clocks do not go that far"
	case kind == "idmap":
		f.because(host.This().UserNamespaces(errno))
	case kind == "propagation" && errno == unix.EINVAL:
		f.because(host.This().Chroot())
	case kind == "workdir" && (errno == unix.ENOENT || errno == unix.ENOTDIR || errno == unix.ELOOP):
		f.Fix = "workdir has to be a directory of the box, and no link of /proc"
	case op.Call.Name == "openat2" && errno == unix.EXDEV:
		f.Message = "cannot " + r.words(op.Step) + ": a symbolic link in the path leads out of the Boxfile's folder, or of what the box can write"
		f.Fix = "write the path that the link leads to"
	case op.Call.Name == "openat2" && errno == unix.ELOOP:
		f.Message = "cannot " + r.words(op.Step) + ": the path goes through a symbolic link that may not be followed"
		f.Fix = "write the path that the link leads to"
	case op.Call.Name == "fsconfig" && errno == unix.ELOOP:
		f.Message = "cannot " + r.words(op.Step) + ": there is a symbolic link in the kept directory in place of a layer"
		f.Fix = "look at what has put it there, then remove the kept directory"
	case op.Call.Name == "openat2" && errno == unix.ENOENT && r.insideBox(op):
		f.Message = "cannot " + r.words(op.Step) + ": " + op.Args[1].Text + " does not exist in the box"
		f.Fix = "create it in the rootfs, or set rootfs.write: discard"
	case op.Call.Name == "move_mount" && (errno == unix.ENOTDIR || errno == unix.EINVAL):
		f.Fix = "what is mounted and its target have to be both a directory, or both a file"
	case op.Call.Name == "pivot_root" && errno == unix.EINVAL:
		f.because(host.This().Root())
	case (op.Call.Name == "fsconfig" || op.Call.Name == "fsmount") && errno == unix.EPERM && strings.Contains(f.Message, "proc"):
		f.because(host.This().HiddenProc())
	case op.Call.Name == "setgroups" && errno == unix.EPERM:
		if f.because(host.This().Groups()); f.Cause == "" {
			f.Cause = "newgidmap denies it to a box that has only your own group"
			f.Fix = "map a range that /etc/subgid grants you as well, or set idmap: caller"
		}
	case op.Call.Name == "prlimit64" && errno == unix.EPERM:
		f.Message = "cannot " + r.words(op.Step) + ": the hard limit of the caller is lower"
		f.Fix = "lower the limit in the file, or raise the caller's (ulimit -H)"
	case op.Call.Name == "open_tree" && errno == unix.EINVAL && kind == "system":
		f.because(host.This().Clone(op.Args[1].Text))
	}
	if f.Cause == "" && f.Fix == "" && kind != "exec" {
		f.because(host.This().Refused(op.Call.Name, errno))
	}
	return f
}

// unforked tells why process 1, or the command's process, could not be forked.
func (r *run) unforked(errno syscall.Errno) *Failure {
	f := r.fail(-1, "forking the box's process", errno)
	for i, s := range r.prog.Plan.Steps {
		if j, ok := s.(*plan.Join); ok && j.Namespace == "pid" && errno == unix.ENOMEM { // as pid_namespaces(7) has it
			f.Step, f.Message = i, "cannot "+r.words(i)+": its process 1 has ended, and it takes no other"
			f.Fix = "name the pid namespace of a process that runs"
		}
	}
	return f
}

// insideBox reports whether an openat2 resolves a path of the box rather than of the host.
func (r *run) insideBox(op *program.Op) bool {
	for _, f := range op.Args[2].More.Fields {
		if f.Name == "resolve" {
			return f.Num&unix.RESOLVE_IN_ROOT != 0
		}
	}
	return false
}

func explainExec(f *Failure, errno syscall.Errno) {
	switch errno {
	case unix.ENOENT, unix.ENOTDIR:
		f.Code = CodeNotFound
		f.Message = strings.TrimSuffix(f.Message, reason(errno)) + "not found in the box"
		f.Fix = "check the command and the rootfs; a script's interpreter and a program's dynamic loader have to be there too"
	default:
		f.Code = CodeNotExecutable
	}
}

// explainFork tells why no child could be made.
func (r *run) explainFork(err error) *Failure {
	step := -1
	for i := range r.prog.Plan.Steps {
		if r.prog.Kind(i) == "unshare" {
			step = i
		}
	}
	f := r.fail(step, "clone3", err)
	f.Message += ": " + reason(err)
	var e syscall.Errno
	if errors.As(err, &e) && r.prog.Flags&unix.CLONE_INTO_CGROUP != 0 && (e == unix.EACCES || e == unix.EBUSY || e == unix.EOPNOTSUPP || e == unix.ENODEV) {
		f.Message = "cannot start the box in its cgroup: " + reason(err)
		f.Fix = program.InScope(os.Getuid())
		return f
	}
	if errors.As(err, &e) && r.prog.Flags&unix.CLONE_NEWUSER != 0 {
		f.because(host.This().UserNamespaces(e))
	}
	if f.Cause == "" {
		f.because(host.This().Refused("clone3", err))
	}
	if f.Cause != "" && r.prog.Flags&unix.CLONE_NEWUSER != 0 {
		f.Message = "this system does not let boxfile make namespaces"
	}
	return f
}

package executor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

func (r *run) words(step int) string {
	if step < 0 || step >= len(r.prog.Plan.Steps) {
		return "set up the box"
	}
	return program.Words(r.prog.Plan.Steps[step])
}

// fail is a failure of boxfile's own machinery.
func (r *run) fail(step int, op string, err error) *Failure {
	return &Failure{Step: step, Code: CodeBoxfile, Err: err, Message: "cannot " + r.words(step), Detail: fmt.Sprintf("%s: %v", op, err)}
}

func (r *run) failHost(h *program.HostOp, err error) *Failure {
	f := r.fail(h.Step, h.String(), err)
	f.Message += ": " + reason(err)
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
		return r.fail(-1, "forking the command", errno)
	}
	f := r.fail(op.Step, op.String(), errno)
	f.Detail = fmt.Sprintf("op %d, %s: %s", tag, op, unix.ErrnoName(errno))
	f.Message += ": " + reason(errno)
	kind := r.prog.Kind(op.Step)
	switch {
	case op.Call.Name == "execve":
		explainExec(f, errno)
	case kind == "idmap":
		f.Cause, f.Fix = userNamespaceCause(errno)
	case kind == "workdir" && (errno == unix.ENOENT || errno == unix.ENOTDIR || errno == unix.ELOOP):
		f.Fix = "workdir has to be a directory of the box, and no link of /proc"
	case op.Call.Name == "openat2" && errno == unix.EXDEV:
		f.Message = "cannot " + r.words(op.Step) + ": a symbolic link in the path leads out of the Boxfile's folder"
		f.Fix = "write the path that the link leads to"
	case op.Call.Name == "openat2" && errno == unix.ELOOP:
		f.Message = "cannot " + r.words(op.Step) + ": the path goes through a symbolic link that may not be followed"
		f.Fix = "write the path that the link leads to"
	case op.Call.Name == "openat2" && errno == unix.ENOENT && r.insideBox(op):
		f.Message = "cannot " + r.words(op.Step) + ": " + op.Args[1].Text + " does not exist in the box"
		f.Fix = "create it in the rootfs, or set rootfs.write: discard"
	case op.Call.Name == "move_mount" && (errno == unix.ENOTDIR || errno == unix.EINVAL):
		f.Fix = "what is mounted and its target have to be both a directory, or both a file"
	case op.Call.Name == "pivot_root" && errno == unix.EINVAL:
		f.Cause, f.Fix = rootCause()
	case (op.Call.Name == "fsconfig" || op.Call.Name == "fsmount") && errno == unix.EPERM && strings.Contains(f.Message, "proc"):
		f.Cause, f.Fix = procCause()
	case op.Call.Name == "setgroups" && errno == unix.EPERM:
		f.Cause = "newgidmap denies it to a box that has only your own group"
		f.Fix = "map a range that /etc/subgid grants you as well, or set idmap: caller"
	case op.Call.Name == "prlimit64" && errno == unix.EPERM:
		f.Message = "cannot " + r.words(op.Step) + ": the hard limit of the caller is lower"
		f.Fix = "lower the limit in the file, or raise the caller's (ulimit -H)"
	case op.Call.Name == "open_tree" && errno == unix.EINVAL && kind == "system":
		if b, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
			f.Cause, f.Fix = cloneCause(string(b), op.Args[1].Text)
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
		f.Cause, f.Fix = userNamespaceCause(e)
		if f.Cause != "" {
			f.Message = "this system does not let boxfile create a user namespace"
		}
	}
	return f
}

// sysctl reads a setting, or "" where this kernel does not have it.
func sysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// userNamespaceCause looks for what forbids user namespaces on this host.
func userNamespaceCause(errno syscall.Errno) (cause, fix string) {
	switch {
	case sysctl("user.max_user_namespaces") == "0":
		return "user.max_user_namespaces is 0", "sudo sysctl user.max_user_namespaces=15000"
	case sysctl("kernel.unprivileged_userns_clone") == "0" && os.Getuid() != 0:
		return "kernel.unprivileged_userns_clone is 0", "sudo sysctl kernel.unprivileged_userns_clone=1"
	case sysctl("kernel.apparmor_restrict_unprivileged_userns") == "1" && os.Getuid() != 0 && (errno == unix.EPERM || errno == unix.EACCES):
		return "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)", "give boxfile an AppArmor profile with the userns permission"
	case errno == unix.ENOSPC || errno == unix.EUSERS:
		return "the limit of nested or of all user namespaces is reached", "sysctl user.max_user_namespaces"
	}
	return "", ""
}

// rootCause says why pivot_root is refused: a ramfs cannot be left by it.
func rootCause() (cause, fix string) {
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err == nil && st.Type == unix.RAMFS_MAGIC {
		return "the host's root is a ramfs", "rootfs.enter: chroot"
	}
	return "", ""
}

// cloneCause says, from mountinfo, why a directory cannot be cloned: alone, it
// would show what is mounted over in it, and an unbindable mount is never cloned.
func cloneCause(mountinfo, dir string) (cause, fix string) {
	for line := range strings.Lines(mountinfo) {
		head, _, _ := strings.Cut(line, " - ") // proc_pid_mountinfo(5): optional fields end there
		f := strings.Fields(head)
		if len(f) < 6 {
			continue
		}
		below := strings.HasPrefix(f[4], strings.TrimSuffix(dir, "/")+"/")
		switch {
		case (below || f[4] == dir) && slices.Contains(f[6:], "unbindable"):
			return f[4] + " is mounted unbindable", "mount --make-private " + f[4]
		case below && cause == "":
			cause = "something is mounted on " + f[4] + ", and a layer without it would show what it hides"
			fix = "rootfs.write: none"
		}
	}
	return cause, fix
}

// procCause lists what hides parts of this system's /proc: the kernel then refuses a full new one.
func procCause() (cause, fix string) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", ""
	}
	var over []string
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 4 && strings.HasPrefix(f[4], "/proc/") && f[4] != "/proc/sys/fs/binfmt_misc" {
			over = append(over, f[4])
		}
	}
	if len(over) == 0 {
		return "", ""
	}
	return "parts of this system's own /proc are hidden (" + strings.Join(over, ", ") + "), as in an outer container",
		"run the outer container with --security-opt unmask=ALL, or set proc: host-ro"
}

package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Cause is what was found on this machine that stands in the way, and one
// command or key that helps. The zero Cause is "nothing was found".
type Cause struct{ Cause, Fix string }

// System is where causes are looked for, after something has failed.
type System struct {
	Proc string // /proc, or in a test a folder like it
	UID  int
}

// This is the machine and the caller as they are.
func This() System { return System{Proc: "/proc", UID: os.Getuid()} }

func (s System) read(file string) string {
	b, err := os.ReadFile(s.Proc + "/" + file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// mounts are those that the caller sees.
func (s System) mounts() []mountLine {
	var out []mountLine
	for line := range strings.Lines(s.read("self/mountinfo")) {
		if m, ok := readMount(line); ok {
			out = append(out, m)
		}
	}
	return out
}

// sysctl reads a setting, or "" where this kernel does not have it.
func (s System) sysctl(name string) string {
	return s.read("sys/" + strings.ReplaceAll(name, ".", "/"))
}

// status is a line of the caller's own proc_pid_status(5).
func (s System) status(key string) string {
	for line := range strings.Lines(s.read("self/status")) {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// UserNamespaces looks for what forbids user namespaces, user_namespaces(7).
func (s System) UserNamespaces(err error) Cause {
	switch {
	case s.sysctl("user.max_user_namespaces") == "0":
		return Cause{"user.max_user_namespaces is 0", "sudo sysctl user.max_user_namespaces=15000"}
	case s.sysctl("kernel.unprivileged_userns_clone") == "0" && s.UID != 0:
		return Cause{"kernel.unprivileged_userns_clone is 0", "sudo sysctl kernel.unprivileged_userns_clone=1"}
	case errors.Is(err, unix.EPERM) && s.Chroot().Cause != "":
		return s.Chroot()
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		if full := s.noNamespaces(); full != "" {
			return Cause{full + " is 0", "sudo sysctl " + full + "=15000"}
		}
		return Cause{"the limit of user namespaces is reached: user.max_user_namespaces is " + s.sysctl("user.max_user_namespaces") + ", and at most 32 can be nested",
			"end what holds them (lsns -t user), or raise the limit: sudo sysctl user.max_user_namespaces=NUMBER"}
	}
	return s.restricted(err)
}

// Chroot says that boxfile runs in a chroot, in which no user namespace can be
// made, chroot(2): its mountinfo has nothing at "/".
func (s System) Chroot() Cause {
	if s.read("self/mountinfo") == "" || slices.ContainsFunc(s.mounts(), func(m mountLine) bool { return m.at == "/" }) {
		return Cause{}
	}
	return Cause{"boxfile runs in a chroot, in which no box can be made", "run it outside, or make the directory a root of its own (unshare -m, pivot_root)"}
}

// Groups says why the supplementary groups cannot be set, user_namespaces(7).
func (s System) Groups() Cause {
	if s.read("self/setgroups") == "deny" {
		return Cause{"boxfile runs in a user namespace that denies it (/proc/self/setgroups says deny)", "run boxfile outside of it, or as an ordinary user"}
	}
	return Cause{}
}

// noNamespaces is the setting that allows no namespace of some type, namespaces(7).
func (s System) noNamespaces() string {
	for _, n := range [...]string{"mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		if name := "user.max_" + n + "_namespaces"; s.sysctl(name) == "0" {
			return name
		}
	}
	return ""
}

// restricted: since Ubuntu 23.10 programs without an AppArmor profile get user
// namespaces in which nothing is permitted. What such a namespace breaks first
// differs: the id map, a mount or loopback.
func (s System) restricted(err error) Cause {
	if s.UID == 0 || !forbidden(err) || s.sysctl("kernel.apparmor_restrict_unprivileged_userns") != "1" || s.profile() != "unconfined" {
		return Cause{}
	}
	return Cause{"AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
		"give boxfile a profile: sudo cp contrib/apparmor/boxfile /etc/apparmor.d/ && sudo apparmor_parser -r /etc/apparmor.d/boxfile"}
}

// profile is the AppArmor profile of the caller; a kernel without AppArmor counts as none.
func (s System) profile() string {
	p := s.read("self/attr/apparmor/current")
	if p == "" {
		p = "unconfined"
	}
	return p
}

func forbidden(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

// privileged are the calls that only a capability allows, so that EPERM and EACCES
// do not come from the permissions of a file.
var privileged = [...]string{"chroot", "clone3", "fsconfig", "fsmount", "fsopen", "ioctl", "mount_setattr", "move_mount", "pivot_root", "sethostname", "umount2", "unshare"}

// Refused looks for what refuses a call that every kernel which can run boxes
// has, and permits in a user namespace of one's own.
func (s System) Refused(call string, err error) Cause {
	rightful := slices.Contains(privileged[:], call)
	if c := s.restricted(err); c.Cause != "" && rightful {
		return c
	}
	filter := s.Filtered() && (forbidden(err) || errors.Is(err, unix.ENOSYS))
	const fix = "run the outer container with --security-opt seccomp=unconfined, or with a filter that allows "
	switch {
	case filter && filtered(call):
		return Cause{"a seccomp filter refuses " + call + " (Seccomp is 2 in /proc/self/status), as in an outer container", fix + call}
	case errors.Is(err, unix.EACCES) && rightful && strings.HasSuffix(s.profile(), "(enforce)"):
		return Cause{"the AppArmor profile " + strings.TrimSuffix(s.profile(), " (enforce)") + " confines boxfile, as in an outer container",
			"run the outer container with --security-opt apparmor=unconfined"}
	case filter && (rightful && !errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS)):
		return Cause{"boxfile runs under a seccomp filter (Seccomp is 2 in /proc/self/status), as in an outer container, which may be what refuses " + call, fix + call}
	}
	return Cause{}
}

// harmless are calls with arguments that do nothing, and with which no kernel
// answers as a filter does.
var harmless = [...]struct {
	call string
	nr   uintptr
	args [4]uintptr
}{
	{"clone3", unix.SYS_CLONE3, [4]uintptr{}},                                   // EINVAL: no structure is so small
	{"unshare", unix.SYS_UNSHARE, [4]uintptr{}},                                 // nothing to unshare
	{"mount_setattr", unix.SYS_MOUNT_SETATTR, [4]uintptr{^uintptr(0)}},          // EINVAL, likewise
	{"fsconfig", unix.SYS_FSCONFIG, [4]uintptr{^uintptr(0)}},                    // EINVAL: no such descriptor
	{"open_tree", unix.SYS_OPEN_TREE, [4]uintptr{^uintptr(0)}},                  // EFAULT: no path
	{"openat2", unix.SYS_OPENAT2, [4]uintptr{^uintptr(0)}},                      // EINVAL, likewise
	{"close_range", unix.SYS_CLOSE_RANGE, [4]uintptr{^uintptr(0), ^uintptr(0)}}, // closes none
	{"prlimit64", unix.SYS_PRLIMIT64, [4]uintptr{0, unix.RLIMIT_CORE}},          // neither sets nor gets
	{"socket", unix.SYS_SOCKET, [4]uintptr{^uintptr(0)}},                        // no such family
}

// filtered makes the call harmlessly: a filter answers before the kernel does.
// Only what a filter has just answered with an error is asked for again, because
// some filters kill.
func filtered(call string) bool {
	for _, h := range harmless {
		if h.call == call {
			_, _, errno := unix.RawSyscall6(h.nr, h.args[0], h.args[1], h.args[2], h.args[3], 0, 0)
			return errno == unix.EPERM || errno == unix.EACCES || errno == unix.ENOSYS
		}
	}
	return false
}

// HiddenProc lists what hides parts of this system's /proc: the kernel then refuses a full new one.
func (s System) HiddenProc() Cause {
	var over []string
	for _, m := range s.mounts() {
		if strings.HasPrefix(m.at, "/proc/") && m.at != "/proc/sys/fs/binfmt_misc" {
			over = append(over, m.at)
		}
	}
	if len(over) == 0 {
		return Cause{}
	}
	return Cause{"parts of this system's own /proc are hidden (" + strings.Join(over, ", ") + "), as in an outer container",
		"run the outer container with --security-opt unmask=ALL, or set proc: host-ro"}
}

// Root says why pivot_root is refused: a ramfs cannot be left by it.
func (s System) Root() Cause {
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err == nil && st.Type == unix.RAMFS_MAGIC {
		return Cause{"the host's root is a ramfs", "rootfs.enter: chroot"}
	}
	for _, m := range s.mounts() {
		if m.at == "/" && m.fs[0] == "rootfs" {
			return Cause{"the host's root is the kernel's first one (rootfs), which nothing can replace", "rootfs.enter: chroot"}
		}
	}
	return Cause{}
}

// Clone says why a directory cannot be cloned: alone, it would show what is
// mounted over in it, and an unbindable mount is never cloned.
func (s System) Clone(dir string) Cause {
	var found Cause
	for _, m := range s.mounts() {
		below := strings.HasPrefix(m.at, strings.TrimSuffix(dir, "/")+"/")
		switch {
		case (below || m.at == dir) && slices.Contains(m.optional, "unbindable"):
			return Cause{m.at + " is mounted unbindable", "mount --make-private " + m.at}
		case below && found.Cause == "":
			found = Cause{"something is mounted on " + m.at + ", and a layer without it would show what it hides", "rootfs.write: none"}
		}
	}
	return found
}

// IDTool says why newuidmap or newgidmap could not write a map: it works by a
// privilege of its file's, which it does not get everywhere.
func (s System) IDTool(tool string) Cause {
	var st unix.Stat_t
	if err := unix.Stat(tool, &st); err != nil {
		return Cause{}
	}
	n, _ := unix.Getxattr(tool, "security.capability", nil) // none, or no file system that has any
	setuid := st.Mode&unix.S_ISUID != 0 && st.Uid == 0
	var fs unix.Statfs_t
	switch err := unix.Statfs(tool, &fs); {
	case !setuid && n <= 0:
		return Cause{tool + " is neither setuid root nor has it capabilities", "sudo chmod u+s " + tool + ", or idmap: caller"}
	case s.status("NoNewPrivs") == "1":
		return Cause{"boxfile was started with no_new_privs, under which " + tool + " has no privilege", "start boxfile without it, or set idmap: caller"}
	case err == nil && fs.Flags&unix.ST_NOSUID != 0:
		return Cause{tool + " lies on a file system that is mounted nosuid", "mount it without nosuid, or set idmap: caller"}
	}
	return Cause{}
}

// Filtered reports whether a seccomp filter is on the caller, seccomp(2).
func (s System) Filtered() bool { return s.status("Seccomp") == "2" }

// Confined is the AppArmor profile that is on the caller, or "".
func (s System) Confined() string {
	if p := s.profile(); p != "unconfined" {
		return p
	}
	return ""
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

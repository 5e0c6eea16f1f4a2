package executor_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// attempt is a system call that the default profile refuses, and its errno. Number
// and arguments are such that without the filter it gives another one, or succeeds.
type attempt struct {
	name string
	want syscall.Errno
	nr   uintptr
	args [6]uintptr
}

func attempts() []attempt {
	const missing = ^uintptr(0) // a descriptor and a pointer that are none
	return []attempt{
		{"keyctl", unix.EPERM, unix.SYS_KEYCTL, [6]uintptr{0, missing, 0}},
		{"add_key", unix.EPERM, unix.SYS_ADD_KEY, [6]uintptr{}},
		{"request_key", unix.EPERM, unix.SYS_REQUEST_KEY, [6]uintptr{}},
		{"io_uring_setup", unix.ENOSYS, unix.SYS_IO_URING_SETUP, [6]uintptr{1}},
		{"bpf", unix.EPERM, unix.SYS_BPF, [6]uintptr{1000}},
		{"perf_event_open", unix.EPERM, unix.SYS_PERF_EVENT_OPEN, [6]uintptr{}},
		{"userfaultfd", unix.EPERM, unix.SYS_USERFAULTFD, [6]uintptr{1 << 30}},
		{"mount", unix.EPERM, unix.SYS_MOUNT, [6]uintptr{missing, missing}},
		{"umount2", unix.EPERM, unix.SYS_UMOUNT2, [6]uintptr{missing, 1 << 30}},
		{"open_tree", unix.EPERM, unix.SYS_OPEN_TREE, [6]uintptr{missing, missing}},
		{"move_mount", unix.EPERM, unix.SYS_MOVE_MOUNT, [6]uintptr{missing, missing, missing, missing}},
		{"fsopen", unix.EPERM, unix.SYS_FSOPEN, [6]uintptr{missing}},
		{"mount_setattr", unix.EPERM, unix.SYS_MOUNT_SETATTR, [6]uintptr{missing, missing}},
		{"pivot_root", unix.EPERM, unix.SYS_PIVOT_ROOT, [6]uintptr{missing, missing}},
		{"setns", unix.EPERM, unix.SYS_SETNS, [6]uintptr{missing}},
		{"unshare of a user namespace", unix.EPERM, unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_NEWUSER}},
		{"unshare of a time namespace", unix.EPERM, unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_NEWTIME}},
		{"clone of a user namespace", unix.EPERM, unix.SYS_CLONE, [6]uintptr{unix.CLONE_NEWUSER | unix.CLONE_THREAD}},
		{"clone3", unix.ENOSYS, unix.SYS_CLONE3, [6]uintptr{}},
		{"TIOCSTI", unix.EPERM, unix.SYS_IOCTL, [6]uintptr{missing, unix.TIOCSTI}},
		{"TIOCSTI and more", unix.EPERM, unix.SYS_IOCTL, [6]uintptr{missing, unix.TIOCSTI | 1<<32}},
		{"TIOCLINUX", unix.EPERM, unix.SYS_IOCTL, [6]uintptr{missing, 0x541c}},
		{"TIOCLINUX and more", unix.EPERM, unix.SYS_IOCTL, [6]uintptr{missing, 0x541c | 1<<63}},
		{"a socket of AF_VSOCK", unix.EAFNOSUPPORT, unix.SYS_SOCKET, [6]uintptr{unix.AF_VSOCK, unix.SOCK_STREAM | 1<<30}},
		{"a socket of AF_ALG", unix.EAFNOSUPPORT, unix.SYS_SOCKET, [6]uintptr{unix.AF_ALG, unix.SOCK_STREAM | 1<<30}},
		{"a socket of AF_PACKET", unix.EAFNOSUPPORT, unix.SYS_SOCKET, [6]uintptr{unix.AF_PACKET, unix.SOCK_RAW}},
		{"a call that is none", unix.ENOSYS, 0x3fffffff, [6]uintptr{}},
		{"personality", unix.EPERM, unix.SYS_PERSONALITY, [6]uintptr{0x0400000}},
		// and what goes on
		{"an ioctl", unix.EBADF, unix.SYS_IOCTL, [6]uintptr{missing, unix.TCGETS}},
		{"a socket of AF_UNIX", unix.EINVAL, unix.SYS_SOCKET, [6]uintptr{unix.AF_UNIX, unix.SOCK_STREAM | 1<<30}},
		{"unshare of what threads share", 0, unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_FS}},
		{"personality's question", 0, unix.SYS_PERSONALITY, [6]uintptr{0xffffffff}},
	}
}

// probeCalls prints the errno of each attempt, in a thread of its own.
func probeCalls() {
	runtime.LockOSThread()
	for _, a := range attempts() {
		_, _, e := syscall.RawSyscall6(a.nr, a.args[0], a.args[1], a.args[2], a.args[3], a.args[4], a.args[5])
		fmt.Printf("%s: %d\n", a.name, e)
	}
}

// differs are the attempts that give another errno than the filter's.
func differs(t *testing.T, r result) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	all := attempts()
	if r.code != 0 || len(lines) != len(all) {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	var out []string
	for i, a := range all {
		if want := fmt.Sprintf("%s: %d", a.name, a.want); lines[i] != want {
			out = append(out, lines[i]+", not "+want)
		}
	}
	return out
}

// The default profile refuses what it says, with init and without, and nothing of
// it is refused without a filter: that is how the test could fail.
func TestSeccompDefault(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for name, p := range map[string]*planner{"init": fullPlan(t, "calls"), "no init": fullPlan(t, "calls").without("init"),
			"no_new_privs: false": fullPlan(t, "calls").without("no_new_privs")} {
			if d := differs(t, b.run(p.plan())); d != nil {
				t.Errorf("%s: %q", name, d)
			}
		}
		if d := differs(t, b.run(fullPlan(t, "calls").without("seccomp").plan())); len(d) < 20 {
			t.Errorf("without a filter only %d attempts give something else: %q", len(d), d)
		}
	})
}

// The filter is that of the command and of what it starts, and nobody can take it off.
func TestSeccompIsInherited(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		f := b.facts(fullPlan(t, "facts").plan())
		if f.Status["Seccomp"] != "2" || f.Status["Seccomp_filters"] == "0" {
			t.Errorf("Seccomp %s, %s filters", f.Status["Seccomp"], f.Status["Seccomp_filters"])
		}
	})
}

// A profile decides by its rules: the first that fits.
func TestSeccompProfile(t *testing.T) {
	allow := plan.SeccompAction{Action: "allow"}
	errno := func(n unix.Errno) plan.SeccompAction {
		return plan.SeccompAction{Action: "errno", Errno: uint16(n)}
	}
	p := fullPlan(t, "read", "/etc/hosts").replace(&plan.Seccomp{Profile: "./p.json", Otherwise: &allow, Rules: []plan.SeccompRule{
		{Calls: []string{"openat"}, Args: []plan.SeccompArg{{Index: 2, Mask: new(uint64), Op: "!="}}, SeccompAction: allow},
	}})
	each(t, func(t *testing.T, b *box) {
		if r := b.run(p.plan()); r.code != 125 || !strings.Contains(r.stderr, "condition on argument 2 is not possible") {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
		for want, s := range map[string]*plan.Seccomp{
			"value too large": {Otherwise: &allow, Rules: []plan.SeccompRule{{Calls: []string{"openat"}, SeccompAction: errno(unix.EOVERFLOW)}, {Calls: []string{"openat"}, SeccompAction: allow}}},
			"localhost":       {Otherwise: &allow, Rules: []plan.SeccompRule{{Calls: []string{"openat"}, Arches: []string{"mips"}, SeccompAction: errno(unix.EOVERFLOW)}}},
		} {
			r := b.run(fullPlan(t, "read", "/etc/hosts").replace(s).plan())
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%q is not in %q %q", want, r.stdout, r.stderr)
			}
		}
		kill := &plan.Seccomp{Otherwise: &allow, Rules: []plan.SeccompRule{{Calls: []string{"getrandom", "sysinfo"}, SeccompAction: plan.SeccompAction{Action: "kill_process"}}}}
		if r := b.run(fullPlan(t, "sysinfo").replace(kill).plan()); r.code != 128+int(unix.SIGSYS) {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
	})
}

// Whether a call is refused may depend on its arguments: then the start fails in the
// end, and what cannot even exit is ended by a signal.
func TestSeccompStopsTheStart(t *testing.T) {
	errno := plan.SeccompAction{Action: "errno", Errno: 1}
	some := []plan.SeccompArg{{Index: 5, Op: "!=", Value: 1 << 40}}
	each(t, func(t *testing.T, b *box) {
		for _, init := range []bool{true, false} {
			for _, calls := range [][]string{{"execve"}, {"execve", "write"}, {"execve", "write", "exit_group"}} {
				p := fullPlan(t, "exit", "0").replace(&plan.Seccomp{Otherwise: &plan.SeccompAction{Action: "allow"}, Rules: []plan.SeccompRule{{Calls: calls, Args: some, SeccompAction: errno}}})
				if !init {
					p.without("init")
				}
				if r := b.run(p.plan()); r.code < 125 || len(calls) == 1 && (r.code != 126 || !strings.Contains(r.stderr, "cannot execute /probe: not permitted")) {
					t.Errorf("%q, init %v: exit %d: %s", calls, init, r.code, r.stderr)
				}
			}
		}
	})
}

// A profile under which the command cannot even be started is told, and leaves nothing.
func TestSeccompRefusesTheStart(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for name, s := range map[string]*plan.Seccomp{
			"execve":             {Otherwise: &plan.SeccompAction{Action: "allow"}, Rules: []plan.SeccompRule{{Calls: []string{"execve"}, SeccompAction: plan.SeccompAction{Action: "errno", Errno: 1}}}},
			"execve, exit_group": {Otherwise: &plan.SeccompAction{Action: "kill_process"}},
			"exit_group, write":  {Otherwise: &plan.SeccompAction{Action: "errno", Errno: 1}},
		} {
			for _, init := range []bool{true, false} {
				p := fullPlan(t, "exit", "0").replace(s)
				if !init {
					p.without("init")
				}
				if r := b.run(p.plan()); r.code != 125 || !strings.Contains(r.stderr, "refuses what a start needs: ") || !strings.Contains(r.stderr, name) {
					t.Errorf("%s, init %v: exit %d: %s", name, init, r.code, r.stderr)
				}
			}
		}
	})
}

// Without the filter a box has a session keyring of its own, where there would be the caller's.
func TestKeyring(t *testing.T) {
	runtime.LockOSThread() // whose keyring it is, and which starts the boxes
	defer runtime.UnlockOSThread()
	caller, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
	if err != nil {
		t.Skip("no session keyring: ", err)
	}
	same := fmt.Sprintf("%d <nil>\n", caller)
	b, p := newBox(t), fullPlan(t, "keyring").without("seccomp")
	if r := b.run(p.plan()); r.stdout != same {
		t.Errorf("without a step for it the keyring is %s, not %s", r.stdout, same)
	}
	if r := b.run(p.before("capabilities", &plan.Keyring{}).plan()); r.stdout == same || !strings.Contains(r.stdout, "<nil>") {
		t.Errorf("the keyring is %s%s, the caller's %s", r.stdout, r.stderr, same)
	}
}

func probeSysinfo() {
	var info unix.Sysinfo_t
	fmt.Println(unix.Sysinfo(&info), os.Getpid())
}

package executor_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

// A default box sees nothing of the host and holds nothing of it.
func TestBoxIsolation(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		f := b.facts(fullPlan(t, "facts").plan())
		for _, n := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"} {
			outside, _ := os.Readlink("/proc/self/ns/" + n)
			if f.Namespaces[n] == outside || f.Namespaces[n] == "" {
				t.Errorf("%s namespace %q is the host's", n, f.Namespaces[n])
			}
		}
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if strings.Trim(f.Status[set], "0") != "" {
				t.Errorf("%s is %s", set, f.Status[set])
			}
		}
		want := map[string]any{"pid": 2, "uid": 0, "gid": 0, "cwd": "/", "umask": 0o22, "host": "testbox", "nnp": "1", "init": ""}
		got := map[string]any{"pid": f.PID, "uid": f.UID, "gid": f.GID, "cwd": f.Cwd, "umask": f.Umask, "host": f.Hostname, "nnp": f.Status["NoNewPrivs"],
			"init": strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(f.InitCmdline), selfCopy(t)))}
		for k := range want {
			if got[k] != want[k] {
				t.Errorf("%s is %v, not %v", k, got[k], want[k])
			}
		}
		if f.SID != f.PID {
			t.Errorf("session %d is not the command's own", f.SID)
		}
		for fd := range f.FDs {
			if !slices.Contains([]string{"0", "1", "2"}, fd) {
				t.Errorf("descriptor %s is open: %s", fd, f.FDs[fd])
			}
		}
		if len(f.Env) != 1 || len(f.Processes) != 2 || !slices.Equal(f.Interfaces, []string{"lo"}) {
			t.Errorf("environment %q, processes %q, interfaces %q", f.Env, f.Processes, f.Interfaces)
		}
		if f.Limits["core"] != [2]uint64{0, 0} {
			t.Errorf("core limit %v", f.Limits["core"])
		}
		checkMounts(t, f)
	})
}

// checkMounts compares the mount table with the plan: nothing of the host's is left in it.
func checkMounts(t *testing.T, f facts) {
	t.Helper()
	want := map[string]string{"/": "ro,nosuid,nodev", "/proc": "rw,nosuid,nodev,noexec", "/dev": "ro,nosuid,nodev,noexec", "/tmp": "rw,nosuid,nodev", "/probe": "ro,nosuid,nodev",
		"/dev/pts": "rw,nosuid,noexec", "/dev/shm": "rw,nosuid,nodev,noexec", "/proc/sys": "ro,nosuid,nodev,noexec"}
	for _, m := range f.Mounts {
		options := strings.NewReplacer(",relatime", "", ",noatime", "").Replace(m.Options)
		if w, ok := want[m.Target]; ok && w != options {
			t.Errorf("%s is mounted %s, not %s", m.Target, options, w)
		}
		delete(want, m.Target)
		if !strings.HasPrefix(m.Target, "/proc") && !strings.HasPrefix(m.Target, "/dev") && !slices.Contains([]string{"/", "/tmp", "/probe"}, m.Target) {
			t.Errorf("an unexpected mount: %+v", m)
		}
	}
	for target := range want {
		t.Errorf("%s is not mounted", target)
	}
}

// Process 1 is boxfile's own: soon after the command has begun it can do nothing to
// anybody, and nobody in the box can look into it.
func TestProcess1(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		l := b.start(fullPlan(t, "sleep"), false)
		first := 0
		waitFor(t, "process 1 with a command", func() bool {
			below := descendants(l.cmd.Process.Pid)
			if len(below) < 2 {
				return false
			}
			first = below[0]
			return true
		})
		want := []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"}
		waitFor(t, "process 1 without capabilities", func() bool {
			status := lines(fmt.Sprintf("/proc/%d/status", first))
			return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(status, w) })
		})
		if os.Getuid() != 0 {
			return // the rest can only root see
		}
		if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", first)); len(fds) > 2 || err != nil {
			t.Errorf("process 1 has the descriptors %v: %v", fds, err)
		}
		var st syscall.Stat_t
		if err := syscall.Stat(fmt.Sprintf("/proc/%d/environ", first), &st); err != nil || st.Uid != 0 { // proc(5): root's where it cannot be dumped
			t.Errorf("process 1 can be dumped by user %d: %v", st.Uid, err)
		}
	})
}

// Exit codes are the command's own, 128+N, 126 and 127, with and without init.
func TestStatus(t *testing.T) {
	cases := []struct {
		args []string
		exec string
		code int
	}{
		{[]string{"exit", "0"}, "", 0}, {[]string{"exit", "3"}, "", 3}, {[]string{"exit", "143"}, "", 143}, {[]string{"exit", "125"}, "", 125},
		{[]string{"kill", "9"}, "", 137}, {[]string{"kill", "15"}, "", 143},
		{nil, "/nosuch", 127}, {nil, "/etc/hosts", 126}, {nil, "/tmp", 126}, {nil, "nosuch", 127},
	}
	for _, init := range []bool{true, false} {
		for _, c := range cases {
			name := strings.Join(append(c.args, c.exec), " ")
			if !init {
				name += " without init"
				if len(c.args) > 0 && c.args[0] == "kill" && c.args[1] != "9" {
					continue // process 1 gets only the signals it handles, pid_namespaces(7)
				}
			}
			t.Run(name, func(t *testing.T) {
				p := fullPlan(t, c.args...)
				if c.exec != "" {
					p.replace(&plan.Exec{Args: []string{c.exec}})
					p.before("exec", &plan.Env{Name: "PATH", Value: []plan.EnvPart{{Text: "/usr/bin:/bin"}}})
				}
				if !init {
					p.without("init")
				}
				if !init && len(c.args) > 0 && c.args[0] == "kill" {
					c.code = 0 // and none from inside itself, not even SIGKILL
					p.replace(&plan.Exec{Args: []string{"/probe", "exit", "0"}})
				}
				r := newBox(t).run(p.plan())
				if r.code != c.code {
					t.Errorf("exit %d, not %d\n%s", r.code, c.code, r.stderr)
				}
				if c.exec != "" && !strings.Contains(r.stderr, `"step":"exec"`) {
					t.Errorf("the message does not name the step: %s", r.stderr)
				}
			})
		}
	}
}

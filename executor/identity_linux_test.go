package executor_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The caller is the box's user under any number, and the host sees files of the caller's.
func TestCallerIsUser(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("data/", "")
		p := fullPlan(t, "facts").replace(&plan.IDMap{UID: 1000, GID: 1001})
		if f := b.facts(p.plan()); f.UID != 1000 || f.GID != 1001 || strings.Trim(f.Status["CapPrm"], "0") != "" {
			t.Errorf("user %d, group %d, capabilities %s", f.UID, f.GID, f.Status["CapPrm"])
		}
		p = fullPlan(t, "write", "/data/x").replace(&plan.IDMap{UID: 1000, GID: 1001}).
			before("pivot_root", &plan.Mount{Type: "bind", Source: "./data", Target: "/data", Options: bindOptions})
		b.want(p, 0, "")
		want := uint32(os.Getuid())
		if b.user != nil {
			want = b.user.Uid
		}
		info, err := os.Stat(b.path("data/x"))
		if err != nil {
			t.Fatal(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != want {
			t.Errorf("the file belongs to %v", info.Sys())
		}
	})
}

// Subordinate ids make a box with many users; groups are exactly those of the file.
func TestSubordinate(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		name := "root"
		if b.user != nil {
			name = "ordinary"
		}
		if !granted(b.user) {
			b.want(subuidPlan(t, "facts"), 125, "subordinate")
			if b.user != nil {
				skip(t, "the ordinary user has no line in /etc/subuid")
			}
			return
		}
		f := b.facts(subuidPlan(t, "facts").plan())
		if f.UID != 33 || f.GID != 44 || !slices.Equal(f.Groups, []int{55, 66}) || strings.Trim(f.Status["CapEff"], "0") != "" {
			t.Errorf("%s: user %d, group %d, groups %v, capabilities %s", name, f.UID, f.GID, f.Groups, f.Status["CapEff"])
		}
	})
}

func subuidPlan(t *testing.T, args ...string) *planner {
	t.Helper()
	return fullPlan(t, args...).without("idmap").before("close_fds", &plan.IDMapRanges{Mode: "subuid"}).
		replace(&plan.Groups{GIDs: []uint32{55, 66}}).before("workdir", &plan.User{UID: 33, GID: 44})
}

func granted(c *syscall.Credential) bool {
	uid := os.Getuid()
	if c != nil {
		uid = int(c.Uid)
	}
	out, _ := exec.Command("id", "-un", strconv.Itoa(uid)).Output()
	b, _ := os.ReadFile("/etc/subuid")
	return strings.Contains("\n"+string(b), "\n"+strings.TrimSpace(string(out))+":") || strings.Contains("\n"+string(b), fmt.Sprintf("\n%d:", uid))
}

// Root writes explicit ranges itself; an ordinary user gets only what was granted.
func TestRanges(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		r := []plan.IDRange{{Box: 0, Host: 200000, Size: 100}, {Box: 1000, Host: 300000, Size: 1}}
		p := fullPlan(t, "facts").without("idmap").before("close_fds", &plan.IDMapRanges{Mode: "ranges", UIDs: r, GIDs: r}).
			replace(&plan.Groups{GIDs: []uint32{}}).before("workdir", &plan.User{UID: 1000, GID: 1000})
		if os.Getuid() != 0 || b.user != nil {
			b.want(p, 125, `"step":"idmap_ranges"`)
			return
		}
		if f := b.facts(p.plan()); f.UID != 1000 || len(f.Groups) > 1 {
			t.Errorf("user %d, groups %v", f.UID, f.Groups)
		}
	})
}

// Process 1 of a box with clocks has a process before it, and gets its ids all the same:
// whatever is heard first, one byte does not stand for another.
func TestRangesBehindAnotherProcess(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		r := []plan.IDRange{{Box: 0, Host: 200000, Size: 100}}
		ids, code := &plan.IDMapRanges{Mode: "ranges", UIDs: r, GIDs: r}, 125
		switch {
		case granted(b.user):
			ids, code = &plan.IDMapRanges{Mode: "subuid"}, 0
		case os.Getuid() == 0 && b.user == nil:
			code = 0
		}
		for n := range 20 {
			p := fullPlan(t, "facts").without("idmap").before("close_fds", ids).before("rootfs", &plan.Clocks{Boottime: 1e9}).
				replace(&plan.Unshare{Namespaces: []string{"user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"}})
			if n%2 == 0 {
				p.without("init")
			}
			if code != 0 {
				b.want(p, code, `"step":"idmap_ranges"`)
				continue
			}
			if f := b.facts(p.plan()); f.UID != 0 {
				t.Fatalf("user %d", f.UID)
			}
		}
	})
}

// A working directory below /proc/self/fd is no way to the host (CVE-2024-21626).
func TestWorkdirLinks(t *testing.T) {
	b := newBox(t)
	b.root("escape/")
	b.file("data/", "")
	mount := &plan.Mount{Type: "bind", Source: "./data", Target: "/escape", Options: bindOptions}
	fds := 40
	if testing.Short() {
		fds = 12
	}
	for fd := range fds {
		b.want(dirPlan(t, "none", "", "facts").before("pivot_root", mount).replace(&plan.Workdir{Path: fmt.Sprintf("/proc/self/fd/%d", fd)}), 125, `"step":"workdir"`)
	}
	b.link("/proc/self/fd/7", "root/link")
	b.want(dirPlan(t, "none", "", "facts").replace(&plan.Workdir{Path: "/link"}), 125, `"step":"workdir"`)
	b.want(dirPlan(t, "none", "", "facts").replace(&plan.Workdir{Path: "/escape"}), 0, `"Cwd":"/escape"`)
}

// Where user namespaces are forbidden nothing runs, and the message says by what.
func TestUserNamespacesForbidden(t *testing.T) {
	if _, err := exec.LookPath("unshare"); err != nil {
		skip(t, "unshare is not installed")
	}
	each(t, func(t *testing.T, b *box) {
		b.prefix = []string{"unshare", "-Ur", "sh", "-c", `echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"`, "sh"}
		b.want(fullPlan(t, "exit", "0"), 125, "user.max_user_namespaces is 0")
	})
}

// Capabilities are the file's in all five sets.
func TestCapabilities(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		list := []string{"CHOWN", "NET_BIND_SERVICE"}
		f := b.facts(fullPlan(t, "facts").replace(&plan.Capabilities{Bounding: list, Permitted: list, Effective: list}).plan())
		for set, want := range map[string]string{"CapInh": "", "CapPrm": "401", "CapEff": "401", "CapBnd": "401", "CapAmb": ""} {
			if strings.TrimLeft(f.Status[set], "0") != want {
				t.Errorf("root's %s is %s", set, f.Status[set])
			}
		}
		p := fullPlan(t, "facts").replace(&plan.IDMap{UID: 1000, GID: 1000}).replace(&plan.Capabilities{Bounding: list, Permitted: list, Effective: list, Inheritable: list, Ambient: list})
		f = b.facts(p.plan())
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if strings.TrimLeft(f.Status[set], "0") != "401" {
				t.Errorf("user 1000's %s is %s", set, f.Status[set])
			}
		}
	})
}

// Without a user namespace root's box has root's ids, and an ordinary user is refused.
func TestHostUser(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		p := fullPlan(t, "facts").without("idmap").replace(&plan.Unshare{Namespaces: []string{"mount", "pid", "network", "ipc", "uts", "cgroup"}}).
			replace(&plan.Groups{GIDs: []uint32{7}}).before("workdir", &plan.User{UID: 12, GID: 13})
		if os.Getuid() != 0 || b.user != nil {
			b.want(p, 125, "needs root")
			return
		}
		f := b.facts(p.plan())
		outside, _ := os.Readlink("/proc/self/ns/user")
		if f.UID != 12 || f.GID != 13 || !slices.Equal(f.Groups, []int{7}) || f.Namespaces["user"] != outside || strings.Trim(f.Status["CapEff"], "0") != "" {
			t.Errorf("user %d, group %d, groups %v, namespace %s, capabilities %s", f.UID, f.GID, f.Groups, f.Namespaces["user"], f.Status["CapEff"])
		}
	})
}

// Signals that boxfile was started with ignored, as by nohup, make or in the
// background of a shell, have their default action in the box.
func TestIgnoredSignalsAreNotInherited(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.prefix = []string{"env", modeEnv + "=probe", selfCopy(b.t), "ignoring", "env", modeEnv + "=up"}
		for _, p := range []*planner{fullPlan(t, "facts"), fullPlan(t, "facts").without("init")} {
			if f := b.facts(p.plan()); strings.Trim(f.Status["SigIgn"], "0") != "" {
				t.Errorf("ignored signals: %s", f.Status["SigIgn"])
			}
		}
	})
}

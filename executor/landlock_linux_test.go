package executor_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// walled is a box with writable mounts at /tmp and /work, of which Landlock lets only
// the first be written: it has to hold alone what no mount does.
func walled(t *testing.T, args ...string) *planner {
	t.Helper()
	return fullPlan(t, args...).
		before("pivot_root", &plan.Mount{Type: "tmpfs", Target: "/work", Options: []string{"nodev", "nosuid"}, Perms: "1777", Size: 1 << 20}).
		before("seccomp", &plan.Landlock{ABI: 6, BestEffort: true, Devices: []string{"/dev/null", "/dev/zero"},
			Write: []plan.LandlockPath{{Path: "/absent", Optional: true}, {Path: "/dev/pts"}, {Path: "/dev/shm"}, {Path: "/tmp"}}})
}

// probeWrites prints what comes of writes in all ways that there are.
func probeWrites() {
	say := func(what string, err error) {
		e := syscall.Errno(0)
		if err != nil && !errors.As(err, &e) {
			e = 999
		}
		fmt.Printf("%s: %d\n", what, e)
	}
	for _, dir := range []string{"/tmp", "/work"} {
		say(dir+" create", os.WriteFile(dir+"/file", []byte("x"), 0o600))
		say(dir+" mkdir", os.Mkdir(dir+"/dir", 0o700))
		say(dir+" symlink", os.Symlink("x", dir+"/link"))
		say(dir+" fifo", unix.Mkfifo(dir+"/fifo", 0o600))
		say(dir+" rename", os.Rename(dir+"/file", dir+"/other"))
		say(dir+" remove", os.Remove(dir+"/other"))
		entries, err := os.ReadDir(dir)
		say(dir+" read", err)
		fmt.Fprintln(os.Stderr, dir, len(entries))
	}
	say("null", os.WriteFile("/dev/null", []byte("x"), 0))
	say("full", os.WriteFile("/dev/full", nil, 0))
	say("comm", os.WriteFile("/proc/self/comm", []byte("x"), 0))
	say("process 1", syscall.Kill(1, 0))
	say("itself", syscall.Kill(os.Getpid(), 0))
	self, err := os.Executable()
	say("execute", err)
	_, err = os.ReadFile(filepath.Join(filepath.Dir(self), "etc", "hosts"))
	say("hosts", err)
}

// landlockABI is that of this kernel.
func landlockABI() int {
	v, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0
	}
	return int(v)
}

func TestLandlock(t *testing.T) {
	abi := landlockABI()
	if abi == 0 {
		t.Skip("this kernel has no Landlock")
	}
	each(t, func(t *testing.T, b *box) {
		for name, p := range map[string]*planner{"init": walled(t, "writes"), "no init": walled(t, "writes").without("init"), "no_new_privs: false": walled(t, "writes").without("no_new_privs"),
			"few descriptors": walled(t, "writes").before("umask", &plan.Rlimit{Name: "nofile", Soft: few(), Hard: few()})} {
			r := b.run(p.plan())
			for _, dir := range []string{"/tmp", "/work"} {
				want := 0
				if dir == "/work" {
					want = int(unix.EACCES)
				}
				for _, how := range []string{"create", "mkdir", "symlink", "fifo"} {
					if line := fmt.Sprintf("%s %s: %d\n", dir, how, want); !strings.Contains(r.stdout, line) {
						t.Errorf("%s: no %q in\n%s%s", name, line, r.stdout, r.stderr)
					}
				}
			}
			for _, line := range []string{"/tmp rename: 0", "/tmp remove: 0", "/tmp read: 0", "/work read: 0", "null: 0", "full: 13", "comm: 13", "itself: 0", "execute: 0", "hosts: 0"} {
				if !strings.Contains(r.stdout, line+"\n") {
					t.Errorf("%s: no %q in\n%s%s", name, line, r.stdout, r.stderr)
				}
			}
			if abi >= 6 && !strings.HasPrefix(name, "no init") && !strings.Contains(r.stdout, "process 1: 1\n") {
				t.Errorf("%s: a signal reaches process 1\n%s", name, r.stdout)
			}
		}
		open := b.run(walled(t, "writes").without("landlock").plan())
		if !strings.Contains(open.stdout, "/work create: 0\n") || !strings.Contains(open.stdout, "full: 28\n") {
			t.Errorf("without Landlock something else refuses as well:\n%s", open.stdout)
		}
	})
}

func few() *uint64 {
	n := uint64(20)
	return &n
}

// What this kernel does not know is refused, unless the file lets it go; then it is told.
func TestLandlockOfTomorrow(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		tomorrow := &plan.Landlock{ABI: 1000, Write: []plan.LandlockPath{{Path: "/tmp"}}, Devices: []string{}}
		if r := b.run(walled(t, "exit", "0").replace(tomorrow).plan()); r.code != 125 || !strings.Contains(r.stderr, "landlock needs a newer kernel") {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
		missing := &plan.Landlock{ABI: 1, Write: []plan.LandlockPath{{Path: "/absent"}}, Devices: []string{}}
		if r := b.run(walled(t, "exit", "0").replace(missing).plan()); landlockABI() > 0 && (r.code != 125 || !strings.Contains(r.stderr, "/absent")) {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
	})
}

// A file behind a descriptor can be opened again for writing, though it was opened for
// reading, and not under Landlock: SECURITY.md says so.
func TestLandlockRedirected(t *testing.T) {
	if landlockABI() == 0 {
		t.Skip("this kernel has no Landlock")
	}
	each(t, func(t *testing.T, b *box) {
		for want, p := range map[string]*planner{"written\n": fullPlan(t, "write", "/proc/self/fd/0"), "the host's\n": walled(t, "write", "/proc/self/fd/0")} {
			b.file("input", "the host's\n")
			f, err := os.Open(b.path("input"))
			if err != nil {
				t.Fatal(err)
			}
			b.stdin = f
			r := b.run(p.plan())
			f.Close()
			if got, err := os.ReadFile(b.path("input")); string(got) != want {
				t.Errorf("%q, not %q: %v\n%s%s", got, want, err, r.stdout, r.stderr)
			}
		}
	})
}

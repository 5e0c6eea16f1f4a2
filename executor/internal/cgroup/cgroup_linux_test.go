package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// parent is a cgroup of some hierarchy in which this process may make others.
func parent(t *testing.T) string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controller, where, _ := strings.Cut(rest, ":")
		for _, mount := range []string{"/sys/fs/cgroup/" + controller, "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
			for dir := filepath.Join(mount, where); controller == "pids" || controller == ""; dir = filepath.Dir(dir) {
				probe := filepath.Join(dir, "boxfile-test")
				if os.Mkdir(probe, 0o755) == nil {
					_, err := os.Stat(probe + "/cgroup.procs")
					if os.Remove(probe); err == nil {
						return dir
					}
				}
				if len(dir) <= len(mount) {
					break
				}
			}
		}
	}
	t.Skip("this user may not make cgroups here; test-vm has users who may")
	return ""
}

// A cgroup is made, read, and gone; so is the one that all boxes share.
func TestMakeAndRemove(t *testing.T) {
	at := parent(t)
	g, err := Make(Place{Parent: at, Name: "unit"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(g.Dir, at+"/boxfile/unit-") {
		t.Error(g.Dir)
	}
	if _, err := os.Stat(g.Dir + "/box/cgroup.procs"); err != nil {
		t.Error(err)
	}
	err = g.Set("no.such.file", "1", 0)
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, unix.ENOENT) || e.Path != g.Dir+"/no.such.file" || e.Value != "1" {
		t.Errorf("%v", err)
	}
	if err := os.MkdirAll(g.Dir+"/box/a/b", 0o755); err != nil { // as a box may
		t.Error(err)
	}
	if below := g.Below(); len(below) != 2 || below[0] != "box/a" || below[1] != "box/a/b" {
		t.Errorf("%q", below)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.Dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", g.Dir, err)
	}
}

// What nobody has locked is swept; what somebody has is not.
func TestSweep(t *testing.T) {
	at := filepath.Join(parent(t), fmt.Sprintf("boxfile-sweep-%d", os.Getpid())) // where no box of another test sweeps
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(at)
	live, err := Make(Place{Parent: at, Name: "live"})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Remove()
	dead := at + "/boxfile/dead-0123abcd"
	if err := os.MkdirAll(dead+"/box/nested", 0o755); err != nil {
		t.Fatal(err)
	}
	if gone := Sweep(at); len(gone) == 0 || gone[0] != dead {
		t.Errorf("swept %q", gone)
	}
	if _, err := os.Stat(live.Dir); err != nil {
		t.Error(err)
	}
}

// Starts and ends that overlap neither fail nor leave anything.
func TestMakeAndRemoveAtOnce(t *testing.T) {
	at := parent(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				g, err := Make(Place{Parent: at, Name: "unit"})
				if err != nil {
					t.Error(err)
					return
				}
				if err := g.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if left, _ := filepath.Glob(at + "/boxfile/unit-*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A place that does not exist is an error that names the call, and leaves nothing.
func TestMakeNowhere(t *testing.T) {
	_, err := Make(Place{Parent: "/sys/fs/cgroup/no/such", Name: "unit"})
	var e *Error
	if !errors.As(err, &e) || e.Op != "mkdir" || !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
}

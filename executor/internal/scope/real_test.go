//go:build linux

package scope

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// child is the variable that makes this test binary start a scope for itself
// and say as JSON how it went: its value is "manager" or "bus".
const child = "SCOPE_TEST_CHILD"

func TestMain(m *testing.M) {
	if way := os.Getenv(child); way != "" {
		out, _ := json.Marshal(beInScope(way))
		fmt.Println(string(out))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// told is what a process that asked for a scope has to say.
type told struct {
	Err          string
	Absent       bool // nobody listens
	Before, Path string
	Took         time.Duration
	Controllers  string // of a cgroup made below the scope
}

func beInScope(way string) (r told) {
	r.Before = ownCgroup()
	bus := User
	if os.Geteuid() == 0 {
		bus = System
	}
	begin := time.Now()
	var err error
	if way == "bus" {
		var unit string
		if unit, err = unitName("test"); err == nil {
			q := request{unit, "a test of boxfile", unix.Geteuid(), sockets(bus, unix.Geteuid())[1:], "/proc/self/cgroup"}
			err = q.do(begin.Add(patience))
		}
	} else {
		err = Start(bus, "test", "a test of boxfile", patience)
	}
	r.Took = time.Since(begin)
	r.Path = ownCgroup()
	r.Absent = errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED)
	if err == nil {
		r.Controllers, err = divide(filepath.Join("/sys/fs/cgroup", r.Path))
	}
	if err != nil {
		r.Err = err.Error()
	}
	return r
}

// divide does what a delegated cgroup is for: processes go down, so that what
// is beside them can have limits.
func divide(scope string) (controllers string, err error) {
	for _, name := range []string{"boxfile", "box"} {
		if err := os.Mkdir(filepath.Join(scope, name), 0o755); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(scope, "boxfile", "cgroup.procs"), []byte("0"), 0); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(scope, "cgroup.subtree_control"), []byte("+memory +pids"), 0); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(scope, "box", "pids.max"), []byte("7"), 0); err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(scope, "box", "cgroup.controllers"))
	return strings.TrimSpace(string(b)), err
}

func ownCgroup() string {
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSpace(path)
		}
	}
	return ""
}

func TestSystemdMovesUsIntoAScopeThatWeMayDivide(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		t.Skip("systemd is not process 1 here, which is the only one that starts scopes")
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		t.Skip("/sys/fs/cgroup is not cgroup v2, where a scope can be divided")
	}
	for _, way := range []string{"manager", "bus"} {
		t.Run(way, func(t *testing.T) {
			var took []time.Duration
			var last told
			for range 20 {
				last = inScope(t, way)
				took = append(took, last.Took)
			}
			sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
			t.Logf("uid %d: from %s to %s with %q below", os.Geteuid(), last.Before, last.Path, last.Controllers)
			t.Logf("median %v, from %v to %v", took[len(took)/2], took[0], took[len(took)-1])
		})
	}
}

// inScope has a process ask for a scope, checks it, and that it goes with the process.
func inScope(t *testing.T, way string) (r told) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), child+"="+way, "XDG_RUNTIME_DIR=/nowhere", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r.Absent {
		t.Skipf("uid %d has no manager that listens: %s", os.Geteuid(), r.Err)
	}
	if r.Err != "" {
		t.Fatalf("from %s: %s", r.Before, r.Err)
	}
	if name := filepath.Base(r.Path); !strings.HasPrefix(name, "boxfile-test-") || !strings.HasSuffix(name, ".scope") || r.Path == r.Before {
		t.Fatalf("from %s to %s", r.Before, r.Path)
	}
	if c := " " + r.Controllers + " "; !strings.Contains(c, " memory ") || !strings.Contains(c, " pids ") {
		t.Fatalf("below %s: controllers %q", r.Path, r.Controllers)
	}
	dir := filepath.Join("/sys/fs/cgroup", r.Path)
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return r
		}
		if time.Since(begin) > patience {
			t.Fatalf("%s stays when its process has ended", dir)
		}
	}
}

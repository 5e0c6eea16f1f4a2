package executor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// faultPlan is a box with host ops to undo.
func faultPlan(t *testing.T, args ...string) *planner {
	t.Helper()
	return fullPlan(t, args...).before("close_fds",
		&plan.CreateSource{Path: "./made", Type: "dir"}, &plan.Keep{Dir: "./kept"}, tcp(7000)).
		before("rlimit", &plan.PortAddress{Box: []string{"169.254.1.2"}, Host: []string{"169.254.1.1"}, UDP: "169.254.64.0/18"}).
		before("pivot_root", &plan.Mount{Type: "bind", Source: "./made", Target: "/made", Options: []string{}},
			&plan.Mount{Type: "overlay", Lower: []string{"./made"}, Target: "/kept", Write: "keep", Keep: "./kept", Options: []string{}})
}

// An error at any op is told with its step, ends with 125, 126 or 127, and leaves nothing behind.
func TestFaultAtEveryOp(t *testing.T) {
	ops := allOps(t, faultPlan(t, "exit", "0"))
	for n, o := range ops {
		if !reached(ops, n) || testing.Short() && n%3 != 0 {
			continue
		}
		t.Run(strconv.Itoa(n)+" "+o.Call.Name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			before := hostMounts(t)
			b.env = []string{"BOXFILE_TEST_SPOIL=" + strconv.Itoa(n)}
			r := b.run(faultPlan(t, "exit", "0").plan())
			want := 125
			if o.Call.Name == "execve" {
				want = 126
			}
			if r.code != want {
				t.Errorf("exit %d, not %d\n%s", r.code, want, r.stderr)
			}
			checkFailure(t, r.stderr, o, faultPlan(t, "exit", "0"))
			b.nothingLeft(before)
		})
	}
}

// What was made is taken back where it was made, though an earlier box that can write
// there has put a link to other files of the same names in its way meanwhile.
func TestUndoFollowsNoLink(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for _, name := range []string{"shared/sub/", "outside/dir/", "outside/kept/work/work/", "outside/kept/upper/"} {
			b.file(name, "")
		}
		b.file("outside/file", "the host's\n")
		b.link("../outside", "shared/link")
		b.own()
		p := fullPlan(t, "exit", "0").before("close_fds", &plan.CreateSource{Path: "./shared/sub/file", Type: "file"}, &plan.CreateSource{Path: "./shared/sub/dir", Type: "dir"},
			&plan.Keep{Dir: "./shared/sub/kept"}, &plan.CreateSource{Path: "./none/new", Type: "dir"}).
			before("pivot_root", &plan.Mount{Type: "overlay", Target: "/data", Lower: []string{"./outside"}, Write: "keep", Keep: "./shared/sub/kept", Options: bindOptions})
		fails := slices.IndexFunc(p.steps, func(s plan.Step) bool { c, ok := s.(*plan.CreateSource); return ok && c.Path == "./none/new" })
		b.env = []string{fmt.Sprintf("BOXFILE_TEST_SWAP=%d %s %s", fails, b.path("shared/sub"), b.path("shared/link"))}
		b.want(p, 125, "its parent directory does not exist")
		for name, there := range map[string]bool{"outside/file": true, "outside/dir": true, "outside/kept/work/work": true, "outside/kept/upper": true, "shared/link/file": false, "shared/link/dir": false, "shared/link/kept": false} {
			if _, err := os.Stat(b.path(name)); (err == nil) != there {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// checkFailure wants the step's kind and words in the message.
func checkFailure(t *testing.T, stderr string, o program.Op, p *planner) {
	t.Helper()
	_, text, ok := strings.Cut(stderr, "FAILURE ")
	var f map[string]string
	if !ok || json.Unmarshal([]byte(text), &f) != nil {
		t.Fatalf("no failure was told: %q", stderr)
	}
	kinds := p.plan().Steps
	want := "none"
	if o.Step >= 0 {
		want = plan.InfoOf(kinds[o.Step]).Name
	}
	if f["step"] != want || !strings.Contains(f["detail"], "ENOSYS") || f["message"] == "" || f["undo"] != "<nil>" {
		t.Errorf("step %q is told as %v", want, f)
	}
}

// When boxfile is killed at any op, the box is gone at once and nothing stays.
func TestKillAtEveryOp(t *testing.T) {
	ops := allOps(t, faultPlan(t, "sleep"))
	for n, o := range ops {
		if !reached(ops, n) || testing.Short() && n%3 != 1 {
			continue
		}
		t.Run(strconv.Itoa(n)+" "+o.Call.Name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			before := hostMounts(t)
			b.env = []string{"BOXFILE_TEST_HOLD=" + strconv.Itoa(n)}
			cmd := b.command(faultPlan(t, "sleep").plan())
			pid := startHeld(t, cmd)
			box := descendants(pid)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			waitFor(t, "the end of the box", func() bool { return alive(box) == 0 })
			b.nothingLeft(before)
		})
	}
}

// startHeld starts a run that an op is held of, and waits until it is. What reads
// standard input until then goes on when the run is waited for, which closes it.
func startHeld(t *testing.T, cmd *exec.Cmd) (pid int) {
	t.Helper()
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a held child", func() bool { return held(cmd.Process.Pid) })
	return cmd.Process.Pid
}

// reached reports whether an op is made at all: drops from the bounding set end
// at the first capability that this kernel does not know, and an op that succeeds
// may pass over others, which are there for when it does not.
func reached(ops []program.Op, n int) bool {
	for i := range n {
		if i+ops[i].Then >= n {
			return false
		}
	}
	o := &ops[n]
	b, _ := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	last, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 8)
	return o.Call.Name != "prctl" || o.Args[0].Num != unix.PR_CAPBSET_DROP || o.Args[1].Num <= last+1
}

// allOps is the ops of a plan's program, in WriteText's count.
func allOps(t *testing.T, p *planner) []program.Op {
	t.Helper()
	b := newBox(t)
	prog, err := lower(p.plan(), b.dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []program.Op
	for _, list := range [][]program.Op{prog.Stage, prog.Enter, prog.Command, prog.Init} {
		out = append(out, list...)
	}
	return out
}

// nothingLeft looks for what a box may not leave: files in its folder, mounts, processes.
func (b *box) nothingLeft(before string) {
	b.t.Helper()
	if after := hostMounts(b.t); after != before {
		b.t.Errorf("the host's mounts have changed\n%s\n%s", before, after)
	}
	_ = filepath.Walk(b.dir, func(p string, info os.FileInfo, err error) error {
		if err == nil && p != b.dir && !strings.HasPrefix(filepath.Base(p), "plan.json") && !b.allowed(p) {
			b.t.Errorf("left behind: %s", p)
		}
		return nil
	})
}

// allowed says what may stay after kill -9: the sources and kept directories that the file asked to be made.
func (b *box) allowed(p string) bool {
	if os.Getenv("BOXFILE_TEST_HOLD") == "" && !strings.Contains(strings.Join(b.env, " "), "HOLD") {
		return false
	}
	rel, _ := filepath.Rel(b.dir, p)
	return rel == "made" || rel == "kept" || strings.HasPrefix(rel, "kept/")
}

func hostMounts(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// patience is how long a test waits for what has to come.
const patience = time.Minute

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("no sign of %s", what)
}

// descendants is the processes below pid, as /proc shows them.
func descendants(pid int) []int {
	parents := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue
		}
		var id int
		_, _ = fmt.Sscanf(string(b), "%d", &id)
		rest := string(b[bytes.LastIndexByte(b, ')')+1:])
		var state string
		var parent int
		_, _ = fmt.Sscan(rest, &state, &parent)
		parents[parent] = append(parents[parent], id)
	}
	var out []int
	for todo := []int{pid}; len(todo) > 0; {
		kids := parents[todo[0]]
		todo = append(todo[1:], kids...)
		out = append(out, kids...)
	}
	return out
}

// alive counts the processes that still run; a zombie only waits for its reaper.
func alive(pids []int) int {
	n := 0
	for _, p := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if i := bytes.LastIndexByte(b, ')'); err == nil && i > 0 && !bytes.HasPrefix(b[i:], []byte(") Z")) && !bytes.HasPrefix(b[i:], []byte(") X")) {
			n++
		}
	}
	return n
}

// held reports whether some descendant waits in the call that hold put in its way.
func held(pid int) bool {
	for _, d := range descendants(pid) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", d))
		if err != nil { // an ordinary user may not look into one that cannot be dumped, but sees that it sleeps
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d))
			if bytes.Contains(stat, []byte(") S ")) {
				return true
			}
			continue
		}
		f := strings.Fields(string(b))
		if len(f) > 3 && f[0] == strconv.Itoa(syscall.SYS_READ) && f[3] == "0x8" {
			return true
		}
	}
	return false
}

package render_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

func allLimits(bestEffort bool) []plan.Step {
	return []plan.Step{
		&plan.Cgroup{BestEffort: bestEffort}, &plan.Limit{Resource: "memory", Value: bound(64 << 20)}, &plan.Limit{Resource: "memory_high", Value: bound(32 << 20)},
		&plan.Limit{Resource: "swap", Value: bound(0), Optional: true}, &plan.Limit{Resource: "cpus", Value: bound(150000)},
		&plan.Limit{Resource: "cpu_weight", Value: bound(200)}, &plan.Limit{Resource: "pids", Value: bound(64)}, &plan.CPUSet{CPUs: "0"},
		&plan.IO{Device: "./", ReadBPS: bound(10 << 20), WriteBPS: bound(1 << 20), ReadIOPS: bound(200), WriteIOPS: bound(300), Weight: bound(200)},
		&plan.OOM{Kill: "box"}, &plan.CgroupFile{File: "memory.low", Value: "1M"}, &plan.CgroupFile{File: "cgroup.max.depth", Value: "0"},
		&plan.Timeout{After: 60e9, Signal: "TERM", Grace: 1e9},
	}
}

// limitedBox is hostBox with limits, and a name that no other test's cgroups have.
func limitedBox(command []string, limits ...plan.Step) *plan.Plan {
	p := put(hostBox(command...), "close_fds", limits...)
	p.Name = "scripted"
	return p
}

// noCgroups checks that no box of limitedBox has left one.
func noCgroups(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/*/*scripted*", "/sys/fs/cgroup/*/*/*scripted*", "/sys/fs/cgroup/*/*/*/*scripted*", "/sys/fs/cgroup/*/*/*/*/*scripted*"} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// needLimits skips where the tests' user may not make cgroups.
func needLimits(t *testing.T) {
	t.Helper()
	needScript(t)
	r := script(t, limitedBox([]string{"true"}, &plan.Cgroup{}, &plan.Limit{Resource: "memory", Value: bound(64 << 20)}, &plan.Limit{Resource: "pids", Value: bound(64)}), 0, open(t))
	if r.code != 0 {
		t.Skipf("this user cannot make cgroups here: %s", r.stderr)
	}
}

func TestAScriptsLimitsHold(t *testing.T) {
	needLimits(t)
	for name, c := range map[string]struct {
		limits []plan.Step
		shell  string
		code   int
		stdout string
	}{
		"memory": {[]plan.Step{&plan.Limit{Resource: "memory", Value: bound(32 << 20)}, &plan.Limit{Resource: "swap", Value: bound(0), Optional: true}},
			"exec dd if=/dev/zero of=/dev/null bs=128M count=1", 137, ""},
		"enough memory": {[]plan.Step{&plan.Limit{Resource: "memory", Value: bound(128 << 20)}}, "exec dd if=/dev/zero of=/dev/null bs=16M count=1", 0, ""},
		"two processes": {[]plan.Step{&plan.Limit{Resource: "pids", Value: bound(2)}}, "echo one; exec echo two", 0, "one\ntwo\n"},
		"no third":      {[]plan.Step{&plan.Limit{Resource: "pids", Value: bound(2)}}, "(:); echo three", 2, ""},
		"cpuset":        {[]plan.Step{&plan.CPUSet{CPUs: "0"}}, "grep Cpus_allowed_list /proc/self/status", 0, "Cpus_allowed_list:\t0\n"},
		"own cgroup":    {[]plan.Step{&plan.Limit{Resource: "pids", Value: bound(9)}}, "grep pids /proc/self/cgroup | cut -d: -f3; exit 3", 3, "/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := script(t, limitedBox([]string{"sh", "-c", c.shell}, append([]plan.Step{&plan.Cgroup{}}, c.limits...)...), 0, open(t))
			if name == "own cgroup" && r.stdout == "" {
				c.stdout = "" // v2: no line has the controller's name
			}
			if r.code != c.code || r.stdout != c.stdout {
				t.Errorf("%+v, want exit code %d and %q", r, c.code, c.stdout)
			}
			noCgroups(t)
		})
	}
}

// What this machine has no file for stops a script before the box begins, or is told and left out.
func TestAScriptDoesNotLeaveOutALimitSilently(t *testing.T) {
	needLimits(t)
	for _, uid := range callers() {
		r := script(t, limitedBox([]string{"echo", "ran"}, allLimits(true)...), uid, open(t))
		if r.code != 0 || r.stdout != "ran\n" {
			t.Errorf("as %d: %+v", uid, r)
		}
		strict := script(t, limitedBox([]string{"echo", "ran"}, allLimits(false)...), uid, open(t))
		if left := strings.Contains(r.stderr, "boxfile: not enforced: "); left != strings.Contains(strict.stderr, "boxfile: cannot enforce: ") {
			t.Errorf("as %d: best-effort says %q, strict says %q", uid, r.stderr, strict.stderr)
		} else if left && (strict.code != 125 || strict.stdout != "") {
			t.Errorf("as %d: %+v", uid, strict)
		}
	}
	r := script(t, limitedBox([]string{"echo", "ran"}, &plan.Cgroup{}, &plan.IO{Device: "./missing", WriteBPS: bound(1)}), 0, open(t))
	if r.code != 125 || !strings.Contains(r.stderr, "cannot enforce: io of the disk below ./missing: write 1 bytes/s") {
		t.Errorf("%+v", r)
	}
	noCgroups(t)
}

func TestAScriptEndsTheBoxAtItsTimeout(t *testing.T) {
	needScript(t)
	const hour = int64(time.Hour)
	for name, c := range map[string]struct {
		timeout plan.Timeout
		shell   string
		stdout  string
		code    int
	}{
		"in time":  {plan.Timeout{After: hour, Signal: "TERM", Grace: 1e9}, "exit 5", "", 5},
		"signal":   {plan.Timeout{After: 3e8, Signal: "INT", Grace: hour}, "trap 'echo INT; exit 0' INT; echo ready; sleep 3600 & wait", "ready\nINT\n", 124},
		"kill":     {plan.Timeout{After: 3e8, Signal: "TERM", Grace: 3e8}, "trap '' TERM; echo ready; sleep 3600", "ready\n", 124},
		"at once":  {plan.Timeout{After: 3e8, Signal: "TERM"}, "trap '' TERM; echo ready; sleep 3600", "ready\n", 124},
		"by KILL":  {plan.Timeout{After: 3e8, Signal: "KILL", Grace: hour}, "echo ready; sleep 3600", "ready\n", 124},
		"own KILL": {plan.Timeout{After: hour, Signal: "TERM", Grace: 1e9}, "kill -KILL $$", "", 137},
	} {
		t.Run(name, func(t *testing.T) {
			r := script(t, put(hostBox("sh", "-c", c.shell), "close_fds", &c.timeout), 0, open(t))
			for c.code == 124 && !strings.HasPrefix(r.stdout, "ready") && c.timeout.After < int64(time.Minute) { // a slow machine wants longer
				c.timeout.After *= 4
				r = script(t, put(hostBox("sh", "-c", c.shell), "close_fds", &c.timeout), 0, open(t))
			}
			if r.code != c.code || r.stdout != c.stdout {
				t.Errorf("%+v, want exit code %d and %q", r, c.code, c.stdout)
			}
		})
	}
}

func TestAScriptRefusesLimitsThatItHasNoWordsFor(t *testing.T) {
	noInit := &plan.Plan{Name: "box", File: "box.yaml"}
	for _, s := range hostBox("true").Steps {
		if _, ok := s.(*plan.Init); !ok {
			noInit.Add(s, plan.Position{})
		}
	}
	path := put(hostBox("true"), "close_fds", &plan.Cgroup{})
	path.Name = "../x"
	for want, p := range map[string]*plan.Plan{
		"command that is process 1":   put(noInit, "close_fds", &plan.Timeout{After: 1e9, Signal: "TERM"}),
		"the timeout of this plan":    put(hostBox("true"), "close_fds", &plan.Timeout{After: 1e9, Signal: "TERM;"}),
		"no limit light":              put(hostBox("true"), "close_fds", &plan.Limit{Resource: "light", Value: bound(1)}),
		"file ../memory.max of":       put(hostBox("true"), "close_fds", &plan.CgroupFile{File: "../memory.max", Value: "1"}),
		"the memory limit end nobody": put(hostBox("true"), "close_fds", &plan.OOM{Kill: "nobody"}),
		"name a cgroup ../x":          path,
	} {
		var b bytes.Buffer
		if err := render.Sh(&b, p); err != nil || !strings.Contains(b.String(), want) || !strings.HasSuffix(b.String(), "exit 125\n") {
			t.Errorf("want %q: %v\n%s", want, err, b.String())
		}
	}
}

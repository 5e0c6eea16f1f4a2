package executor_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/program"
)

var boxes atomic.Int64 //nolint:gochecknoglobals // numbers the boxes of this process, for names of their own

// limited is a box with limits, whose cgroups have a name of their own.
func limited(t *testing.T, steps []plan.Step, args ...string) *planner {
	t.Helper()
	p := fullPlan(t, args...).before("close_fds", append([]plan.Step{&plan.Cgroup{}}, steps...)...)
	p.name = fmt.Sprintf("limits-%d-%d", os.Getpid(), boxes.Add(1))
	return p
}

func limit(resource string, n uint64) *plan.Limit { return &plan.Limit{Resource: resource, Value: &n} }

// memoryLimits are what the compiler makes of resources.memory.
func memoryLimits(n uint64) []plan.Step {
	return []plan.Step{limit("memory", n), &plan.Limit{Resource: "swap", Value: new(uint64), Optional: true}}
}

// eachLimited runs a test as every user who can have limits on this machine.
func eachLimited(t *testing.T, test func(t *testing.T, b *box), steps ...plan.Step) {
	each(t, func(t *testing.T, b *box) {
		b.needLimits(limited(t, steps, "exit", "0"))
		test(t, b)
	})
}

// needLimits skips where this machine gives the user no such cgroup, or no file for a limit.
func (b *box) needLimits(p *planner) {
	b.t.Helper()
	r := b.run(p.plan())
	refused := strings.Contains(r.stderr, "REFUSED") && strings.Contains(r.stderr, "Cause:")
	missing := strings.Contains(r.stderr, "this kernel has no such limit")
	if r.code == 125 && (refused || missing) {
		b.t.Skipf("this machine does not have these limits for this user: %s", r.stderr) // on others it does: see test-vm
	}
	if r.code != 0 {
		b.t.Fatalf("exit %d\n%s", r.code, r.stderr)
	}
}

// measured runs a plan and returns its status as well. Nothing of its cgroups may stay.
func (b *box) measured(p *planner) (result, executor.Status) {
	b.t.Helper()
	file := filepath.Join(b.dir, "plan.json.status")
	b.env = append(b.env, "BOXFILE_TEST_STATUS="+file)
	r := b.run(p.plan())
	var s executor.Status
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		b.t.Fatalf("no status: %v\nexit %d\n%s", err, r.code, r.stderr)
	}
	b.noCgroups(p.name)
	if strings.Contains(r.stderr, "LEFT") {
		b.t.Error(r.stderr)
	}
	return r, s
}

// cgroupsOf finds the cgroups of boxes with a name, in every hierarchy.
func cgroupsOf(name string) []string {
	var out []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() != "boxfile" {
			return nil // a cgroup may go while it is looked at
		}
		list, _ := filepath.Glob(p + "/" + name + "-*")
		out = append(out, list...)
		return filepath.SkipDir
	})
	return out
}

func (b *box) noCgroups(name string) {
	b.t.Helper()
	for _, dir := range cgroupsOf(name) {
		b.t.Errorf("left behind: %s", dir)
	}
}

// reachedKind is the resource of the first limit that a status says was met.
func reachedKind(p *planner, s executor.Status) string {
	if len(s.Reached) == 0 || s.Reached[0].Step < 0 {
		return ""
	}
	switch step := p.steps[s.Reached[0].Step].(type) {
	case *plan.Limit:
		return step.Resource
	case *plan.Timeout:
		return "timeout"
	}
	return "other"
}

// More than the memory limit is not to be had: the kernel kills who asks, and
// the status says whose limit it was. The limit is the number in the plan.
func TestLimitMemory(t *testing.T) {
	const bytes = 64 << 20
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, memoryLimits(bytes), "eat", strconv.Itoa(4*bytes))
		r, s := b.measured(p)
		if r.code != 137 || s.Reason != executor.ReasonOOM || reachedKind(p, s) != "memory" || s.Reached[0].Count == 0 {
			t.Errorf("exit %d, %+v\n%s%s", r.code, s, r.stdout, r.stderr)
		}
		const batch = 64 // pages that a processor charges at once
		if s.Usage.PeakMemory == nil {
			t.Log("this kernel keeps no peak (memory.peak is of 5.19)")
		} else if peak := *s.Usage.PeakMemory; peak > bytes+batch*4096 || peak < bytes-batch*4096 {
			t.Errorf("the box had %d bytes, and its limit is %d", peak, bytes)
		}
		r, s = b.measured(limited(t, memoryLimits(bytes), "eat", strconv.Itoa(bytes/2)))
		if r.code != 0 || s.Reason != executor.ReasonExit || len(s.Reached) != 0 {
			t.Errorf("half of the limit: exit %d, %+v\n%s", r.code, s, r.stderr)
		}
	}, memoryLimits(bytes)...)
}

// The pids limit is exact: so many processes and threads, and not one more.
func TestLimitPids(t *testing.T) {
	eachLimited(t, func(t *testing.T, b *box) {
		for _, n := range []uint64{40, 97} {
			p := limited(t, []plan.Step{limit("pids", n)}, "forks")
			r, s := b.measured(p)
			if want := fmt.Sprintf("processes %d resource temporarily unavailable\n", n); r.stdout != want {
				t.Errorf("%q, not %q\n%s", r.stdout, want, r.stderr)
			}
			if r.code != 3 || s.Reason != executor.ReasonPids || reachedKind(p, s) != "pids" {
				t.Errorf("exit %d, %+v", r.code, s)
			}
		}
	}, limit("pids", 40))
}

// Over five seconds a box gets no more than the share of a processor that it may have, within 5 %.
// That it gets no less, and had to be held back, shows once the machine has time to spare.
func TestLimitCPUs(t *testing.T) {
	const share = 0.2
	eachLimited(t, func(t *testing.T, b *box) {
		t.Parallel()
		for i := 0; ; i++ {
			r, s := b.measured(limited(t, []plan.Step{limit("cpus", share*100000)}, "spin", "5000"))
			got, err := strconv.ParseFloat(strings.TrimSpace(r.stdout), 64)
			if err != nil || got/share-1 > 0.05 || s.Usage.Throttled == nil {
				t.Fatalf("a share of %v, not %v, throttled for %v\n%s%s", got, share, s.Usage.Throttled, r.stdout, r.stderr)
			}
			if got >= share/2 && *s.Usage.Throttled >= time.Second {
				return
			}
			if i == 9 {
				t.Fatalf("never more than a share of %v, throttled for %v", got, s.Usage.Throttled)
			}
		}
	}, limit("cpus", share*100000))
}

// A box runs on the processors of its cpuset only.
func TestLimitCPUSet(t *testing.T) {
	eachLimited(t, func(t *testing.T, b *box) {
		r, _ := b.measured(limited(t, []plan.Step{&plan.CPUSet{CPUs: "0"}}, "affinity"))
		if r.code != 0 || r.stdout != "0\n" {
			t.Errorf("exit %d: may run on %q\n%s", r.code, r.stdout, r.stderr)
		}
	}, &plan.CPUSet{CPUs: "0"})
}

// Bounds of a disk, named by a path on it, hold within 10 %, for reads and for writes past the page cache,
// where the disk has as much to give.
func TestLimitIO(t *testing.T) {
	const bps, bytes = 2 << 20, 8 << 20
	bound := uint64(bps)
	eachLimited(t, func(t *testing.T, b *box) {
		t.Parallel()
		for _, how := range []string{"read", "write"} {
			file := b.path("plan.json." + how)
			writeThrough(t, file, bytes)
			io := &plan.IO{Device: ".", ReadBPS: &bound}
			if how == "write" {
				io = &plan.IO{Device: ".", WriteBPS: &bound}
			}
			p := limited(t, []plan.Step{io}, "transfer", how, "/file", strconv.Itoa(bytes)).
				before("pivot_root", &plan.Mount{Type: "bind", Source: file, Target: "/file", Options: []string{}})
			var r result
			var s executor.Status
			for i := 0; ; i++ {
				r, s = b.measured(p)
				got, err := strconv.ParseFloat(strings.TrimSpace(r.stdout), 64)
				if err != nil || got/bps > 1.1 || i == 9 {
					t.Fatalf("%s: %v bytes a second, not %d\n%s%s", how, got, bps, r.stdout, r.stderr)
				}
				if got/bps > 0.9 { // a busy disk gives less
					break
				}
			}
			if n := s.Usage.ReadBytes; how == "read" && (n == nil || *n < bytes) {
				t.Errorf("%d bytes were read, and the status does not know: %+v", bytes, s.Usage)
			}
		}
	}, &plan.IO{Device: ".", ReadBPS: &bound})
}

// writeThrough makes a file that is on the disk already: what is not would be
// written by the first one who goes past the page cache, and on its account.
func writeThrough(t *testing.T, file string, bytes int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Chmod(0o666); err != nil {
		t.Fatal(err)
	}
}

// Weights are taken and read back.
func TestLimitWeight(t *testing.T) {
	eachLimited(t, func(t *testing.T, b *box) {
		for _, w := range []uint64{1, 100, 250, 10000} {
			if r, _ := b.measured(limited(t, []plan.Step{limit("cpu_weight", w)}, "exit", "0")); r.code != 0 {
				t.Errorf("weight %d: exit %d\n%s", w, r.code, r.stderr)
			}
		}
	}, limit("cpu_weight", 100))
}

// The box takes its own cgroup for the root of all, and has no control file to write to.
func TestLimitOwnCgroupIsRoot(t *testing.T) {
	steps := append(memoryLimits(64<<20), limit("pids", 50))
	eachLimited(t, func(t *testing.T, b *box) {
		r, _ := b.measured(limited(t, steps, "cgroup"))
		roots := 0
		for line := range strings.Lines(r.stdout) {
			_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
			controller, where, ok := strings.Cut(rest, ":")
			if !ok || controller != "" && !strings.Contains("memory pids", controller) {
				continue
			}
			if roots++; where != "/" {
				t.Errorf("the box sees %q", line)
			}
		}
		if roots == 0 {
			t.Errorf("%q%s", r.stdout, r.stderr)
		}
		f := b.facts(limited(t, steps, "facts").plan())
		for _, m := range f.Mounts {
			if strings.HasPrefix(m.Type, "cgroup") {
				t.Errorf("a cgroup file system in the box: %+v", m)
			}
		}
	}, steps...)
}

// A box mounts no hierarchy at all, with limits or without: it can make user and
// mount namespaces, but no cgroup namespace, and its own belongs to a user
// namespace in which it has no capabilities.
func TestLimitNoCgroupIsMounted(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		readonly := fullPlan(t, "mount-cgroups").replace(&plan.Mount{Type: "proc", Target: "/proc", Options: []string{"nodev", "noexec", "nosuid"}, ReadOnly: true})
		for _, p := range []*planner{fullPlan(t, "mount-cgroups"), fullPlan(t, "mount-cgroups").without("mask").without("readonly"), readonly} {
			r := b.run(p.without("seccomp").plan()) // which would not let it come to that
			if want := "namespaces: false mounted: 0\nnamespaces: true mounted: 0\n"; r.code != 0 || r.stdout != want {
				t.Errorf("exit %d, %q, not %q\n%s", r.code, r.stdout, want, r.stderr)
			}
		}
	})
}

// With namespaces and a mount of its own cgroup a box raises no limit, reaches no
// release_agent (CVE-2022-0492), and leaves no cgroup that it has made (CVE-2023-25809).
func TestLimitCannotBeRaised(t *testing.T) {
	const bytes = 64 << 20
	eachLimited(t, func(t *testing.T, b *box) {
		for _, caps := range [][]string{nil, {"SETFCAP", "SYS_ADMIN", "DAC_OVERRIDE"}} {
			p := limited(t, append(memoryLimits(bytes), limit("pids", 90)), "raise", strconv.Itoa(4*bytes))
			p.replace(&plan.Capabilities{Bounding: caps, Permitted: caps, Effective: caps, Inheritable: caps, Ambient: caps})
			r, s := b.measured(p.without("seccomp")) // which would not let it come to that
			t.Logf("%s", r.stdout)
			if r.code != 137 || s.Reason != executor.ReasonOOM {
				t.Errorf("exit %d, %s\n%s%s", r.code, s.Reason, r.stdout, r.stderr)
			}
			if strings.Contains(r.stdout, "no namespaces") || strings.Contains(r.stdout, "release_agent true") {
				t.Errorf("%s", r.stdout)
			}
		}
	}, memoryLimits(bytes)...)
}

// An error at any op of the host side names its step, and takes the cgroups back.
func TestLimitFaultAtEveryHostOp(t *testing.T) {
	steps := append(memoryLimits(64<<20), limit("pids", 50))
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, steps, "exit", "0")
		spoilt := 0
		for i := 0; ; i++ {
			one := *b
			one.env = append([]string{}, "BOXFILE_TEST_SPOIL_HOST="+strconv.Itoa(i))
			r := one.run(p.plan())
			if r.code == noSuchOp {
				break
			}
			_, what, _ := strings.Cut(r.stderr, "SPOILT ")
			kind, rest, _ := strings.Cut(what, " ")
			step, rest, _ := strings.Cut(rest, " ")
			b.noCgroups(p.name)
			// what systemd says is tested in package scope; what to do when asked cannot fail
			if kind == string(program.AskScope) || kind == string(program.EndWhenAsked) || strings.HasPrefix(rest, "true") {
				continue
			}
			if spoilt++; r.code != 125 || !strings.Contains(r.stderr, `"step":"`+step+`"`) || !strings.Contains(r.stderr, `"undo":"\u003cnil\u003e"`) {
				t.Errorf("exit %d\n%s", r.code, r.stderr)
			}
		}
		if spoilt < 3 {
			t.Errorf("%d ops failed", spoilt)
		}
	}, steps...)
}

// What boxfile leaves when it is killed are empty cgroups, and the next start removes them.
func TestLimitLeftoverIsSwept(t *testing.T) {
	steps := append(memoryLimits(64<<20), limit("pids", 50))
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, steps, "sleep")
		cmd := b.command(p.plan())
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		box := descendants(cmd.Process.Pid)
		if len(cgroupsOf(p.name)) == 0 {
			t.Error("the box has no cgroup")
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		waitFor(t, "the end of the box", func() bool { return alive(box) == 0 })
		for _, dir := range cgroupsOf(p.name) {
			if procs, _ := os.ReadFile(dir + "/box/cgroup.procs"); len(procs) > 0 {
				t.Errorf("%s still has processes: %s", dir, procs)
			}
		}
		if r, _ := b.measured(limited(t, steps, "exit", "0")); r.code != 0 {
			t.Errorf("exit %d\n%s", r.code, r.stderr)
		}
		b.noCgroups(p.name)
	}, steps...)
}

// An error at an op of the box side takes the cgroups back as well.
func TestLimitFaultInTheBox(t *testing.T) {
	steps := append(memoryLimits(64<<20), limit("pids", 50))
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, steps, "exit", "0")
		every := 11
		if testing.Short() {
			every = 60
		}
		ops := allOps(t, p)
		for n := range ops {
			if n > 8 && n%every != 0 || !reached(ops, n) {
				continue
			}
			one := *b
			one.env = []string{"BOXFILE_TEST_SPOIL=" + strconv.Itoa(n)}
			if r := one.run(p.plan()); r.code < 125 || r.code > 127 || !strings.Contains(r.stderr, `"undo":"\u003cnil\u003e"`) {
				t.Errorf("op %d: exit %d\n%s", n, r.code, r.stderr)
			}
			b.noCgroups(p.name)
		}
	}, steps...)
}

// Whenever boxfile is killed, the box is gone, and the next start removes its cgroups.
func TestLimitKilledAtAnyTime(t *testing.T) {
	steps := append(memoryLimits(64<<20), limit("pids", 50))
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, steps, "sleep")
		n := 60
		if testing.Short() {
			n = 12
		}
		for i := range n {
			cmd := b.command(p.plan())
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(i) * 36 * time.Millisecond / time.Duration(n))
			box := descendants(cmd.Process.Pid)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			waitFor(t, "the end of the box", func() bool { return alive(box) == 0 })
		}
		b.sweep()
	}, steps...)
}

// Boxes that live at the same time keep their own limits.
func TestLimitManyAtOnce(t *testing.T) {
	eachLimited(t, func(t *testing.T, b *box) {
		n := 200
		if testing.Short() {
			n = 15
		}
		type one struct {
			name string
			max  uint64
			end  func()
		}
		var all []one
		for i := range n {
			o := one{max: uint64(30 + i)}
			p := limited(t, []plan.Step{limit("pids", o.max)}, "sleep").without("init")
			o.name = p.name
			other := *b
			other.dir = b.path("plan.json." + strconv.Itoa(i))
			if err := os.Mkdir(other.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := other.command(p.plan())
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			o.end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
			t.Cleanup(o.end)
			if _, err := out.Read(make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
			all = append(all, o)
		}
		for _, o := range all {
			dirs := cgroupsOf(o.name)
			if len(dirs) != 1 {
				t.Fatalf("%s has cgroups %q", o.name, dirs)
			}
			if got, _ := os.ReadFile(dirs[0] + "/pids.max"); strings.TrimSpace(string(got)) != strconv.FormatUint(o.max, 10) {
				t.Errorf("%s has pids.max %s, not %d", dirs[0], got, o.max)
			}
		}
		for _, o := range all {
			o.end()
		}
		b.sweep()
		for _, o := range all {
			b.noCgroups(o.name)
		}
	}, limit("pids", 30))
}

// sweep waits until a box is gone, and has the next start remove what was left of it and its like.
func (b *box) sweep() {
	b.t.Helper()
	waitFor(b.t, "the end of the boxes", func() bool {
		r := b.run(limited(b.t, append(memoryLimits(64<<20), limit("pids", 30)), "exit", "0").plan())
		return r.code == 0 && len(cgroupsOf(fmt.Sprintf("limits-%d", os.Getpid()))) == 0
	})
}

// Boxes that two workers start and end one after the other leave no cgroup at all.
func TestLimitManyInARow(t *testing.T) {
	steps := append(memoryLimits(64<<20), limit("pids", 50))
	eachLimited(t, func(t *testing.T, b *box) {
		n := 250
		if testing.Short() {
			n = 10
		}
		done := make(chan string, 2)
		for w := range 2 {
			other := *b
			other.dir = b.path("plan.json." + strconv.Itoa(w))
			if err := os.Mkdir(other.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			p := limited(t, steps, "exit", "0")
			go func() {
				for range n {
					if r := other.run(p.plan()); r.code != 0 || strings.Contains(r.stderr, "LEFT") {
						done <- fmt.Sprintf("exit %d\n%s", r.code, r.stderr)
						return
					}
				}
				done <- ""
			}()
		}
		for range 2 {
			if what := <-done; what != "" {
				t.Error(what)
			}
		}
		b.noCgroups(fmt.Sprintf("limits-%d", os.Getpid()))
	}, steps...)
}

// What cannot be enforced stops the run, or is told where the file says so.
func TestLimitBestEffort(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		strict := limited(t, []plan.Step{&plan.CgroupFile{File: "memory.nosuch", Value: "1"}}, "exit", "0")
		if r := b.run(strict.plan()); r.code != 125 {
			t.Errorf("strict: exit %d\n%s", r.code, r.stderr)
		}
		best := limited(t, []plan.Step{&plan.CgroupFile{File: "memory.nosuch", Value: "1"}}, "exit", "7")
		best.replace(&plan.Cgroup{BestEffort: true})
		r := b.run(best.plan())
		if r.code != 7 || !strings.Contains(r.stderr, "NOT ENFORCED cgroup_file: ") {
			t.Errorf("best-effort: exit %d\n%s", r.code, r.stderr)
		}
		b.noCgroups(best.name)
	})
}

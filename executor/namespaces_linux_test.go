package executor_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// kinds are the namespaces that can be joined: as plans, unshare(1) and /proc call them.
var kinds = []struct{ word, flag, file string }{
	{"user", "--map-root-user", "user"}, {"pid", "--pid", "pid"}, {"network", "--net", "net"}, {"ipc", "--ipc", "ipc"},
	{"uts", "--uts", "uts"}, {"cgroup", "--cgroup", "cgroup"}, {"time", "--time", "time"},
}

// other starts a process in new namespaces of these kinds, and returns its id. It ends with the test.
func (b *box) other(words ...string) int {
	b.t.Helper()
	args := []string{"--fork", "--kill-child"} // without a fork, 6.1 does not let a shell begin in new clocks
	for _, k := range kinds {
		if slices.Contains(words, k.word) {
			args = append(args, k.flag)
		}
	}
	return descendants(b.outsider(args, "echo ready; exec cat"))[0]
}

// outsider runs a shell's script by unshare(1) until the test ends, once it says that it is ready.
func (b *box) outsider(args []string, script string) int {
	b.t.Helper()
	cmd := exec.Command("unshare", append(args, "sh", "-c", script)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: b.user, Setpgid: true}
	cmd.Dir = "/"
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		b.t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		skip(b.t, "unshare is not installed: "+err.Error())
	}
	b.t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		b.t.Fatalf("unshare %v: %q %v", args, line, err)
	}
	return cmd.Process.Pid
}

// join is a step for a namespace of a process.
func join(pid int, word string) *plan.Join {
	for _, k := range kinds {
		if k.word == word {
			return &plan.Join{Namespace: word, Path: fmt.Sprintf("/proc/%d/ns/%s", pid, k.file)}
		}
	}
	panic(word)
}

// joining is a box that joins some namespaces of a process, as the compiler plans it.
func joining(t *testing.T, pid int, words []string, args ...string) *planner {
	t.Helper()
	p := fullPlan(t, args...)
	left := []string{"mount"}
	for _, k := range kinds {
		if slices.Contains(words, k.word) {
			p.before("close_fds", join(pid, k.word))
		} else if k.word != "time" {
			left = append(left, k.word)
		}
	}
	p.replace(&plan.Unshare{Namespaces: left})
	user, shared := slices.Contains(words, "user"), slices.Contains(words, "pid")
	if user {
		p.without("idmap").before("workdir", &plan.User{})
	}
	if shared {
		p.ends()
	}
	if shared && !user {
		p.hostProc()
	}
	if slices.Contains(words, "uts") {
		p.without("hostname")
	}
	if slices.Contains(words, "network") {
		p.without("loopback")
	}
	return p
}

// ends gives the box the cgroup that it ends through.
func (p *planner) ends() *planner {
	p.name = fmt.Sprintf("shared-%d-%d", os.Getpid(), boxes.Add(1))
	p.steps = append([]plan.Step{&plan.Cgroup{Ends: true}, limit("pids", 100)}, p.steps...)
	return p
}

// hostProc gives it the machine's /proc.
func (p *planner) hostProc() *planner {
	for i, s := range p.steps {
		if m, ok := s.(*plan.Mount); ok && m.Type == "proc" {
			p.steps[i] = &plan.Mount{Type: "bind", Source: "/proc", Target: "/proc", ReadOnly: true, Options: m.Options}
		}
	}
	return p.without("readonly")
}

// wantNamespaces compares what the probe is in with what a process is in: the same for
// the kinds that were joined, and only for these unless it is the machine's.
func (b *box) wantNamespaces(p *planner, pid int, words []string) {
	b.t.Helper()
	f := b.facts(p.plan())
	for _, k := range kinds {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, k.file))
		if err != nil {
			b.t.Fatal(err)
		}
		ours, _ := os.Readlink("/proc/self/ns/" + k.file)
		if same := f.Namespaces[k.file] == theirs; same != slices.Contains(words, k.word) && theirs != ours {
			b.t.Errorf("joining %v: %s namespace %s, the other's is %s", words, k.word, f.Namespaces[k.file], theirs)
		}
	}
	for _, set := range []string{"CapPrm", "CapEff", "CapBnd"} {
		if strings.Trim(f.Status[set], "0") != "" {
			b.t.Errorf("%s is %s", set, f.Status[set])
		}
	}
}

// needShared skips where the user can have no cgroup, and so no shared pid namespace.
func (b *box) needShared() {
	b.t.Helper()
	b.needLimits(fullPlan(b.t, "exit", "0").ends())
}

var allWords = []string{"user", "pid", "network", "ipc", "uts", "cgroup", "time"}

// Who owns a user namespace can join it, and each namespace that it owns.
func TestJoinEachKind(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		pid := b.other(allWords...)
		b.wantNamespaces(joining(t, pid, []string{"user"}), pid, []string{"user"})
		b.wantNamespaces(joining(t, pid, []string{"user"}).without("init"), pid, []string{"user"})
		for _, word := range allWords[2:] {
			words := []string{"user", word}
			b.wantNamespaces(joining(t, pid, words), pid, words)
		}
		words := slices.DeleteFunc(slices.Clone(allWords), func(w string) bool { return w == "pid" })
		b.wantNamespaces(joining(t, pid, words), pid, words)
		b.needShared()
		b.wantNamespaces(joining(t, pid, allWords), pid, allWords)
	})
}

// Root joins what the machine owns before the box has a user namespace of its own.
func TestJoinHostOwned(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has rights over namespaces that root owns")
	}
	b := newBox(t)
	pid := b.other(allWords[1:]...)
	for _, word := range allWords[2:] {
		b.wantNamespaces(joining(t, pid, []string{word}), pid, []string{word})
	}
	words := []string{"network", "ipc", "uts", "cgroup", "time"}
	b.wantNamespaces(joining(t, pid, words), pid, words)
	b.wantNamespaces(joining(t, pid, words).replace(&plan.Unshare{Namespaces: []string{"mount", "pid"}}).without("idmap").before("workdir", &plan.User{}), pid, words)
	b.needShared()
	b.wantNamespaces(joining(t, pid, allWords[1:]), pid, allWords[1:])
	inner := b.other(allWords...) // and of both kinds in one box
	p := joining(t, inner, []string{"user", "ipc"}).replace(&plan.Unshare{Namespaces: []string{"mount", "pid", "uts", "cgroup"}}).without("loopback")
	p.before("close_fds", join(pid, "network"))
	f := b.facts(p.plan())
	for file, from := range map[string]int{"user": inner, "ipc": inner, "net": pid} {
		if want, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", from, file)); f.Namespaces[file] != want {
			t.Errorf("%s namespace %s, not %s", file, f.Namespaces[file], want)
		}
	}
}

// A namespace is joined where it is bind-mounted, too, as ip-netns(8) does it.
func TestJoinBindMounted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can bind-mount a namespace")
	}
	b := newBox(t)
	pid := b.other("network")
	b.file("blue", "")
	// Tests of other packages look meanwhile whether a box has changed the host's mounts: this is none of those.
	b.prefix = []string{"unshare", "-m", "sh", "-c", `mount --bind "$0" "$1" && shift && exec "$@"`, fmt.Sprintf("/proc/%d/ns/net", pid), b.path("blue")}
	for _, path := range []string{b.path("blue"), "./blue"} {
		p := joining(t, pid, []string{"network"}).replace(&plan.Join{Namespace: "network", Path: path})
		b.wantNamespaces(p, pid, []string{"network"})
	}
}

// What cannot be joined is refused before anything is done, and nothing else is opened.
func TestJoinRefused(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		pid := b.other("user", "network", "ipc")
		b.file("file", "")
		b.link(fmt.Sprintf("/proc/%d/ns/net", pid), "link")
		b.link("/proc", "dir")
		if err := unix.Mkfifo(b.path("fifo"), 0o666); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			fmt.Sprintf("/proc/%d/ns/ipc", pid):         "it is a namespace of type ipc",
			fmt.Sprintf("/proc/%d/ns/user", pid):        "it is a namespace of type user",
			fmt.Sprintf("/proc/%d/exe", pid):            "it is not a namespace",
			fmt.Sprintf("/proc/%d/root/proc/1/ns", pid): "symbolic link that may not be followed",
			"/proc/0/ns/net":                            "it does not exist",
			"/dev/null":                                 "it is not a namespace",
			"./fifo":                                    "it is not a namespace",
			"./file":                                    "it is not a namespace",
			"./nosuch":                                  "it does not exist",
			"./link":                                    "symbolic link that may not be followed",
			fmt.Sprintf("./dir/%d/ns/net", pid):         "symbolic link that may not be followed",
		} {
			p := joining(t, pid, []string{"user", "network"})
			p.steps = slices.DeleteFunc(p.steps, func(s plan.Step) bool { j, ok := s.(*plan.Join); return ok && j.Namespace == "network" })
			b.want(p.before("close_fds", &plan.Join{Namespace: "network", Path: path}), 125, want)
		}
		own := joining(t, pid, []string{"user"}).replace(&plan.Join{Namespace: "user", Path: "/proc/self/ns/user"})
		b.want(own, 125, "it is the one that boxfile is in")
		if b.user == nil {
			return
		}
		theirs := newBox(t).other("user", "network")
		b.want(joining(t, theirs, []string{"user"}), 125, "not permitted")
		mine := fmt.Sprintf("/proc/%d/ns/net", pid) // his, but only through his user namespace
		b.want(joining(t, pid, []string{"network"}).replace(&plan.Join{Namespace: "network", Path: mine}), 125, "namespaces.user")
	})
}

// A pid namespace without its process 1 takes nobody in, for which the kernel has an odd word.
func TestJoinAfterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.needShared()
		pid := b.outsider([]string{"--user", "--map-root-user", "--pid"}, "/bin/true; echo ready; exec cat") // true was the first in there
		p := joining(t, pid, []string{"user", "pid"}, "exit", "0")
		for _, s := range p.steps {
			if j, ok := s.(*plan.Join); ok && j.Namespace == "pid" {
				j.Path = fmt.Sprintf("/proc/%d/ns/pid_for_children", pid)
			}
		}
		b.want(p, 125, "its process 1 has ended")
	})
}

// A box's clocks are as far ahead as its plan says.
func TestClocks(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for _, init := range []bool{true, false} {
			p := fullPlan(t, "clocks").before("idmap", &plan.Clocks{Boottime: 240 * 3600e9, Monotonic: 3600e9 + 5e8})
			p.replace(&plan.Unshare{Namespaces: []string{"user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"}})
			if !init {
				p.without("init")
			}
			before := clocks()
			r := b.run(p.plan())
			var in [2]int64
			if _, err := fmt.Sscan(r.stdout, &in[0], &in[1]); err != nil || r.code != 0 {
				t.Fatalf("exit %d: %q %s", r.code, r.stdout, r.stderr)
			}
			after := clocks()
			for i, ahead := range []int64{240 * 3600e9, 3600e9 + 5e8} {
				if in[i] < before[i]+ahead || in[i] > after[i]+ahead {
					t.Errorf("clock %d is %d, the machine's was %d and is %d", i, in[i], before[i], after[i])
				}
			}
		}
	})
}

// clocks are CLOCK_BOOTTIME and CLOCK_MONOTONIC in nanoseconds.
func clocks() (out [2]int64) {
	for i, c := range []int32{unix.CLOCK_BOOTTIME, unix.CLOCK_MONOTONIC} {
		var ts unix.Timespec
		_ = unix.ClockGettime(c, &ts)
		out[i] = ts.Nano()
	}
	return out
}

// sharedPlan is a box in the machine's own pid namespace.
func sharedPlan(t *testing.T, args ...string) *planner {
	t.Helper()
	return fullPlan(t, args...).ends().hostProc().replace(&plan.Unshare{Namespaces: []string{"user", "mount", "network", "ipc", "uts", "cgroup"}})
}

// A box that shares its pid namespace ends whole, daemons of sessions of their own
// included: with its command, with boxfile, and with its process 1.
func TestSharedPidEndsWhole(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.needShared()
		pid := b.other("user", "pid")
		for name, p := range map[string]func(args ...string) *planner{
			"host": func(args ...string) *planner { return sharedPlan(t, args...) },
			"join": func(args ...string) *planner { return joining(t, pid, []string{"user", "pid"}, args...) },
		} {
			mark := fmt.Sprintf("%s-%d-%d", name, os.Getpid(), boxes.Add(1))
			if r := b.run(p("daemons", mark, "exit").plan()); r.code != 7 {
				t.Errorf("%s: exit %d\n%s", name, r.code, r.stderr)
			}
			if left := marked(mark); len(left) > 0 {
				t.Errorf("%s: daemons live on: %v", name, left)
			}
			for _, victim := range []string{"boxfile", "process 1", "both"} {
				mark := fmt.Sprintf("%s-%d-%d", name, os.Getpid(), boxes.Add(1))
				cmd := b.command(p("daemons", mark, "stay").plan())
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
					t.Fatalf("%q %v", line, err)
				}
				waitFor(t, "all daemons", func() bool { return len(marked(mark)) >= 3 }) // the last has begun, but may have no command line yet
				who := cmd.Process.Pid
				if victim == "process 1" {
					who = child(t, who)
				}
				if victim == "both" { // as whoever is in the box can: then the next start in the same place ends it
					init := child(t, who)
					_ = syscall.Kill(who, syscall.SIGSTOP)
					if err := syscall.Kill(init, syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
				if err := syscall.Kill(who, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				if victim == "both" {
					b.run(p("exit", "0").plan())
				}
				if victim == "process 1" && len(marked(mark)) > 0 { // boxfile has ended the box itself
					t.Errorf("%s: daemons outlive process 1", name)
				}
				waitFor(t, "the end of the daemons", func() bool { return len(marked(mark)) == 0 })
			}
		}
	})
}

// child is the one process right below another.
func child(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var id int
	if _, scan := fmt.Sscan(string(b), &id); err != nil || scan != nil {
		return descendants(pid)[0]
	}
	return id
}

// marked is the running processes that have a word in their command line.
func marked(word string) []int {
	var out []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		var pid int
		if _, err := fmt.Sscanf(f, "/proc/%d/", &pid); err == nil && strings.Contains(string(b), "\x00"+word+"\x00") {
			out = append(out, pid)
		}
	}
	return out
}

// stagedPlans are boxes with a process before process 1.
func stagedPlans(t *testing.T, b *box, args ...string) map[string]*planner {
	t.Helper()
	pid := b.other(allWords...)
	ahead := fullPlan(t, args...).before("idmap", &plan.Clocks{Boottime: 1e9}).
		replace(&plan.Unshare{Namespaces: []string{"user", "mount", "pid", "network", "ipc", "uts", "cgroup", "time"}})
	out := map[string]*planner{"clocks": ahead, "join": joining(t, pid, []string{"user", "network", "ipc", "uts", "time"}, args...)}
	if b.run(fullPlan(t, "exit", "0").ends().plan()).code == 0 {
		out["shared"] = joining(t, pid, []string{"user", "pid"}, args...)
	}
	return out
}

// special reports whether only boxes with a process before process 1, or with a
// pid namespace that is not theirs, have such an op.
func special(prog *program.Program, n int) bool {
	if n < len(prog.Stage) {
		return true
	}
	if n -= len(prog.Stage); n >= len(prog.Enter) {
		return false
	}
	o := &prog.Enter[n]
	return slices.Contains([]string{"dup3", "read"}, o.Call.Name) || o.Call.Name == "prctl" && o.Args[0].Num == unix.PR_SET_CHILD_SUBREAPER
}

// An error in the process before process 1 is told with its step, and leaves nothing.
func TestFaultBeforeProcess1(t *testing.T) {
	b := newBox(t)
	for name, p := range stagedPlans(t, b, "exit", "0") {
		prog, err := lower(p.plan(), b.dir)
		if err != nil {
			t.Fatal(err)
		}
		for n, o := range allOps(t, p) {
			if !special(prog, n) {
				continue
			}
			t.Run(fmt.Sprintf("%s %d %s", name, n, o.Call.Name), func(t *testing.T) {
				in := newBox(t)
				before := hostMounts(t)
				in.env = []string{fmt.Sprintf("BOXFILE_TEST_SPOIL=%d", n)}
				r := in.run(p.plan())
				if r.code != 125 {
					t.Errorf("exit %d\n%s", r.code, r.stderr)
				}
				checkFailure(t, r.stderr, o, p)
				in.nothingLeft(before)
			})
		}
	}
}

// When boxfile is killed while that process is there, or just after, nothing lives on.
func TestKillBeforeProcess1(t *testing.T) {
	b := newBox(t)
	for name, p := range stagedPlans(t, b, "sleep") {
		prog, err := lower(p.plan(), b.dir)
		if err != nil {
			t.Fatal(err)
		}
		for n, o := range allOps(t, p) {
			if !special(prog, n) {
				continue
			}
			t.Run(fmt.Sprintf("%s %d %s", name, n, o.Call.Name), func(t *testing.T) {
				t.Parallel()
				in := newBox(t)
				before := hostMounts(t)
				in.env = []string{fmt.Sprintf("BOXFILE_TEST_HOLD=%d", n)}
				cmd := in.command(p.plan())
				box := descendants(startHeld(t, cmd))
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				waitFor(t, "the end of the box", func() bool { return alive(box) == 0 && len(running(in.dir)) == 0 })
				in.nothingLeft(before)
			})
		}
	}
}

// running is the processes whose plan is in a directory, forked ones included.
func running(dir string) []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if b, _ := os.ReadFile(f); strings.Contains(string(b), "BOXFILE_TEST_FOLDER="+dir+"\x00") {
			out = append(out, f)
		}
	}
	return out
}

// What joins and what sets clocks is in the printed program, op by op.
func TestTraceBeforeProcess1(t *testing.T) {
	needStrace(t)
	if os.Getuid() != 0 {
		t.Skip("an ordinary user's strace cannot read the memory of a process that cannot be dumped")
	}
	for name, p := range stagedPlans(t, newBox(t), "exit", "0") {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			prog, trace := b.trace(p)
			if err := matchAllFrom(prog, trace, hostSide(prog, trace).tasks(prog)); err != nil {
				t.Fatal(err)
			}
			for i := range prog.Stage { // the check itself can fail
				old := prog.Stage[i]
				if old.Args = slices.Clone(old.Args); !mutations["another number"](&prog.Stage[i]) {
					continue
				}
				if matchAllFrom(prog, trace, hostSide(prog, trace).tasks(prog)) == nil {
					t.Errorf("a change of %s goes unnoticed", &old)
				}
				prog.Stage[i] = old
			}
		})
	}
}

package executor_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Every signal that a supervisor may send reaches the command, from the moment on at
// which the command is there; and the box is gone when boxfile is.
func TestSignals(t *testing.T) {
	for _, init := range []bool{true, false} {
		for _, s := range append(slices.Clone(caught), syscall.SIGKILL) {
			sig := s.(syscall.Signal)
			t.Run(fmt.Sprintf("%v init %v", sig, init), func(t *testing.T) {
				t.Parallel()
				l := newBox(t).start(withInit(t, init, "signals"), false)
				l.says("ready")
				box := l.members()
				l.send(sig)
				if sig == syscall.SIGKILL {
					_ = l.cmd.Wait()
					waitFor(t, "the end of the box", func() bool { return living(box) == 0 })
					return
				}
				l.says(fmt.Sprintf("got %d", sig))
				l.ends(42, box)
			})
		}
	}
}

// A signal that comes while the box is made waits for the command. Nothing is left half made.
func TestSignalWhileTheBoxIsMade(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			b := newBox(t)
			before := hostMounts(t)
			b.env = []string{fmt.Sprintf("BOXFILE_TEST_EARLY=%d", s)}
			r := b.run(fullPlan(t, "sleep").plan())
			if r.code != 128+int(s) {
				t.Errorf("exit %d\n%s", r.code, r.stderr)
			}
			b.nothingLeft(before)
		})
	}
}

// TERM reaches the command as stop.signal, INT as itself; when the grace period is
// over the box is killed whole, and at a second INT at once.
func TestSignalStopsTheBox(t *testing.T) {
	const long, short = int64(time.Hour), int64(1) // short is as long as it has to be for the command to say what it got
	cases := []struct {
		what  string
		stop  plan.Stop
		args  string
		init  bool
		send  []syscall.Signal
		says  []string
		code  int
		grace bool // it was killed because its grace period was over
	}{
		{"TERM is stop.signal", plan.Stop{Signal: "QUIT", Grace: long}, "signals", true, []syscall.Signal{syscall.SIGTERM}, []string{"got 3"}, 42, false},
		{"INT stays INT", plan.Stop{Signal: "QUIT", Grace: long}, "signals", true, []syscall.Signal{syscall.SIGINT}, []string{"got 2"}, 42, false},
		{"TERM again is TERM", plan.Stop{Signal: "QUIT", Grace: long}, "chatty", true, []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGINT}, []string{"got 3", "got 15"}, 137, false},
		{"grace after TERM", plan.Stop{Signal: "TERM", Grace: short}, "chatty", true, []syscall.Signal{syscall.SIGTERM}, []string{"got 15"}, 137, true},
		{"grace after INT", plan.Stop{Signal: "TERM", Grace: short}, "chatty", true, []syscall.Signal{syscall.SIGINT}, []string{"got 2"}, 137, true},
		{"no grace", plan.Stop{Signal: "TERM"}, "chatty", true, []syscall.Signal{syscall.SIGTERM}, nil, 137, true},
		{"a second INT", plan.Stop{Signal: "TERM", Grace: long}, "chatty", true, []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, []string{"got 2"}, 137, false},
		{"INT after TERM", plan.Stop{Signal: "TERM", Grace: long}, "chatty", true, []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, []string{"got 15"}, 137, false},
		{"a second INT without init", plan.Stop{Signal: "TERM", Grace: long}, "chatty", false, []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, []string{"got 2"}, 137, false},
		{"process 1 does not hear what it does not handle", plan.Stop{Signal: "TERM", Grace: short}, "deaf", false, []syscall.Signal{syscall.SIGTERM}, nil, 137, true},
		{"KILL", plan.Stop{Signal: "KILL", Grace: long}, "chatty", true, []syscall.Signal{syscall.SIGTERM}, nil, 137, false},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			patiently(t, func(d time.Duration) bool {
				stop := c.stop
				if stop.Grace == short {
					stop.Grace = int64(d)
				}
				b := newBox(t)
				file := b.path("plan.json.status")
				b.env = []string{"BOXFILE_TEST_STATUS=" + file}
				l := b.start(withInit(t, c.init, c.args).replace(&stop), false)
				l.says("ready")
				box := l.members()
				for i, s := range c.send {
					l.send(s)
					if i < len(c.says) && !l.said(c.says[i]) {
						return false
					}
				}
				l.ends(c.code, box)
				status, _ := os.ReadFile(file)
				if told := strings.Contains(string(status), `"Reached":[{"Step":0,`); c.code == 137 && told != c.grace {
					t.Errorf("%s", status)
				}
				return true
			})
		})
	}
}

// A second ^C does not wait for the grace period of a timeout either.
func TestSignalSkipsTheGraceOfATimeout(t *testing.T) {
	t.Parallel()
	patiently(t, func(d time.Duration) bool {
		l := newBox(t).start(fullPlan(t, "chatty").before("close_fds", &plan.Timeout{After: int64(d), Signal: "USR1", Grace: int64(time.Hour)}), false)
		if !l.said("ready") {
			return false
		}
		box := l.members()
		l.says("got 10")
		l.send(syscall.SIGINT)
		l.ends(124, box)
		return true
	})
}

// What is started by nohup outlives the terminal's hang-up; other signals still come.
func TestSignalIgnoredByNohup(t *testing.T) {
	b := newBox(t)
	b.prefix = []string{"env", modeEnv + "=probe", selfCopy(b.t), "ignoring", "env", modeEnv + "=up"}
	l := b.start(fullPlan(t, "signals"), false)
	l.says("ready")
	l.send(syscall.SIGHUP)
	l.send(syscall.SIGTERM)
	l.says("got 15")
	l.ends(42, nil)
}

// TSTP stops the whole box and then boxfile; CONT has both go on. A process of the
// box that was stopped already stays so. Where no shell could continue it (an orphaned
// process group) boxfile goes on hearing signals.
func TestSignalTSTPStopsTheBox(t *testing.T) {
	for _, init := range []bool{true, false} {
		for _, orphaned := range []bool{true, false} {
			t.Run(fmt.Sprintf("init %v orphaned %v", init, orphaned), func(t *testing.T) {
				t.Parallel()
				l := newBox(t).start(withInit(t, init, "stopped"), orphaned)
				l.says("ready") // of the sleeping child
				pid := l.cmd.Process.Pid
				box := l.members()
				stopped := func() (n int) {
					for _, p := range box {
						if stateOf(p.pid) == "T" {
							n++
						}
					}
					return n
				}
				if n := stopped(); n != 1 {
					t.Fatalf("%d processes are stopped before", n)
				}
				for range 3 {
					l.send(syscall.SIGTSTP)
					if !orphaned {
						waitFor(t, "boxfile's stop", func() bool { return stateOf(pid) == "T" })
					}
					waitFor(t, "the box's stop", func() bool { return stopped() == len(box) })
					waitFor(t, "going on", func() bool {
						l.send(syscall.SIGCONT) // again, because the kernel drops one that comes just as boxfile is about to stop
						return stopped() == 1 && stateOf(pid) != "T"
					})
				}
				l.send(syscall.SIGTSTP)
				waitFor(t, "the box's stop", func() bool { return stopped() == len(box) })
				if orphaned { // who is to end has to go on first
					l.send(syscall.SIGINT)
					l.ends(map[bool]int{true: 130, false: 2}[init], box) // the Go runtime does not end process 1 by a signal
					return
				}
				waitFor(t, "boxfile's stop", func() bool { return stateOf(pid) == "T" })
				l.send(syscall.SIGUSR1) // for later
				l.send(syscall.SIGCONT)
				l.ends(42, box)
			})
		}
	}
}

// A box that is stopped still dies with boxfile.
func TestSignalKillOfAStoppedBox(t *testing.T) {
	for _, init := range []bool{true, false} {
		l := newBox(t).start(withInit(t, init, "stopped"), false)
		l.says("ready")
		box := l.members()
		l.send(syscall.SIGTSTP)
		waitFor(t, "boxfile's stop", func() bool { return stateOf(l.cmd.Process.Pid) == "T" })
		l.send(syscall.SIGKILL)
		_ = l.cmd.Wait()
		waitFor(t, "the end of the box", func() bool { return living(box) == 0 })
	}
}

// So does one that shares its pid namespace, which no kernel ends: its process 1 is not
// stopped with the others.
func TestSignalStopsABoxThatSharesItsPids(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.needShared()
		l := b.start(sharedPlan(t, "stopped"), false)
		l.says("ready")
		pid, box := l.cmd.Process.Pid, l.members()
		stopped := func(want int) func() bool {
			return func() bool {
				n := 0
				for _, p := range box {
					if stateOf(p.pid) == "T" {
						n++
					}
				}
				return n == want
			}
		}
		waitFor(t, "one that has stopped itself", stopped(1))
		l.send(syscall.SIGTSTP)
		waitFor(t, "boxfile's stop", func() bool { return stateOf(pid) == "T" })
		waitFor(t, "the box's stop", stopped(len(box)-1))
		waitFor(t, "going on", func() bool {
			l.send(syscall.SIGCONT)
			return stopped(1)() && stateOf(pid) != "T"
		})
		l.send(syscall.SIGTSTP)
		waitFor(t, "boxfile's stop", func() bool { return stateOf(pid) == "T" })
		l.send(syscall.SIGKILL)
		_ = l.cmd.Wait()
		waitFor(t, "the end of the box", func() bool { return living(box) == 0 })
	})
}

// A box with a cgroup of v2 is frozen by it.
func TestSignalTSTPFreezesTheCgroup(t *testing.T) {
	steps := []plan.Step{limit("pids", 30)}
	eachLimited(t, func(t *testing.T, b *box) {
		p := limited(t, steps, "stopped") // which goes on when SIGCONT reaches it
		l := b.start(p, false)
		l.says("ready")
		pid := l.cmd.Process.Pid
		var events string
		for _, dir := range cgroupsOf(p.name) {
			if _, err := os.Stat(dir + "/cgroup.events"); err == nil {
				events = dir + "/cgroup.events"
			}
		}
		frozen := func(want string) func() bool {
			return func() bool {
				b, _ := os.ReadFile(events)
				return events == "" || strings.Contains(string(b), "frozen "+want)
			}
		}
		l.send(syscall.SIGTSTP)
		waitFor(t, "boxfile's stop", func() bool { return stateOf(pid) == "T" })
		waitFor(t, "the box's stop", frozen("1"))
		l.send(syscall.SIGCONT)
		waitFor(t, "the box going on", frozen("0"))
		l.send(syscall.SIGTSTP)
		waitFor(t, "boxfile's stop", func() bool { return stateOf(pid) == "T" })
		l.send(syscall.SIGUSR1) // for later
		l.send(syscall.SIGCONT)
		l.ends(42, nil)
		b.noCgroups(p.name)
	}, steps...)
}

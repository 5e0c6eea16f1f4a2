package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// shell runs a shell with job control at the terminal, outside of any box.
func (s *sitting) shell() {
	s.t.Helper()
	s.Start(s.command("bash", "--norc", "--noprofile", "--noediting", "-i"))
	s.Await("outside> ")
}

// boxfile is the process of boxfile that the shell has started.
func (s *sitting) boxfile() int {
	s.t.Helper()
	pid := 0
	fixture.Eventually(s.t, "a boxfile", func() bool {
		for _, p := range children(s.t, s.Cmd.Process.Pid) {
			if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p)); string(name) == "boxfile\n" {
				pid = p
			}
		}
		return pid != 0
	})
	return pid
}

// state is that of a process, proc_pid_stat(5), or X if it is gone.
func state(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "X"
	}
	return string(b[strings.LastIndexByte(string(b), ')')+2])
}

// Who stops boxfile stops the box and has the terminal back, as it was. When boxfile goes
// on, the box does, with the terminal, in its new size; in the background without it.
func TestTtyIsGivenBackWhileBoxfileIsStopped(t *testing.T) {
	atTerminal(t, func(t *testing.T, s *sitting) {
		s.shell()
		before := s.Modes()
		s.Type("boxfile up %s\r", s.file(shell))
		s.Await("box> ")
		s.Type(job)
		s.Await("job 42")
		pid := s.boxfile()
		inside := []int{}
		for todo := children(t, pid); len(todo) > 0; todo = append(todo[1:], children(t, todo[0])...) {
			inside = append(inside, todo[0])
		}
		if len(inside) < 3 {
			t.Fatalf("the box has only the processes %v", inside)
		}
		for _, how := range []string{"fg", "bg", "fg"} {
			if err := syscall.Kill(pid, syscall.SIGTSTP); err != nil {
				t.Fatal(err)
			}
			fixture.Eventually(t, "a boxfile that is stopped", func() bool { return state(pid) == "T" })
			fixture.Eventually(t, "a shell that tells of it", func() bool { // of a job in the background it does before a prompt
				s.Type("\r")
				return s.Said("Stopped")
			})
			s.Await("Stopped")
			s.Await("outside> ")
			if now := s.Modes(); now != before {
				t.Errorf("the shell gets the terminal set %s, and had it %s", now, before)
			}
			for _, p := range inside[1:] {
				fixture.Eventually(t, fmt.Sprintf("a stop of process %d (%s) of %v", p, state(p), inside), func() bool { return state(p) == "T" })
			}
			s.Resize(40, 120)
			s.Type("%s\r", how)
			fixture.Eventually(t, "a box that goes on", func() bool { return state(inside[1]) == "S" })
			if how == "bg" {
				s.Type("echo outside $((40+2))\r")
				s.Await("outside 42")
				if s.Raw() {
					t.Error("a box in the background has taken the terminal")
				}
				continue
			}
			fixture.Eventually(t, "a raw terminal", s.Raw)
			s.Type("there $((40+2))\r") // the job has not noticed anything
			s.Await("there $((40+2))")
			s.Await("there $((40+2))")
		}
		s.Type("\x03")
		s.Await("box> ")
		s.Type("stty size; exit 3\r")
		s.Await("40 120")
		s.Await("outside> ")
		s.Type("echo status $?; exit\r")
		s.Await("status 3")
		if now := s.Modes(); now != before {
			t.Errorf("the terminal was set %s, and is %s", before, now)
		}
		s.exits(0)
	})
}

// A box that is started in the background leaves the terminal alone until it is put in the foreground.
func TestTtyInTheBackground(t *testing.T) {
	s := sit(t, false)
	s.shell()
	before := s.Modes()
	s.Type("boxfile up %s &\r", s.file("shell: 'echo up $((40+2)); read x; echo got $x; stty -g'"))
	s.Await("up 42")
	s.Type("echo outside $((40+3))\r")
	s.Await("outside 43")
	if now := s.Modes(); now != before {
		t.Errorf("the terminal was set %s, and is %s", before, now)
	}
	s.Type("fg\r")
	fixture.Eventually(t, "a raw terminal", s.Raw)
	s.Type("something\r")
	s.Await("got something")
	s.Await("outside> ")
	if now := s.Modes(); now != before {
		t.Errorf("the terminal was set %s, and is %s", before, now)
	}
	s.Type("exit\r")
	s.exits(0)
}

// Nor does it begin with settings that are the shell's: bash reads a line without echo, and
// with its end as it is typed.
func TestTtyInTheBackgroundIsNotSetAsTheShells(t *testing.T) {
	s := sit(t, false)
	s.shell()
	s.Type("stty -icrnl -echo -icanon; boxfile up %s &\r", s.file("shell: 'echo $(stty -a); echo over $((40+2))'"))
	said := s.Await("over 42")
	for _, set := range []string{" icrnl ", " echo ", " icanon "} {
		if !strings.Contains(said, set) {
			t.Errorf("the box's terminal is not set%s:\n%s", set, said)
		}
	}
	s.Type("wait; stty sane; exit\n")
	s.exits(0)
}

// When the terminal goes away, so does the box: it is told, and killed after its grace period.
func TestTtyHangUpEndsTheBox(t *testing.T) {
	for name, yaml := range map[string]string{
		"told":         "shell: \"trap 'echo told > /out/told; exit' HUP; echo up; cat\"",
		"ignoring_it":  "shell: \"trap '' HUP; echo told > /out/told; echo up; while :; do sleep 1; done\"\nstop: {grace: 300ms}",
		"reading_none": "shell: 'echo told > /out/told; echo up; exec sleep 1000'",
	} {
		t.Run(name, func(t *testing.T) {
			atTerminal(t, func(t *testing.T, s *sitting) {
				s.up(yaml + "\nmounts: ['.:/out:rw']")
				s.Await("up")
				s.Master.Close()
				r := run{t: t, dir: s.dir}
				fixture.Eventually(t, "nothing of the box left", func() bool { return r.processes() == "" })
				if b, _ := os.ReadFile(filepath.Join(s.dir, "told")); string(b) != "told\n" {
					t.Errorf("the box was not told: %q", b)
				}
			})
		})
	}
}

// Nothing gives the terminal back when boxfile itself is killed, but the box is gone.
func TestTtyBoxIsGoneWithBoxfile(t *testing.T) {
	s := sit(t, false)
	s.up("shell: 'echo up; exec cat'")
	s.Await("up")
	if err := s.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.exits(137)
	s.asBefore(s.Modes())
}

// series is how many boxes the tests of many of them run.
func series(t *testing.T, n int) int {
	t.Helper()
	if testing.Short() || os.Getuid() != 0 {
		return n / 20
	}
	return n
}

// terminals is how many pseudoterminals this machine has open.
func terminals(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/kernel/pty/nr")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A thousand boxes in a row leave the terminal as it was, and no process or terminal behind.
func TestTtyManyInARow(t *testing.T) {
	n := series(t, 1000)
	s := sit(t, false)
	before, had := s.Modes(), terminals(t)
	s.Start(s.command("sh", "-c", fmt.Sprintf(`i=0; while [ $i -lt %d ]; do boxfile up %s || exit 9; i=$((i+1)); done`, n, s.file("command: [tty]"))))
	if said := s.exits(0); strings.Count(said, "/dev/pts/0\r\n") != n {
		t.Errorf("not every one of %d boxes had its terminal: %q", n, said[max(0, len(said)-200):])
	}
	s.asBefore(before)
	fixture.Eventually(t, "as few terminals as before", func() bool { return terminals(t) < had+n/2 }) // others may have opened some
}

// Two hundred boxes at once, each on a terminal, end one like the other.
func TestTtyManyAtOnce(t *testing.T) {
	n := series(t, 200)
	had := terminals(t)
	t.Run("boxes", func(t *testing.T) {
		all := make([]*sitting, n)
		var each sync.WaitGroup
		for i := range all {
			all[i] = sit(t, false)
			all[i].up("shell: 'echo up; read x; exit $x'")
		}
		for i, s := range all {
			each.Go(func() {
				before := s.Modes() // raw by now, or not yet
				s.Await("up")
				fixture.Eventually(t, "a raw terminal", s.Raw)
				s.Type("%d\r", i%100)
				s.exits(i % 100)
				if s.Raw() {
					t.Errorf("terminal %d stays raw (%s)", i, before)
				}
				r := run{t: t, dir: s.dir}
				fixture.Eventually(t, "nothing of the box left", func() bool { return r.processes() == "" })
			})
		}
		each.Wait()
	})
	fixture.Eventually(t, "as few terminals as before", func() bool { return terminals(t) < had+n })
}

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// pane is the one window of a tmux of the test's own.
type pane struct {
	t       *testing.T
	command func(words ...string) *exec.Cmd
	socket  string
}

func (p *pane) tmux(words ...string) string {
	p.t.Helper()
	out, err := p.command(append([]string{"tmux", "-f", "/dev/null", "-S", p.socket}, words...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %s: %v\n%s", words, err, out)
	}
	return string(out)
}

// keys presses keys, as tmux names them.
func (p *pane) keys(keys ...string) {
	p.t.Helper()
	p.tmux(append([]string{"send-keys", "-t", "0"}, keys...)...)
}

// shows waits until a line of the window is so.
func (p *pane) shows(line string) {
	p.t.Helper()
	seen := ""
	defer func() {
		if p.t.Failed() {
			p.t.Log(seen)
		}
	}()
	fixture.Eventually(p.t, "the line "+line, func() bool {
		seen = p.tmux("capture-pane", "-p", "-t", "0")
		for l := range strings.Lines(seen) {
			if strings.TrimRight(l, " \n") == line {
				return true
			}
		}
		return false
	})
}

// needs skips a test without a program.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			fixture.Skip(t, p+" is not installed")
		}
	}
}

// In tmux, the example's shell behaves as one does outside: an editor and a pager, ^C, ^Z
// and fg, another size of the window, and the shell's own status at the end.
func TestTtyInTmux(t *testing.T) {
	needs(t, "tmux", "vi", "less")
	atTerminal(t, func(t *testing.T, s *sitting) {
		p := &pane{t, s.command, filepath.Join(s.dir, "tmux")}
		example, err := filepath.Abs("../../examples/shell.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := fixture.Copy(example, filepath.Join(s.dir, "shell.yaml")); err != nil {
			t.Fatal(err)
		}
		p.tmux("new-session", "-d", "-x", "80", "-y", "24", "bash --norc --noprofile")
		t.Cleanup(func() { _ = p.command("tmux", "-S", p.socket, "kill-server").Run() })
		p.keys("PS1='outside> '; clear; stty -g > before", "Enter")
		p.shows("outside>")
		p.keys("boxfile up shell.yaml", "Enter")
		p.shows("shell:/src#") // whoever runs it is root there
		p.keys("vi -u NONE /tmp/text", "Enter")
		p.shows("~")
		p.keys("iwritten in vi", "Escape")
		p.keys(":wq", "Enter")
		p.keys("clear; cat /tmp/text", "Enter")
		p.shows("written in vi")
		p.keys("clear; seq 500 | less", "Enter")
		p.shows("23")
		p.keys("G")
		p.shows("500")
		p.keys("q")
		p.keys("clear; sh -c 'echo job $((40+2)); exec cat'", "Enter")
		p.shows("job 42")
		p.keys("C-z")
		p.keys("clear; jobs | cut -c 1-4; fg > /dev/null", "Enter")
		p.shows("[1]+")
		p.keys("there", "Enter")
		p.shows("there")
		p.keys("C-c")
		p.keys("clear; echo ended with $?", "Enter")
		p.shows("ended with 130")
		p.tmux("resize-window", "-t", "0", "-x", "100", "-y", "30")
		p.keys("clear; stty size", "Enter")
		p.shows("30 100")
		p.keys("exit 3", "Enter")
		p.shows("outside>")
		p.keys("clear; echo status $?; stty -g | cmp - before && echo as before", "Enter")
		p.shows("status 3")
		p.shows("as before")
		p.keys("exit", "Enter")
		s.asBefore(s.Modes())
	})
}

// script(1) works around a box and in one.
func TestTtyInScript(t *testing.T) {
	needs(t, "script")
	s := sit(t, false)
	before := s.Modes()
	s.Start(s.command("script", "-qec", filepath.Join(bin, "boxfile")+" up "+s.file("shell: 'tty; stty size; exit 3'"), "/dev/null"))
	if said := s.exits(3); said != "/dev/pts/0\r\n24 80\r\n" {
		t.Errorf("around a box: %q", said)
	}
	s.asBefore(before)
	s = sit(t, false)
	s.up("command: [script, -qec, 'tty; exit 3', /dev/null]")
	if said := s.exits(3); said != "/dev/pts/1\r\n" {
		t.Errorf("in a box: %q", said)
	}
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
	"golang.org/x/sys/unix"
)

// sitting is somebody at a terminal who runs boxes.
type sitting struct {
	*fixture.Terminal
	t    *testing.T
	dir  string
	user bool // an ordinary user, where the tester is root
}

// atTerminal runs a test as root and as an ordinary user.
func atTerminal(t *testing.T, test func(t *testing.T, s *sitting)) {
	t.Helper()
	for _, user := range []bool{false, true} {
		if user && os.Getuid() != 0 {
			continue
		}
		t.Run(map[bool]string{false: "self", true: "ordinary"}[user], func(t *testing.T) {
			test(t, sit(t, user))
		})
	}
}

func sit(t *testing.T, user bool) *sitting {
	t.Helper()
	s := &sitting{Terminal: fixture.OpenTerminal(t), t: t, dir: t.TempDir(), user: user}
	open(t, s.dir)
	if user {
		u, err := fixture.Ordinary()
		if err != nil {
			fixture.Skip(t, err.Error())
		}
		uid, _ := strconv.Atoi(u.Uid)
		for _, f := range []string{s.dir, s.Slave.Name()} { // as whoever logs in gets his terminal
			if err := os.Chown(f, uid, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// file writes a Boxfile.
func (s *sitting) file(text string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, "box.yaml")
	if err := os.WriteFile(file, []byte("boxfile: 1\n"+text+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// command is a command of whoever sits there.
func (s *sitting) command(words ...string) *exec.Cmd {
	s.t.Helper()
	if words[0] == "boxfile" {
		words[0] = filepath.Join(bin, words[0])
	}
	if s.user {
		var err error
		if words, err = ordinaryCommand(words); err != nil {
			fixture.Skip(s.t, err.Error())
		}
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TERM=vt100", "HOME=/", "PS1=outside> ", "ENV="}
	cmd.Dir = s.dir
	return cmd
}

// up starts a box.
func (s *sitting) up(text string) {
	s.t.Helper()
	s.Start(s.command("boxfile", "up", s.file(text)))
}

// shell is a box with an interactive shell. It is ready when it says so.
const shell = "command: [sh]\nenv: {PS1: 'box> '}\nmounts: [{type: tmpfs, target: /tmp}]"

// A job that can be stopped and interrupted is in the foreground once it has said that it
// is up: before, the keys would be the shell's.
const job = "sh -c 'echo job $((40+2)); exec cat'\r"

func (s *sitting) exits(want int) string {
	s.t.Helper()
	said, code := s.End()
	if code != want {
		s.t.Errorf("exit %d, not %d: %q", code, want, said)
	}
	return said
}

// asBefore wants the terminal as it was, and nothing of a box left.
func (s *sitting) asBefore(modes string) {
	s.t.Helper()
	if now := s.Modes(); now != modes {
		s.t.Errorf("the terminal was set %s, and is %s", modes, now)
	}
	r := run{t: s.t, dir: s.dir}
	fixture.Eventually(s.t, "nothing of the box left", func() bool { return r.processes() == "" })
}

// On a terminal a box has one of its own, of the same size and with the same
// settings, which is its command's controlling terminal. TERM comes along.
func TestTtyIsTheBoxsOwn(t *testing.T) {
	for name, keys := range map[string]string{"default": "", "without_init": "init: false", "landlock": "security: {landlock: best-effort}", "another_user": "user: 1000:1000"} {
		t.Run(name, func(t *testing.T) {
			atTerminal(t, func(t *testing.T, s *sitting) {
				s.Resize(31, 97)
				before := s.Modes()
				s.up(keys + `
shell: |
  tty; tty <&1; tty <&2; stty size; stty -g; echo "TERM $TERM"
  ls /dev/pts | xargs; sh -c 'echo controlling > /dev/tty'; stty size < /dev/tty
  stat -c 'owner %u' /dev/pts/0; echo "user $(id -u)"`)
				said := s.exits(0)
				outer := strings.Split(before, ":")
				for _, want := range []string{strings.Repeat("/dev/pts/0\r\n", 3) + "31 97\r\n" + outer[0] + ":" + outer[1], "TERM vt100", "0 ptmx\r\n", "controlling\r\n31 97"} {
					if !strings.Contains(said, want) {
						t.Errorf("no %q in %q", want, said)
					}
				}
				if _, owner, _ := strings.Cut(said, "owner "); strings.Split(owner, "\r")[0] != strings.TrimSpace(said[strings.LastIndex(said, " ")+1:]) {
					t.Errorf("the terminal is not the box's user's: %q", said)
				}
				s.asBefore(before)
			})
		})
	}
}

// Each standard descriptor that is a terminal becomes the box's; the others stay what they are.
// Under auto there is one where input and output are terminals.
func TestTtyLeavesOtherDescriptorsAlone(t *testing.T) {
	for _, c := range []struct {
		tty, away string // which descriptors are files
		want      string
		code      int
	}{
		{"auto", "", "0 yes 2 yes TERM vt100 controlling", 0},
		{"auto", "2", "0 yes 2 no TERM vt100 controlling", 0},
		{"auto", "1", "0 yes 2 yes TERM none", 0}, // the caller's, which the box does not control
		{"auto", "0", "0 no 2 yes TERM none", 0},
		{"auto", "012", "0 no 2 no TERM none", 0},
		{"false", "", "0 yes 2 yes TERM none", 0},
		{"true", "1", "0 yes 2 yes TERM vt100 controlling", 0},
		{"true", "12", "0 yes 2 no TERM vt100 controlling", 0},
		{"true", "0", "the box needs a terminal", 125},
	} {
		t.Run(c.tty+"_without_"+c.away, func(t *testing.T) {
			s := sit(t, false)
			file := s.file("tty: " + c.tty + `
shell: |
  is() { test -t $1 && echo "$1 yes" || echo "$1 no"; }
  a=$(is 0; is 2; echo "TERM ${TERM-none}"; (: > /dev/tty) 2> /dev/null && echo controlling)
  echo $a`)
			cmd := s.command("boxfile", "up", file)
			out, err := os.Create(filepath.Join(s.dir, "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			if strings.Contains(c.away, "0") {
				cmd.Stdin = strings.NewReader("")
			}
			if strings.Contains(c.away, "1") {
				cmd.Stdout = out
			}
			if strings.Contains(c.away, "2") {
				cmd.Stderr = out
			}
			s.Start(cmd)
			said := s.exits(c.code)
			filed, _ := os.ReadFile(out.Name())
			if got := said + string(filed); strings.TrimSpace(got) != c.want && (c.code == 0 || !strings.Contains(got, c.want)) {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
}

// ^C reaches the foreground job of the box, ^Z stops it, fg and bg go on with it, and stty
// sees the window's new size.
func TestTtyJobControl(t *testing.T) {
	atTerminal(t, func(t *testing.T, s *sitting) {
		before := s.Modes()
		s.up(shell)
		s.Await("box> ")
		s.Type(job)
		s.Await("job 42")
		s.Type("\x1a")
		s.Await("box> ")
		s.Type("jobs; fg\r")
		s.Await("Stopped")
		s.Type("again\r")
		s.Await("again") // the echo,
		s.Await("again") // and the job's
		s.Type("\x03")
		s.Await("box> ")
		s.Type("echo ended with $?\r")
		s.Await("ended with 130")
		s.Await("box> ")
		s.Type(`bash -c "trap 'echo resized \$((40+2)); exit' WINCH; echo trapped \$((40+3)); while :; do read -t 0.1; done"` + "\r")
		s.Await("trapped 43")
		s.Resize(50, 132)
		s.Await("resized 42")
		s.Await("box> ")
		s.Type("stty size\r")
		s.Await("50 132")
		s.Type("exit 3\r")
		s.exits(3)
		s.asBefore(before)
	})
}

// However a box ends, and whatever ends boxfile, the terminal is as it was.
func TestTtyIsGivenBack(t *testing.T) {
	const waits = "shell: 'echo up; exec cat'"
	for name, c := range map[string]struct {
		yaml string
		end  func(s *sitting)
		code int
		root bool
	}{
		"exit":          {"shell: 'echo up; exit 3'", nil, 3, false},
		"not_found":     {"command: [nosuch]", nil, 127, false},
		"timeout":       {waits + "\ntimeout: 200ms", nil, 124, false},
		"memory":        {"shell: 'echo up; exec tail /dev/zero'\nresources: {memory: 32M}", nil, 137, true},
		"TERM":          {waits, gets(syscall.SIGTERM), 143, false},
		"HUP":           {waits, gets(syscall.SIGHUP), 129, false},
		"INT":           {waits, gets(syscall.SIGINT), 130, false},
		"QUIT":          {waits, gets(syscall.SIGQUIT), 131, false},
		"kill_in_a_box": {"shell: 'echo up; kill -9 $$'", nil, 137, false},
		"kill_the_box": {waits, func(s *sitting) {
			for _, p := range children(s.t, s.Cmd.Process.Pid) {
				_ = syscall.Kill(p, syscall.SIGKILL)
			}
		}, 137, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.root && os.Getuid() != 0 {
				t.Skip("an ordinary user may not have limits")
			}
			s := sit(t, false)
			if err := unix.IoctlSetTermios(int(s.Slave.Fd()), unix.TCSETS, odd(t, s)); err != nil {
				t.Fatal(err)
			}
			before := s.Modes()
			s.up(c.yaml)
			if c.end != nil {
				s.Await("up\r\n")
				fixture.Eventually(t, "a raw terminal", s.Raw)
				c.end(s)
			}
			s.exits(c.code)
			s.asBefore(before)
		})
	}
}

// odd is settings that nobody would guess.
func odd(t *testing.T, s *sitting) *unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(s.Slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	m.Cc[unix.VERASE], m.Cc[unix.VMIN] = 8, 5
	m.Iflag |= unix.IUTF8
	return m
}

func gets(sig syscall.Signal) func(s *sitting) {
	return func(s *sitting) { _ = s.Cmd.Process.Signal(sig) }
}

// children are the processes that a process has started.
func children(t *testing.T, pid int) (out []int) {
	t.Helper()
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range list {
		b, _ := os.ReadFile(f)
		for word := range strings.FieldsSeq(string(b)) {
			n, _ := strconv.Atoi(word)
			out = append(out, n)
		}
	}
	return out
}

// All that a box has said is there when it has ended, and what is typed arrives whole.
func TestTtyLosesNothing(t *testing.T) {
	s := sit(t, false)
	s.up("shell: 'seq 200000; printf last'")
	said := s.exits(0)
	var want strings.Builder
	for i := range 200000 {
		fmt.Fprintf(&want, "%d\r\n", i+1)
	}
	if said != want.String()+"last" {
		t.Errorf("%d bytes arrived of %d, the last of them %q", len(said), want.Len()+4, said[max(0, len(said)-20):])
	}

	s = sit(t, false)
	s.up("shell: 'stty raw -echo; echo ready; head -c 300000 | sha256sum'")
	s.Await("ready")
	go func() { _, _ = s.Master.WriteString(strings.Repeat("0123456789abcdef", 300000/16)) }()
	if out := s.exits(0); !strings.Contains(out, "27c9a4202edf7436583ea706f7b2d42913a8f4fa784ffb3c0b1b43b738858430") {
		t.Errorf("typed was something else: %q", out)
	}
}

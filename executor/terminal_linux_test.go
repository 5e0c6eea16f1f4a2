package executor_test

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// theTerminal is what programs of tests are lowered for where BOXFILE_TEST_TTY is
// set, so that a test and the run that it looks at have the same one.
func theTerminal() host.Terminal {
	if os.Getenv("BOXFILE_TEST_TTY") == "" {
		return host.Terminal{}
	}
	return host.Terminal{At: [3]bool{true, true, false}, Rows: 24, Cols: 80,
		Modes: host.Modes{Input: unix.ICRNL | unix.IXON, Output: unix.OPOST | unix.ONLCR, Control: unix.B38400 | unix.CS8 | unix.CREAD, Local: unix.ISIG | unix.ICANON | unix.ECHO,
			Chars: [19]uint8{unix.VINTR: 3, unix.VERASE: 0x7f, unix.VEOF: 4, unix.VMIN: 1, unix.VSUSP: 26}}}
}

// ttyPlan is a box with a terminal of its own.
func ttyPlan(t *testing.T, args ...string) *planner {
	t.Helper()
	return fullPlan(t, args...).before("init", &plan.TTY{Required: true})
}

// atTerminal has the box run at a terminal, as its standard input and output, and returns what
// tells how that is set.
func (b *box) atTerminal() (modes func() string) {
	b.t.Helper()
	master, modes := b.atUnreadTerminal()
	go func() { _, _ = io.Copy(&b.shown, master) }()
	return modes
}

// atUnreadTerminal is atTerminal, and nobody reads what is shown there.
func (b *box) atUnreadTerminal() (master *os.File, modes func() string) {
	b.t.Helper()
	b.t.Setenv("BOXFILE_TEST_TTY", "1")
	b.env = append(b.env, "BOXFILE_TEST_TTY=1")
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(err)
	raw, err := master.SyscallConn()
	must(err)
	n := 0
	must(raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}))
	must(err)
	b.terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(err)
	b.t.Cleanup(func() { master.Close(); b.terminal.Close() })
	return master, func() string {
		b.t.Helper()
		m, err := unix.IoctlGetTermios(int(b.terminal.Fd()), unix.TCGETS)
		must(err)
		return fmt.Sprint(*m)
	}
}

// An error at any op that makes the box's terminal is told, and leaves the caller's as it was.
func TestTtyFaultAtEveryOp(t *testing.T) {
	t.Setenv("BOXFILE_TEST_TTY", "1")
	found := 0
	for n, o := range allOps(t, ttyPlan(t, "exit", "0")) {
		if o.Step < 0 || plan.InfoOf(ttyPlan(t).plan().Steps[o.Step]).Name != "tty" {
			continue
		}
		found++
		t.Run(strconv.Itoa(n)+" "+o.Call.Name, func(t *testing.T) {
			b := newBox(t)
			modes := b.atTerminal()
			before := modes()
			b.env = append(b.env, "BOXFILE_TEST_SPOIL="+strconv.Itoa(n))
			r := b.run(ttyPlan(t, "exit", "0").plan())
			if r.code != 125 || !strings.Contains(r.stderr, `"step":"tty"`) || !strings.Contains(r.stderr, "cannot give the box a terminal of its own") {
				t.Errorf("exit %d: %s", r.code, r.stderr)
			}
			if after := modes(); after != before {
				t.Errorf("the terminal was %s, and is %s", before, after)
			}
		})
	}
	if found < 8 {
		t.Errorf("only %d ops make a terminal", found)
	}
}

// A panic of boxfile while the terminal is the box's gives it back first.
func TestTtyIsGivenBackByAPanic(t *testing.T) {
	b := newBox(t)
	modes := b.atTerminal()
	before := modes()
	b.env = append(b.env, "BOXFILE_TEST_PANIC=1")
	r := b.run(ttyPlan(t).replace(&plan.Exec{Args: []string{"/nosuch"}}).plan())
	if r.code != 2 || !strings.Contains(r.stderr, "panic: ") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	if after := modes(); after != before {
		t.Errorf("the terminal was %s, and is %s", before, after)
	}
}

// What a box says on its terminal is what it would say in a pipe, and what is told on
// another descriptor is not among it.
func TestTtyStatus(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		modes := b.atTerminal()
		before := modes()
		r := b.run(ttyPlan(t, "exit", "7").plan())
		if r.code != 7 || r.stderr != "" {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
		if after := modes(); after != before {
			t.Errorf("the terminal was %s, and is %s", before, after)
		}
	})
}

// A terminal that takes nothing more does not keep a box beyond its time, nor boxfile.
func TestTtyThatNobodyReads(t *testing.T) {
	b := newBox(t)
	_, modes := b.atUnreadTerminal()
	before := modes()
	r := b.run(ttyPlan(t, "flood").before("close_fds", &plan.Timeout{After: 5e8, Signal: "KILL"}).plan())
	if r.code != 124 {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	if after := modes(); after != before {
		t.Errorf("the terminal was %s, and is %s", before, after)
	}
}

// terminalAttr is for a process whose controlling terminal is its standard input.
func terminalAttr(user *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true, Credential: user}
}

package executor_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// live is a box that runs while a test looks on.
type live struct {
	*box
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
}

// start starts a box. With session, boxfile has a session of its own, as under a
// supervisor: an orphaned process group.
func (b *box) start(p *planner, session bool) *live {
	b.t.Helper()
	l := &live{box: b, cmd: b.command(p.plan())}
	if session {
		l.cmd.SysProcAttr.Setpgid, l.cmd.SysProcAttr.Setsid = false, true
	}
	l.cmd.Stderr = &l.stderr
	stdout, err := l.cmd.StdoutPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	l.out = bufio.NewReader(stdout)
	timer := time.AfterFunc(bound, func() { _ = l.cmd.Process.Kill() })
	b.t.Cleanup(func() {
		timer.Stop()
		_ = l.cmd.Process.Kill() // over already, as a rule
		_ = l.cmd.Wait()
	})
	return l
}

// says waits for the next line of the box.
func (l *live) says(want string) {
	l.t.Helper()
	if line, err := l.out.ReadString('\n'); line != want+"\n" {
		l.t.Fatalf("the box says %q, not %q: %v\n%s", line, want, err, &l.stderr)
	}
}

// said waits for the next line of the box, or for its end, which may come before.
func (l *live) said(want string) bool {
	line, _ := l.out.ReadString('\n')
	return line == want+"\n"
}

// patiently tries something that takes a box so long, and longer where the machine is too
// slow for that: then it returns false.
func patiently(t *testing.T, try func(time.Duration) bool) {
	t.Helper()
	for d := time.Second / 2; !try(d); d *= 4 {
		if d > time.Minute {
			t.Fatalf("%v are too short", d)
		}
	}
}

func (l *live) send(s syscall.Signal) {
	l.t.Helper()
	if err := l.cmd.Process.Signal(s); err != nil {
		l.t.Fatal(err)
	}
}

// ends waits for the end of boxfile: it has to have that code, and of the box nothing may be left.
func (l *live) ends(code int, box []member) {
	l.t.Helper()
	_ = l.cmd.Wait()
	if got := l.cmd.ProcessState.ExitCode(); got != code {
		l.t.Errorf("exit %d, not %d\n%s", got, code, &l.stderr)
	}
	if n := living(box); n != 0 { // no waiting: it is over when boxfile is
		l.t.Errorf("%d of %d processes outlive boxfile", n, len(box))
	}
}

// member is a process of a box. Its number alone could be another process's by the time of a look.
type member struct {
	pid  int
	born string
}

func (l *live) members() []member { return membersBelow(l.cmd.Process.Pid) }

func membersBelow(pid int) (out []member) {
	for _, pid := range descendants(pid) {
		if f := statOf(pid); len(f) > 19 {
			out = append(out, member{pid, f[19]})
		}
	}
	return out
}

// living counts the members that still run; a zombie only waits for its reaper.
func living(list []member) (n int) {
	for _, m := range list {
		if f := statOf(m.pid); len(f) > 19 && f[19] == m.born && f[0] != "Z" && f[0] != "X" {
			n++
		}
	}
	return n
}

func withInit(t *testing.T, init bool, args ...string) *planner {
	t.Helper()
	p := fullPlan(t, args...)
	if !init {
		p.without("init")
	}
	return p
}

// statOf is the fields of proc_pid_stat(5) from the state on.
func statOf(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

func stateOf(pid int) string {
	if f := statOf(pid); len(f) > 0 {
		return f[0]
	}
	return ""
}

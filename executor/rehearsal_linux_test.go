package executor_test

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
)

// A signal ends a rehearsal and boxfile with it, whatever the box would have been sent.
func TestSignalEndsARehearsal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGALRM} {
		b := newBox(t)
		p := fullPlan(t, "exit", "0").replace(&plan.Stop{Signal: "USR1", Grace: int64(time.Hour)})
		prog, err := lower(p.plan(), b.dir)
		if err != nil {
			t.Fatal(err)
		}
		b.env = []string{"BOXFILE_TEST_REHEARSE=1", fmt.Sprintf("BOXFILE_TEST_HOLD=%d", lastClose(prog.Enter)+1)}
		l := b.start(p, false)
		waitFor(t, "a held child", func() bool { return held(l.cmd.Process.Pid) })
		l.send(s)
		l.endsBy(s)
	}
}

// So does one that comes when it is over already, and nobody looks for signals any more.
func TestSignalEndsARehearsalThatHasFailed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b := newBox(t)
	p := published(t, []*plan.Publish{{Address: "127.0.0.1", Host: uint16(taken.Addr().(*net.TCPAddr).Port), Box: 7000, Count: 1, Protocol: "tcp"}})
	b.env = []string{"BOXFILE_TEST_REHEARSE=1", fmt.Sprintf("BOXFILE_TEST_EARLY=%d", syscall.SIGTERM)}
	b.start(p, false).endsBy(syscall.SIGTERM)
}

// endsBy waits for the end of boxfile by a signal.
func (l *live) endsBy(s syscall.Signal) {
	l.t.Helper()
	_ = l.cmd.Wait()
	if w, ok := l.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || w.Signal() != s {
		l.t.Errorf("%v: it ended with %v\n%s", s, l.cmd.ProcessState, &l.stderr)
	}
}

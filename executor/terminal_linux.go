package executor

import (
	"errors"
	"time"

	"github.com/boxfile/boxfile/executor/internal/pty"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// hangUpGrace is how long a box may go on once the caller's terminal has gone away.
const hangUpGrace = 10 * time.Second

// terminal is a box's terminal in boxfile's hands. What it does on a run without one is nothing.
type terminal struct {
	master int // 0: none, or the relay has it
	relay  *pty.Relay
}

// relayTerminal begins to relay. It is the last thing before the command is waited for, so that
// nothing is told on a terminal that is raw by then, and signals are caught, so that
// none of them ends boxfile and leaves it so.
func (r *run) relayTerminal() *Failure {
	if r.terminal.master == 0 {
		return nil
	}
	for i := range r.prog.Host {
		h := &r.prog.Host[i]
		if h.Kind != program.Relay {
			continue
		}
		if h.Rehearsed {
			r.closers = append(r.closers, r.terminal.master)
			return nil
		}
		master := r.terminal.master
		r.terminal.master = 0
		var err error
		if r.terminal.relay, err = pty.Start(h.Terminal.In, h.Terminal.Out, master, r.hangUp); err != nil {
			return r.failHost(h, err)
		}
	}
	return nil
}

// hangUp ends a box whose terminal has gone away. The kernel has told those who have
// it as their controlling one; the command hears it whether it has or not.
func (r *run) hangUp() {
	_ = unix.PidfdSendSignal(r.child.PIDFD, unix.SIGHUP, nil, 0) // gone already
	if !r.over(hangUpGrace) {
		_ = unix.PidfdSendSignal(r.child.PIDFD, unix.SIGKILL, nil, 0)
	}
}

// over waits for the end of process 1, but no longer than that, and says whether it has come.
func (r *run) over(atMost time.Duration) bool {
	until := time.Now().Add(atMost)
	for {
		left := unix.NsecToTimespec(max(0, int64(time.Until(until))))
		n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(r.child.PIDFD), Events: unix.POLLIN}}, &left, nil)
		if err == nil {
			return n > 0
		}
		if !errors.Is(err, unix.EINTR) { // the wait for the child tells
			return false
		}
	}
}

// stop shows what the box has said last, once it is gone, and gives the terminal back.
func (t *terminal) stop() {
	if t.relay != nil {
		t.relay.Stop()
	}
	if t.master > 0 {
		unix.Close(t.master)
	}
	*t = terminal{}
}

// letGo gives the terminal back until hold.
func (t *terminal) letGo() {
	if t.relay != nil {
		t.relay.LetGo()
	}
}

func (t *terminal) hold() {
	if t.relay != nil {
		t.relay.Hold()
	}
}

func (t *terminal) resize() {
	if t.relay != nil {
		t.relay.Resize()
	}
}

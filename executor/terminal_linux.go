package executor

import (
	"time"

	"github.com/boxfile/boxfile/executor/internal/pty"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// hangUpGrace is how long a box may go on once the caller's terminal has gone away,
// unless its file has a grace period.
const hangUpGrace = 10 * time.Second

// terminal is a box's terminal in boxfile's hands. What it does on a run without one is nothing.
type terminal struct {
	master int // 0: none, or the relay has it
	relay  *pty.Relay
	heard  bool // that the caller's has gone away
}

// relayTerminal begins to relay, once the box has handed its end over and nothing more
// will be told: a terminal that is raw is not for messages.
func (r *run) relayTerminal(h *hearing) {
	t := &r.terminal
	if t.master == 0 || h.failure != nil {
		return
	}
	for i := range r.prog.Host {
		op := &r.prog.Host[i]
		if op.Kind != program.Relay || op.Rehearsed {
			continue
		}
		master, err := t.master, error(nil)
		t.master = 0
		if t.relay, err = pty.Start(op.Terminal.In, op.Terminal.Out, master); err != nil {
			h.failure = r.failHost(op, err)
			r.kill()
		}
	}
}

// hangUp ends a box whose terminal has gone away. The kernel has told those who have
// it as their controlling one; the command hears it whether it has or not.
func (r *run) hangUp() {
	r.terminal.heard = true
	if !r.ending.until.IsZero() || r.ending.killed {
		return // it is ending
	}
	how := program.HostOp{Signal: int(unix.SIGHUP), Grace: hangUpGrace}
	if r.asked != nil {
		how.Grace = r.asked.Grace
	}
	r.end(&how)
}

// gone is a descriptor that can be read once the caller's terminal has gone away, or -1.
func (t *terminal) gone() int32 {
	if t.relay == nil || t.heard {
		return -1
	}
	return int32(t.relay.Gone)
}

// lastWords is how long a terminal may take nothing, at the end of a box that did not
// end by itself, before what that has said last is lost.
const lastWords = time.Second

// stopTerminal shows what the box has said last, once it is gone, and gives the terminal
// back. One that takes nothing keeps boxfile only until somebody wants it to end.
func (r *run) stopTerminal() {
	t := &r.terminal
	if t.relay != nil {
		t.relay.Stop(func(idle time.Duration) bool {
			for s := r.signals.Next(); s != 0; s = r.signals.Next() {
				switch s {
				case unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT:
					return true
				}
			}
			return r.ending.begun && idle >= lastWords
		})
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

// resize hands on the terminal's size, and says whether there is a terminal.
func (t *terminal) resize() bool {
	if t.relay != nil {
		t.relay.Resize()
	}
	return t.relay != nil
}

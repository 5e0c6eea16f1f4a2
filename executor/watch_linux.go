package executor

import (
	"errors"
	"time"

	"github.com/boxfile/boxfile/executor/lsns"
	"golang.org/x/sys/unix"
)

// ending is how process 1 ended.
type ending struct {
	status unix.WaitStatus
	usage  unix.Rusage
}

// watch waits until all of the box is gone, and says how it went. What the child
// says on its way is read afterwards, unless somebody waits for it: to be woken for
// a message costs a start more than the message.
func (r *run) watch(control int) (Status, *Failure) {
	h := hearing{run: r, control: control, left: r.awaited()}
	end, err := r.attend(&h)
	for !h.ended && h.next() {
	}
	r.stopTerminal()
	r.stopHelper()
	if stopped := r.stopRelay(); err == nil {
		err = stopped
	}
	if err != nil {
		return Status{}, r.fail(-1, "waiting for the box", err)
	}
	if h.failure != nil && !r.ending.timedOut {
		return Status{}, h.failure
	}
	if h.signaled != 0 {
		end.status = unix.WaitStatus(h.signaled)
	}
	return r.account(&end), nil
}

// attend does what there is to do while the box lives: it hears the child, passes
// signals on and keeps to the times of the plan. Then it collects the child, which is
// process 1: that succeeds only when its whole pid namespace is empty. Where that is not
// the box's own, the box ends through its cgroup.
func (r *run) attend(h *hearing) (ending, error) {
	var e ending
	for {
		fds := [...]unix.PollFd{{Fd: int32(r.child.PIDFD), Events: unix.POLLIN}, {Fd: int32(r.signals.FD), Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLIN}, {Fd: r.terminal.gone(), Events: unix.POLLIN}}
		if h.waits() {
			fds[2].Fd = int32(h.control)
		}
		_, err := unix.Ppoll(fds[:], r.patience(), nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return e, err
		}
		if fds[2].Revents != 0 { // before the end: the last words tell how it came
			if !h.next() {
				h.ended = true
				r.silent(h)
			}
			if !h.waits() {
				r.relayTerminal(h)
			}
			continue
		}
		if fds[0].Revents != 0 {
			break
		}
		for s := r.signals.Next(); s != 0; s = r.signals.Next() {
			r.signalled(s)
		}
		if fds[3].Revents != 0 {
			r.hangUp()
		}
		r.keepTime()
	}
	err := waitFor(r.child.PID, &e.status, &e.usage)
	if r.prog.Ends && err == nil { // process 1 has done so, unless it was killed
		err = r.killCgroups()
	}
	return e, err
}

// waits reports whether the next message has to be heard when it comes.
func (h *hearing) waits() bool {
	return !h.ended && !h.settled && (h.left > 0 || h.run.opts.Progress != nil)
}

// patience is the time until something is due, or nil.
func (r *run) patience() *unix.Timespec {
	e := &r.ending
	until := e.until
	switch {
	case e.killed:
		return nil
	case until.IsZero() && r.limit != nil:
		until = r.since.Add(r.limit.After)
	}
	if due := r.since.Add(settleTime); r.mark == 0 && (until.IsZero() || due.Before(until)) {
		until = due
	}
	if until.IsZero() {
		return nil
	}
	left := unix.NsecToTimespec(max(0, int64(time.Until(until))))
	return &left
}

// settleTime is how long a box has to live before it is marked: those that are over
// sooner are not slowed down for it.
const settleTime = 5 * time.Millisecond

// marked lets lsns know the box by its name.
func (r *run) marked() {
	fd, err := lsns.Mark(r.prog.Plan.Name, r.child.PID)
	if err != nil { // the box is as good without
		r.mark = -1
		return
	}
	r.mark = fd
	r.closers = append(r.closers, fd)
}

// keepTime does what is due: the timeout begins to end the box, and the end of the
// grace period ends it.
func (r *run) keepTime() {
	e := &r.ending
	now := time.Now()
	if r.mark == 0 && !now.Before(r.since.Add(settleTime)) {
		r.marked()
	}
	switch {
	case e.killed:
	case !e.until.IsZero():
		if !now.Before(e.until) {
			e.late = !e.timedOut
			r.kill()
		}
	case r.limit != nil && !now.Before(r.since.Add(r.limit.After)):
		e.timedOut = true
		r.end(r.limit)
	}
}

package executor

import (
	"errors"
	"fmt"

	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/executor/internal/fork"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// openNamespace opens a namespace for the child to join.
func (r *run) openNamespace(h *program.HostOp) *Failure {
	fd, err := host.OpenNamespace(h.Folder, h.Path)
	if err == nil {
		r.closers = append(r.closers, fd)
		var typ uint64
		if typ, err = host.NamespaceType(fd); err == nil && typ != h.Join.Type {
			err = unix.EINVAL // it was another when the program was made
		}
	}
	if err != nil {
		f := r.fail(h.Step, h.String(), err)
		f.Message += ": " + reason(err)
		return f
	}
	if r.doors == nil {
		r.doors = map[program.Reg]int{}
	}
	r.doors[h.Join.Door] = fd
	return nil
}

// second waits until the child that joins namespaces has forked process 1, takes
// that in its place, and has it go on. It is boxfile's own child too, and cannot be
// another by mistake until it is waited for.
func (r *run) second(control int) *Failure {
	h := hearing{run: r, control: control, early: true}
	for h.forked == 0 && h.next() { // process 1 may be heard before the one that forked it
	}
	var status unix.WaitStatus
	err := waitFor(r.child.PID, &status, nil)
	unix.Close(r.child.PIDFD)
	r.child = fork.Child{PID: h.forked}
	switch {
	case h.failure != nil:
		if h.forked != 0 {
			_ = waitFor(h.forked, &status, nil) // it has said why it ends
		}
		return h.failure
	case err == nil && h.forked == 0:
		err = fmt.Errorf("it ended with status %#x", int(status))
	case err == nil:
		r.child.PIDFD, err = unix.PidfdOpen(h.forked, 0)
	}
	if err == nil && r.does(program.WriteMap) { // it waits for its ids before it waits for this
		if f := h.mapped(); f != nil {
			_ = waitFor(h.forked, &status, nil)
			r.stopHelper()
			return f
		}
	}
	if err == nil {
		_, err = unix.Write(control, []byte{1})
	}
	if err == nil || errors.Is(err, unix.EPIPE) { // it is gone, and has said why
		return nil
	}
	if h.forked != 0 {
		_ = unix.Shutdown(control, unix.SHUT_RDWR) // it reads the end and exits
		_ = waitFor(h.forked, &status, nil)        // what went wrong before is told
	}
	return r.fail(-1, "waiting for process 1", err)
}

// mapped waits until process 1 is at its sync point, and does what is to be done there.
func (h *hearing) mapped() *Failure {
	h.early = false
	if h.waiting {
		h.sync()
		return h.failure
	}
	for !h.run.synced && h.failure == nil && h.next() {
	}
	return h.failure
}

// waitFor collects a child. usage may be nil.
func waitFor(pid int, status *unix.WaitStatus, usage *unix.Rusage) error {
	for {
		if _, err := unix.Wait4(pid, status, unix.WALL, usage); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

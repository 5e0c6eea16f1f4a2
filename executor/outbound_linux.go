package executor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// helper is a process that runs beside the box, and holds its way out.
type helper struct {
	cmd  *exec.Cmd
	exit *os.File // whose end tells slirp4netns to go
	said said
}

// said keeps the beginning of what a helper says.
type said struct{ bytes.Buffer }

func (s *said) Write(b []byte) (int, error) {
	if room := 4096 - s.Len(); room > 0 {
		s.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// helperTime is how long a helper may take to be ready. They take 5 to 50 ms.
const helperTime = 10 * time.Second

// attach starts the helper, and waits until the box is connected.
func (r *run) attach() *Failure {
	for i := range r.prog.Host {
		h := &r.prog.Host[i]
		if h.Kind != program.Attach {
			continue
		}
		r.began(h.Step)
		ready, err := r.startHelper(&h.Helper)
		if err == nil {
			err = isReady(ready)
			let(ready)
		}
		if err != nil {
			return r.failAttach(h, err)
		}
	}
	return nil
}

// startHelper starts it with nothing of boxfile's but what it says and hears through.
// It dies with the thread that starts it, as the box does.
func (r *run) startHelper(p *program.Helper) (ready *os.File, err error) {
	_ = unix.CloseRange(3, 1<<32-1, unix.CLOSE_RANGE_CLOEXEC) // a caller's descriptors are none of its business; every kernel that runs boxes can do it
	ready, its, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer let(its)
	args := make([]string, len(p.Args))
	for i, a := range p.Args {
		if args[i] = a; a == program.PID {
			args[i] = strconv.Itoa(r.child.PID)
		}
	}
	h := &helper{cmd: exec.Command(p.Path, args...)}
	h.cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	h.cmd.Dir, h.cmd.Stderr, h.cmd.WaitDelay = "/", &h.said, time.Second
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	if p.Pasta {
		h.cmd.Stdout = its
	} else {
		hears, ours, err := os.Pipe()
		if err != nil {
			let(ready)
			return nil, err
		}
		defer let(hears)
		h.exit, h.cmd.ExtraFiles = ours, []*os.File{its, hears}
	}
	if r.unlock == nil { // nobody else may end this thread by locking a goroutine to it
		runtime.LockOSThread()
		r.unlock = runtime.UnlockOSThread
	}
	if err := h.cmd.Start(); err != nil {
		let(ready)
		h.end()
		return nil, err
	}
	r.helper = h
	return ready, nil
}

var errHelper = errors.New("it ended")

// isReady waits for the first byte of a helper, or its end.
func isReady(f *os.File) error {
	if err := f.SetReadDeadline(time.Now().Add(helperTime)); err != nil {
		return err
	}
	n, err := f.Read(make([]byte, 16))
	if n > 0 {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("not ready after %v", helperTime)
	}
	return errHelper
}

// failAttach tells what the helper has said.
func (r *run) failAttach(h *program.HostOp, err error) *Failure {
	r.stopHelper()
	f := r.fail(h.Step, h.String(), err)
	f.Message += ": " + h.Helper.Path + ": " + err.Error()
	if r.helper != nil {
		var lines []string
		for line := range strings.Lines(r.helper.said.String()) {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "bytes to syslog") {
				lines = append(lines, line)
			}
		}
		f.Cause = strings.Join(lines, "; ")
	}
	return f
}

// let lets go of an end of a pipe.
func let(f *os.File) { _ = f.Close() }

// stopHelper ends the helper and waits for that. It has nothing to put in order:
// its interface ends with the box.
func (r *run) stopHelper() {
	if r.helper != nil {
		r.helper.end()
	}
}

func (h *helper) end() {
	if h.exit != nil {
		let(h.exit)
		h.exit = nil
	}
	if h.cmd.Process != nil && h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill() // gone already
		_ = h.cmd.Wait()         // killed, as it should be
	}
}

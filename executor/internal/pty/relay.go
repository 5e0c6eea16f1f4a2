//go:build linux

package pty

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const (
	chunk = 32 << 10 // bytes at a time; a terminal hands out 4 KiB of them at the most
	tick  = 100      // milliseconds between two looks at what no event tells
)

// Relay passes bytes between the caller's terminal and the master of another.
type Relay struct {
	in, out, master int
	Gone            int // can be read once the caller's terminal has gone away
	typed, shown    side
	over            atomic.Bool  // nobody is left on the other side
	taken           atomic.Int64 // how often the caller's terminal has taken something

	mu     sync.Mutex
	saved  *term.State  // of the caller's terminal, while it is held
	mode   unix.Termios // that hold has set
	paused bool         // it must not be held
}

// side is one direction.
type side struct {
	wake int // eventfd: something has changed
	done chan struct{}
}

// Start relays until Stop. It owns master, whatever happens. When the caller's terminal
// goes away, the other one does.
func Start(in, out, master int) (*Relay, error) {
	r := &Relay{in: in, out: out, master: master, Gone: -1, typed: side{wake: -1}, shown: side{wake: -1}}
	if err := r.prepare(); err != nil {
		r.close()
		return nil, err
	}
	r.Hold()
	r.run(&r.typed, r.passTyped)
	r.run(&r.shown, r.passShown)
	return r, nil
}

// Stop shows what was said before the last who could say anything was gone, and
// gives the caller's terminal back. While that takes nothing, as one that nobody reads, late is
// asked every now and then, with how long it has not; once late says so what is left is lost.
func (r *Relay) Stop(late func(idle time.Duration) bool) {
	r.over.Store(true)
	poke(r.shown.wake)
	poke(r.typed.wake)
	ended := make(chan struct{})
	go func() {
		<-r.shown.done
		<-r.typed.done
		r.LetGo()
		r.close()
		close(ended)
	}()
	ticks := time.NewTicker(tick * time.Millisecond)
	defer ticks.Stop()
	for taken, since := r.taken.Load(), time.Now(); ; {
		select {
		case <-ended:
			return
		case <-ticks.C:
		}
		if now := r.taken.Load(); now != taken {
			taken, since = now, time.Now()
		}
		if late(time.Since(since)) { // nothing ends the write that waits, but with this process it does
			r.LetGo()
			return
		}
	}
}

func (r *Relay) prepare() error {
	if err := unix.SetNonblock(r.master, true); err != nil {
		return fmt.Errorf("fcntl: %w", err)
	}
	for _, event := range [...]*int{&r.typed.wake, &r.shown.wake, &r.Gone} {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return fmt.Errorf("eventfd: %w", err)
		}
		*event = fd
	}
	return nil
}

func (r *Relay) close() {
	for _, fd := range [...]int{r.master, r.typed.wake, r.shown.wake, r.Gone} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	r.master = -1
}

// run begins a direction. A panic in it ends the program without a word to anybody
// else, so it gives the terminal back on its own way out.
func (r *Relay) run(s *side, pass func()) {
	s.done = make(chan struct{})
	go func() {
		ended := false
		defer func() {
			if !ended {
				r.LetGo()
			}
			close(s.done)
		}()
		pass()
		ended = true
	}()
}

func poke(event int) {
	_, _ = unix.Write(event, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // full: it is awake then
}

// wait sleeps until there is something to do: events of fd, a poke, or the end of a tick.
func (s *side) wait(fd int, events int16, timeout int) (found int16) {
	fds := [...]unix.PollFd{{Fd: int32(s.wake), Events: unix.POLLIN}, {Fd: int32(fd), Events: events}}
	if _, err := unix.Poll(fds[:], timeout); err != nil { // EINTR
		return 0
	}
	if fds[0].Revents != 0 {
		var count [8]byte
		_, _ = unix.Read(s.wake, count[:])
	}
	return fds[1].Revents
}

// passTyped hands on what is typed. While the terminal is not held it only looks
// whether it may be: nobody tells a job that was put in the foreground without having been stopped.
func (r *Relay) passTyped() {
	var buf [4096]byte
	for !r.over.Load() {
		held, events, timeout := r.held(), int16(unix.POLLIN), -1
		if !held {
			events, timeout = 0, tick
		}
		found := r.typed.wait(r.in, events, timeout)
		if found&unix.POLLIN != 0 {
			if n := r.read(buf[:]); n > 0 {
				r.send(buf[:n])
				continue
			}
		}
		switch {
		case found&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0:
			r.hangUp()
			return
		case found != 0: // somebody has read it, or set the terminal otherwise
			r.drop()
		case !held:
			r.again()
		}
	}
}

// read takes what is typed, while the terminal is held. LetGo waits for it: a read
// from the background would stop boxfile (SIGTTIN), or take what is somebody else's.
func (r *Relay) read(b []byte) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.saved == nil || !r.foreground() {
		return 0
	}
	n, err := unix.Read(r.in, b)
	if err != nil {
		return 0
	}
	return n
}

// send writes to the master, for as long as somebody may read there.
func (r *Relay) send(b []byte) {
	for len(b) > 0 && !r.over.Load() {
		n, err := unix.Write(r.master, b)
		switch {
		case err == nil:
			b = b[n:]
		case errors.Is(err, unix.EAGAIN):
			r.typed.wait(r.master, unix.POLLOUT, -1)
		case !errors.Is(err, unix.EINTR):
			return // nobody has the other end open, and nobody will read this
		}
	}
}

// passShown shows what is said. What was said last is still there when whoever said it is gone.
func (r *Relay) passShown() {
	buf := make([]byte, chunk)
	for {
		over := r.over.Load() // before the read: what comes later is not the last
		n, err := readNow(r.master, buf)
		switch {
		case err == nil && n > 0:
			r.show(buf[:n])
		case errors.Is(err, unix.EINTR):
		case over:
			return
		case errors.Is(err, unix.EAGAIN):
			r.shown.wait(r.master, unix.POLLIN, -1)
		default: // EIO: nobody has the other end open now, but somebody may open it again
			r.shown.wait(-1, 0, tick)
		}
	}
}

// readNow reads from a descriptor that never waits. The runtime is not told: it would hand this
// goroutine's processor on, and the relay would be a tenth slower (docs/terminal.md).
func readNow(fd int, buf []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// show writes to the caller's terminal. What one that has gone away cannot show is lost.
func (r *Relay) show(b []byte) {
	for len(b) > 0 {
		n, err := unix.Write(r.out, b)
		switch {
		case err == nil:
			b = b[n:]
			r.taken.Add(1)
		case errors.Is(err, unix.EAGAIN): // another program has set it so
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(r.out), Events: unix.POLLOUT}}, -1)
		case !errors.Is(err, unix.EINTR):
			return
		}
	}
}

// hangUp passes the end of the caller's terminal on: with its master the other one goes.
func (r *Relay) hangUp() {
	r.over.Store(true)
	poke(r.Gone)
	poke(r.shown.wake)
	<-r.shown.done // which may take its time, where out is another terminal
	unix.Close(r.master)
	r.master = -1
}

//go:build linux

package port

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sides of a flow.
const (
	client = iota
	service
)

type state uint8

const (
	unused     state = iota
	waiting          // for the service to listen
	connecting       // the service's queue is full
	open
)

// flow is one connection of TCP: from a client to the relay, and from there to the
// service. There may be very many.
type flow struct {
	fd    [2]int32 // of client and service; -1: none
	half  [2]half  // what comes from that side
	port  int32    // index into the relay's ports
	next  int32    // in the list that it is in; -1: the last
	since int64    // when it was accepted, in nanoseconds
	state state
	v6    bool // the service's socket is of IPv6
	again bool // it is in the list of those with more to do
}

// half is one direction. It has a pipe while bytes are in it.
type half struct {
	pipe               pipe
	held               int32 // bytes in the pipe
	readable, writable bool  // as far as is known: from its side, and to the other
	ended, shut        bool  // nothing more comes; the other side was told
}

// turn is how many times bytes are moved for one flow before others have their turn.
const turn = 16

// pump moves what can be moved. more is that there is more to be moved at once.
func (r *Relay) pump(f *flow) (more bool, err error) {
	for side := range f.half {
		again, err := r.move(f, side)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	return more, nil
}

func (r *Relay) move(f *flow, side int) (more bool, err error) {
	h := &f.half[side]
	for range turn {
		if h.held == 0 && (!h.readable || h.ended) || !h.writable {
			break
		}
		if h.held == 0 {
			err = r.fetch(f, side)
		}
		if err == nil && h.held > 0 {
			err = r.deliver(f, side)
		}
		if err != nil {
			return false, err
		}
	}
	if h.held == 0 && h.ended && !h.shut {
		h.shut = true
		if f.done() { // both are closed at once
			return false, nil
		}
		if err := unix.Shutdown(int(f.fd[1-side]), unix.SHUT_WR); err != nil && !errors.Is(err, unix.ENOTCONN) {
			return false, err
		}
	}
	return h.writable && (h.held > 0 || h.readable && !h.ended), nil
}

// fetch moves bytes from a socket into a pipe.
func (r *Relay) fetch(f *flow, side int) error {
	h := &f.half[side]
	p, err := r.pipes.take()
	if err != nil {
		return f.carry(side)
	}
	n, errno := splice(f.fd[side], p.write, pipeSize)
	if n > 0 {
		h.pipe, h.held = p, int32(n)
		return nil
	}
	r.pipes.put(p)
	return h.came(errno)
}

// came notes that nothing came from a socket: the end, nothing for now, or an error.
func (h *half) came(errno syscall.Errno) error {
	switch errno {
	case 0:
		h.ended = true
	case unix.EAGAIN:
		h.readable = false
	case unix.EINTR:
	default:
		return errno
	}
	return nil
}

// went notes that a socket did not take what it was given.
func (h *half) went(errno syscall.Errno) error {
	switch errno {
	case unix.EAGAIN:
		h.writable = false
	case 0, unix.EINTR:
	default:
		return errno
	}
	return nil
}

// carry copies bytes where no descriptors are left for a pipe. Only what the other
// side has taken is taken away from this one, so that nothing has to be kept.
func (f *flow) carry(side int) error {
	var b [4096]byte
	h := &f.half[side]
	n, errno := transfer(unix.SYS_RECVFROM, f.fd[side], b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if n == 0 {
		return h.came(errno)
	}
	n, errno = transfer(unix.SYS_SENDTO, f.fd[1-side], b[:n], unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if errno != 0 {
		return h.went(errno)
	}
	_, errno = transfer(unix.SYS_RECVFROM, f.fd[side], b[:n], unix.MSG_DONTWAIT)
	if errno != 0 {
		return errno
	}
	return nil
}

// deliver moves bytes from the pipe to the other socket.
func (r *Relay) deliver(f *flow, side int) error {
	h := &f.half[side]
	n, errno := splice(h.pipe.read, f.fd[1-side], int(h.held))
	if h.held -= int32(n); h.held == 0 {
		r.pipes.put(h.pipe)
	}
	return h.went(errno)
}

func splice(from, to int32, size int) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(size), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// transfer is recvfrom(2) or sendto(2) without an address.
func transfer(nr uintptr, fd int32, b []byte, flags uintptr) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(nr, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// done is that both sides have ended, and know of each other.
func (f *flow) done() bool { return f.half[client].shut && f.half[service].shut }

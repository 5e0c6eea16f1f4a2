//go:build linux

package port

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// accept takes one connection of a port. It reports whether there may be more.
func (r *Relay) accept(p int) bool {
	var from sockaddr
	fd, err := accept(r.ports[p].FD, &from)
	if err != nil {
		if temporary(err) { // the kernel keeps the others until a descriptor is free again
			r.paused = r.listen(unix.EPOLL_CTL_DEL) == nil
		}
		return errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EINTR)
	}
	i := r.slot()
	r.flows[i] = flow{fd: [2]int32{int32(fd), -1}, port: int32(p), since: time.Now().UnixNano(), state: waiting, next: -1}
	if r.waiting[p] != empty || !r.reach(i, &from) {
		r.waiting[p].push(r.flows, i)
	}
	return true
}

func (r *Relay) slot() int32 {
	if i := r.free.pop(r.flows); i >= 0 {
		return i
	}
	r.flows = append(r.flows, flow{})
	return int32(len(r.flows) - 1)
}

// reach connects a flow to its service. It returns false if the service has to be waited for.
func (r *Relay) reach(i int32, from *sockaddr) bool {
	f := &r.flows[i]
	for _, v6 := range [...]bool{from.v6(), !from.v6()} {
		if v6 && !r.at.Box6.V6 {
			continue
		}
		err := r.attempt(f, from, v6)
		if errors.Is(err, unix.EADDRNOTAVAIL) { // the client's port has just been used for such a connection
			f.leave(service)
			other := *from
			other.setPort(0)
			err = r.attempt(f, &other, v6)
		}
		switch {
		case err == nil:
			r.open(i)
			return true
		case errors.Is(err, unix.EALREADY):
			f.state = connecting
			if r.add(int(f.fd[service]), unix.EPOLLOUT, onService, i) != nil {
				r.end(i, false)
			}
			return true
		}
	}
	return false
}

// attempt tries one family of addresses. Its result is known at once, because no
// packet leaves the machine, unless the service has let its queue fill up (EALREADY).
func (r *Relay) attempt(f *flow, from *sockaddr, v6 bool) error {
	if f.fd[service] >= 0 && f.v6 != v6 {
		f.leave(service)
	}
	if f.fd[service] < 0 {
		if err := r.prepare(f, from, v6); err != nil {
			return err
		}
	}
	to := sockaddrOf(r.at.Box4, r.ports[f.port].Box)
	if v6 {
		to = sockaddrOf(r.at.Box6, r.ports[f.port].Box)
	}
	err := connect(int(f.fd[service]), &to)
	if errors.Is(err, unix.EINPROGRESS) {
		err = connect(int(f.fd[service]), &to) // the answer has come since
	}
	if errors.Is(err, unix.EISCONN) {
		return nil
	}
	return err
}

// prepare gives a flow a socket that is bound to the client's address.
func (r *Relay) prepare(f *flow, from *sockaddr, v6 bool) error {
	s := r.v4
	if v6 {
		s = r.v6
	}
	fd, err := s.take()
	if err != nil {
		return err
	}
	source := sockaddrOf(r.at.source(from.ip(), v6), from.port())
	err = bind(fd, &source)
	if err != nil {
		source.setPort(0)
		err = bind(fd, &source)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	f.fd[service], f.v6 = int32(fd), v6
	return nil
}

// open begins to move bytes.
func (r *Relay) open(i int32) {
	f := &r.flows[i]
	const events = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET
	err := r.add(int(f.fd[client]), events, onClient, i)
	if err == nil && f.state == connecting { // it is being watched already
		e := unix.EpollEvent{Events: events, Fd: i, Pad: onService}
		err = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_MOD, int(f.fd[service]), &e)
	} else if err == nil {
		err = r.add(int(f.fd[service]), events, onService, i)
	}
	f.state = open
	if err != nil {
		r.end(i, false)
		return
	}
	f.half[client].writable, f.half[service].writable = true, true
	f.half[client].readable = true // most clients speak first, and have done so by now
	r.advance(i)
}

// connected is that a service has made room for a connection in its queue, or none.
func (r *Relay) connected(i int32) {
	f := &r.flows[i]
	var from sockaddr
	if getpeername(int(f.fd[client]), &from) != nil {
		r.end(i, false)
		return
	}
	switch err := r.attempt(f, &from, f.v6); {
	case err == nil:
		r.open(i)
	case !errors.Is(err, unix.EALREADY):
		r.end(i, false)
	}
}

// everyTick tries again what did not work before.
func (r *Relay) everyTick() {
	now := time.Now().UnixNano()
	if now < r.nextTry {
		return
	}
	r.nextTry = now + int64(tick)
	for p := range r.waiting {
		r.retry(&r.waiting[p], now)
	}
	if r.paused {
		r.paused = r.listen(unix.EPOLL_CTL_ADD) != nil
	}
	r.udp.sweep(now)
}

// retry lets the first of those that wait try; if it gets through, so do the others.
func (r *Relay) retry(queue *list, now int64) {
	for i := queue.pop(r.flows); i >= 0; i = queue.pop(r.flows) {
		f := &r.flows[i]
		var from sockaddr
		if now-f.since > int64(Wait) || getpeername(int(f.fd[client]), &from) != nil {
			r.end(i, false)
			continue
		}
		if !r.reach(i, &from) {
			queue.unpop(r.flows, i)
			return
		}
	}
}

// end closes a flow. Bytes that are still on the way are lost unless it is whole.
func (r *Relay) end(i int32, whole bool) {
	f := &r.flows[i]
	f.hangUp(whole)
	if !f.again { // otherwise it leaves that list first
		r.closed.push(r.flows, i)
	}
}

func (f *flow) hangUp(whole bool) {
	for side := range f.half {
		if h := &f.half[side]; h.held > 0 {
			h.pipe.close() // it is not empty
			h.held = 0
		}
		if whole {
			unix.Close(int(f.fd[side]))
		} else {
			f.leave(side)
		}
	}
	f.state = unused
}

// leave breaks off one side.
func (f *flow) leave(side int) {
	if f.fd[side] >= 0 {
		reset(int(f.fd[side]))
		f.fd[side] = -1
	}
}

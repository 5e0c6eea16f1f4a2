//go:build linux

package port

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Port is a listening socket of the host, and the port of the box that it stands for.
type Port struct {
	FD       int
	Protocol Protocol
	Box      uint16
}

// Addresses are what the box's network namespace has for published ports.
type Addresses struct {
	Box4, Host4 Address // where services are, and who clients on the host's loopback are
	Box6, Host6 Address // zero where no port of IPv6 is published
	Clients     Address // the first of the addresses of UDP clients
	Bits        int     // how many bits of these tell clients apart
}

// Wait is how long a connection waits for a service to listen.
const Wait = time.Second

const (
	tick      = 10 * time.Millisecond // between attempts to reach a service that does not listen yet
	batch     = 256                   // events at a time
	acceptMax = 64                    // connections of one port at a time
	busy      = 16                    // events at a time, from which on spare sockets are made only as they are needed
)

// Kinds of what epoll watches, beside an index.
const (
	onStop = iota
	onPort
	onClient
	onService
	onUDP
)

// Relay serves the published ports of one box.
type Relay struct {
	ports   []Port
	waiting []list // of flows, by port
	at      Addresses
	v4, v6  *supply
	udp     *datagrams
	epoll   int
	stop    int // eventfd
	done    chan error

	flows   []flow
	free    list // of flows that are unused
	closed  list // of those that become unused after the batch
	again   list // of those with more to do
	pipes   pipes
	paused  bool  // no descriptor is left for new connections
	nextTry int64 // when a tick is over, in nanoseconds
}

// Start serves ports until Stop. It owns the descriptors of inside, whatever happens.
func Start(ports []Port, inside Inside, at Addresses) (*Relay, error) {
	r := &Relay{ports: ports, at: at, waiting: make([]list, len(ports)), done: make(chan error, 1), epoll: -1, stop: -1, free: empty, closed: empty, again: empty}
	for i := range r.waiting {
		r.waiting[i] = empty
	}
	var errs [3]error
	r.v4, errs[0] = newSupply(inside.V4)
	r.v6, errs[1] = newSupply(inside.V6)
	r.udp = newDatagrams(inside.UDP, at)
	if errs[2] = r.watch(); errors.Join(errs[:]...) != nil {
		r.close()
		return nil, errors.Join(errs[:]...)
	}
	go func() { r.done <- r.run() }()
	return r, nil
}

// Stop ends every connection, and returns what went wrong before, or nil.
func (r *Relay) Stop() error {
	_, err := unix.Write(r.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	if err == nil {
		err = <-r.done
	}
	r.close()
	return err
}

func (r *Relay) watch() error {
	var err error
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	if r.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if err := r.add(r.stop, unix.EPOLLIN, onStop, 0); err != nil {
		return err
	}
	if r.udp.fd >= 0 {
		if err := r.add(r.udp.fd, unix.EPOLLIN, onUDP, 0); err != nil {
			return err
		}
	}
	return r.listen(unix.EPOLL_CTL_ADD)
}

// listen begins or ceases to accept connections.
func (r *Relay) listen(op int) error {
	for i := range r.ports {
		e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i), Pad: onPort}
		if err := unix.EpollCtl(r.epoll, op, r.ports[i].FD, &e); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

func (r *Relay) add(fd int, events uint32, kind, index int32) error {
	e := unix.EpollEvent{Events: events, Fd: index, Pad: kind}
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// run serves until it is told to stop.
func (r *Relay) run() error {
	var events [batch]unix.EpollEvent
	for {
		n, err := unix.EpollWait(r.epoll, events[:], r.timeout())
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			if events[i].Pad == onStop {
				return nil
			}
			r.event(&events[i])
		}
		r.continueFlows()
		r.everyTick()
		r.closed.moveTo(&r.free, r.flows)
		if !r.paused && n < busy {
			r.v4.fill()
			r.v6.fill()
		}
	}
}

// timeout is how many milliseconds to wait for events.
func (r *Relay) timeout() int {
	if r.again != empty {
		return 0
	}
	for i := range r.waiting {
		if r.waiting[i] != empty {
			return int(tick / time.Millisecond)
		}
	}
	if r.paused {
		return int(tick / time.Millisecond)
	}
	return r.udp.timeout()
}

func (r *Relay) event(e *unix.EpollEvent) {
	switch e.Pad {
	case onPort:
		p := &r.ports[e.Fd]
		if p.Protocol == UDP {
			r.udp.ask(p)
			return
		}
		for range acceptMax {
			if !r.accept(int(e.Fd)) {
				return
			}
		}
	case onUDP:
		r.udp.answer()
	case onClient, onService:
		r.ready(e.Fd, int(e.Pad-onClient), e.Events)
	}
}

// ready moves what an event of one side of a flow allows.
func (r *Relay) ready(i int32, side int, events uint32) {
	f := &r.flows[i]
	if f.state == unused { // it was closed by an event of the same batch
		return
	}
	if f.state == connecting {
		if side == service {
			r.connected(i)
		}
		return
	}
	if events&unix.EPOLLERR != 0 && !f.half[side].writable { // what it has sent is lost, the other side takes nothing
		r.end(i, false)
		return
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0 {
		f.half[side].readable = true
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		f.half[1-side].writable = true
	}
	r.advance(i)
}

// advance moves what it can, and ends the flow when it is over.
func (r *Relay) advance(i int32) {
	f := &r.flows[i]
	more, err := r.pump(f)
	switch {
	case err != nil: // one side has broken off: so does the other
		r.end(i, false)
	case f.done():
		r.end(i, true)
	case more && !f.again:
		f.again = true
		r.again.push(r.flows, i)
	}
}

func (r *Relay) continueFlows() {
	todo := r.again
	r.again = empty
	for i := todo.pop(r.flows); i >= 0; i = todo.pop(r.flows) {
		r.flows[i].again = false
		if r.flows[i].state == unused { // ended since
			r.closed.push(r.flows, i)
		} else {
			r.advance(i)
		}
	}
}

func (r *Relay) close() {
	for i := range r.flows {
		if f := &r.flows[i]; f.state != unused {
			f.hangUp(false)
		}
	}
	for _, s := range [...]*supply{r.v4, r.v6} {
		if s != nil {
			s.close()
		}
	}
	r.udp.close()
	r.pipes.close()
	for _, fd := range [...]int{r.epoll, r.stop} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

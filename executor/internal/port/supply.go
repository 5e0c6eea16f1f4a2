//go:build linux

package port

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair is two TCP sockets of one family in the box's network namespace.
type Pair struct {
	Listener  int // listens, transparent and without delay, which accepted sockets inherit
	Connector int // bound to an address of its own, and not connected
}

// Inside is what the box hands over. Descriptors that it does not have are -1.
type Inside struct {
	V4, V6 Pair
	UDP    int // transparent, bound to no address, says where datagrams were sent to
}

// supply makes fresh sockets of the box's namespace from a pair.
type supply struct {
	pair           Pair
	door, knocking sockaddr // the pair's addresses
	spare          []int32
}

const spareSockets = 32

func newSupply(p Pair) (*supply, error) {
	s := &supply{pair: p, spare: make([]int32, 0, spareSockets)}
	if p.Listener < 0 {
		return s, nil
	}
	if err := getsockname(p.Listener, &s.door); err != nil {
		return nil, err
	}
	return s, getsockname(p.Connector, &s.knocking)
}

// errNoSocket is that the box's namespace gives no socket for the moment.
var errNoSocket = errors.New("no socket of the box's network namespace")

// take returns a fresh socket.
func (s *supply) take() (int, error) {
	if n := len(s.spare); n > 0 {
		fd := int(s.spare[n-1])
		s.spare = s.spare[:n-1]
		return fd, nil
	}
	return s.make()
}

// fill makes spare sockets while nothing else is to be done.
func (s *supply) fill() {
	for range 2 {
		if len(s.spare) == cap(s.spare) {
			return
		}
		fd, err := s.make()
		if err != nil {
			return
		}
		s.spare = append(s.spare, int32(fd))
	}
}

// make connects the pair, and dissolves both ends. Nobody waits: the kernel does
// all of it before connect returns, unless the box has filled the listener's queue
// with connections of its own, which are thrown away.
func (s *supply) make() (int, error) {
	if s.pair.Listener < 0 {
		return -1, errNoSocket
	}
	if err := connect(s.pair.Connector, &s.door); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = dissolve(s.pair.Connector)
		return -1, err
	}
	defer func() { _ = dissolve(s.pair.Connector) }() // it can only fail for what is no socket
	for range backlog {                               // without a descriptor for it the connection stays in the queue, and is as good for the next
		var from sockaddr
		fd, err := accept(s.pair.Listener, &from)
		if err != nil {
			return -1, err
		}
		if from == s.knocking {
			if err := dissolve(fd); err != nil {
				unix.Close(fd)
				return -1, err
			}
			return fd, nil
		}
		reset(fd)
	}
	return -1, errNoSocket
}

func (s *supply) close() {
	for _, fd := range s.spare {
		unix.Close(int(fd))
	}
	for _, fd := range [...]int{s.pair.Listener, s.pair.Connector} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// reset closes a connection so that the other side learns that it was broken off.
func reset(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // an ordinary end otherwise
	unix.Close(fd)
}

// temporary is an error that says to try again later.
func temporary(err error) bool {
	var e syscall.Errno
	return errors.As(err, &e) && (e == unix.EMFILE || e == unix.ENFILE || e == unix.ENOBUFS || e == unix.ENOMEM)
}

//go:build linux

package scope

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// longestLine is more than any line of the authentication has.
const longestLine = 4096

// conn is a connection to a manager or a bus.
type conn struct {
	socket
	fd       int
	deadline time.Time
	in       []byte // received, and not yet used
}

// dial connects to the first socket that somebody listens on.
func dial(sockets []socket, uid int, deadline time.Time) (*conn, error) {
	var absent error
	for _, s := range sockets {
		c, err := connect(s, uid, deadline)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ECONNREFUSED) {
			return nil, err
		}
		if absent == nil {
			absent = err
		} else {
			absent = fmt.Errorf("%w; %w", absent, err)
		}
	}
	return nil, absent
}

func connect(s socket, uid int, deadline time.Time) (*conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	c := &conn{socket: s, fd: fd, deadline: deadline}
	if err = c.retry(unix.SO_SNDTIMEO, func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: s.path}) }); err == nil {
		err = c.checkPeer(uid)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", s.path, err)
	}
	return c, nil
}

// checkPeer refuses a listener of somebody else's. The kernel keeps who called
// listen(2), so this holds whatever becomes of the path.
func (c *conn) checkPeer(uid int) error {
	peer, err := unix.GetsockoptUcred(c.fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("SO_PEERCRED: %w", err)
	}
	if peer.Uid != uint32(uid) && peer.Uid != 0 {
		return fmt.Errorf("uid %d listens there: %w", peer.Uid, ErrOwner)
	}
	return nil
}

// retry does a call that may block, until the deadline. option is SO_RCVTIMEO or SO_SNDTIMEO.
func (c *conn) retry(option int, f func() error) error {
	for {
		left := time.Until(c.deadline)
		if left <= 0 { // a timeout of 0 would be none
			return unix.ETIMEDOUT
		}
		t := unix.NsecToTimeval(int64(left))
		if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, option, &t); err != nil {
			return fmt.Errorf("setsockopt: %w", err)
		}
		// EAGAIN is the kernel's end of the time, whose clock is coarser than this one.
		if err := f(); !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return err
		}
	}
}

func (c *conn) send(b []byte) error {
	for len(b) > 0 {
		var n int
		err := c.retry(unix.SO_SNDTIMEO, func() (err error) {
			n, err = unix.SendmsgN(c.fd, b, nil, nil, unix.MSG_NOSIGNAL)
			return err
		})
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// fill receives some more. Memory grows with what has come, not with what was announced.
func (c *conn) fill() error {
	var n int
	var chunk [4096]byte
	err := c.retry(unix.SO_RCVTIMEO, func() (err error) {
		n, err = unix.Read(c.fd, chunk[:])
		return err
	})
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	c.in = append(c.in, chunk[:n]...)
	return nil
}

// take waits for n bytes and takes them out.
func (c *conn) take(n int) ([]byte, error) {
	for len(c.in) < n {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	b := c.in[:n:n]
	c.in = c.in[n:]
	return b, nil
}

// authenticate tells the uid, which the other side compares with what the
// kernel says of the socket.
func (c *conn) authenticate(uid int) error {
	text := strconv.Itoa(uid)
	if err := c.send([]byte("\x00AUTH EXTERNAL " + hex.EncodeToString([]byte(text)) + "\r\n")); err != nil {
		return err
	}
	var line []byte
	for end := -1; end < 0; {
		if len(c.in) > longestLine {
			return fmt.Errorf("authentication: a line without an end: %w", ErrProtocol)
		}
		if err := c.fill(); err != nil {
			return fmt.Errorf("authentication: %w", err)
		}
		if end = bytes.Index(c.in, []byte("\r\n")); end >= 0 {
			line, c.in = c.in[:end], c.in[end+2:]
		}
	}
	word, _, _ := bytes.Cut(line, []byte(" "))
	switch string(word) {
	case "OK":
		return nil
	case "REJECTED":
		return fmt.Errorf("uid %s: %w", text, ErrRejected)
	}
	return fmt.Errorf("authentication: %.80q: %w", line, ErrProtocol)
}

// call sends calls with the serials 1, 2, … at once: each is answered in turn,
// and the wait is for the last of them.
func (c *conn) call(calls []call) error {
	out := []byte("BEGIN\r\n")
	for i := range calls {
		b, err := calls[i].encode(uint32(i + 1))
		if err != nil {
			return err
		}
		out = append(out, b...)
	}
	return c.send(out)
}

// next receives a message.
func (c *conn) next() (*message, error) {
	head, err := c.take(fixedSize)
	if err != nil {
		return nil, err
	}
	size, err := messageSize(head)
	if err != nil {
		return nil, err
	}
	rest, err := c.take(size - fixedSize)
	if err != nil {
		return nil, err
	}
	return decode(append(head, rest...))
}

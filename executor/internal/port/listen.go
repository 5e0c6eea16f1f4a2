//go:build linux

package port

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Protocol is how bytes get to a port.
type Protocol string

// The protocols.
const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// backlog is how many connections the kernel holds before they are accepted,
// unless net.core.somaxconn says less.
const backlog = 4096

// Listen opens a socket of the host. Port 0 is any that is free; the one taken is
// returned. The errors are those of bind(2) and listen(2).
func Listen(p Protocol, at Address, port uint16) (fd int, taken uint16, err error) {
	kind := unix.SOCK_STREAM
	if p == UDP {
		kind = unix.SOCK_DGRAM
	}
	family := at.family()
	fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, 0, fmt.Errorf("socket: %w", err)
	}
	if taken, err = bindTo(fd, p, at, port); err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	return fd, taken, nil
}

func bindTo(fd int, p Protocol, at Address, port uint16) (uint16, error) {
	type option struct{ level, name, value int }
	options := []option{{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}, {unix.SOL_TCP, unix.TCP_NODELAY, 1}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1}} // what is accepted inherits them
	if p == UDP {
		options = []option{{unix.SOL_IP, unix.IP_PKTINFO, 1}} // a machine may have several addresses: the answer comes from the one that was asked
	}
	if at.V6 {
		options = append(options, option{unix.SOL_IPV6, unix.IPV6_V6ONLY, 1})
		if p == UDP {
			options[0] = option{unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1}
		}
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return 0, fmt.Errorf("setsockopt: %w", err)
		}
	}
	if p == TCP && at.loopback() { // nothing to control there; it only makes some streams faster, so it may fail
		_ = unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_CONGESTION, "reno")
	}
	a := sockaddrOf(at, port)
	if err := bind(fd, &a); err != nil {
		return 0, fmt.Errorf("bind: %w", err)
	}
	if p == TCP {
		if err := unix.Listen(fd, backlog); err != nil {
			return 0, fmt.Errorf("listen: %w", err)
		}
	}
	if err := getsockname(fd, &a); err != nil {
		return 0, fmt.Errorf("getsockname: %w", err)
	}
	return a.port(), nil
}

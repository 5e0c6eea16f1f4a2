//go:build linux

package port

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Address is an IP address. An IPv4 one is the first four bytes.
type Address struct {
	IP [16]byte
	V6 bool
}

var errAddress = errors.New("not an IP address")

// ParseAddress reads an address without a zone.
func ParseAddress(s string) (Address, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return Address{}, fmt.Errorf("%q: %w", s, errAddress)
	}
	out := Address{V6: a.Is6()}
	copy(out.IP[:], a.AsSlice())
	return out, nil
}

// ParseAddresses reads those that a plan has: of the box and of the host, first of
// IPv4 and then perhaps of IPv6, and the network of UDP clients, if there is one.
func ParseAddresses(box, host []string, clients string) (Addresses, error) {
	var a Addresses
	for i, to := range [...][2]*Address{{&a.Box4, &a.Host4}, {&a.Box6, &a.Host6}} {
		if i >= len(box) || i >= len(host) {
			break
		}
		for j, text := range [...]string{box[i], host[i]} {
			var err error
			if *to[j], err = ParseAddress(text); err != nil {
				return a, err
			}
		}
	}
	if clients == "" {
		return a, nil
	}
	p, err := netip.ParsePrefix(clients)
	if err != nil || !p.Addr().Is4() {
		return a, fmt.Errorf("%q: %w", clients, errAddress)
	}
	copy(a.Clients.IP[:], p.Addr().AsSlice())
	a.Bits = p.Addr().BitLen() - p.Bits()
	return a, nil
}

func (a Address) family() int {
	if a.V6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// sockaddr is struct sockaddr_in or sockaddr_in6, as the kernel reads and writes
// them. It has no pointer, and passing one by value allocates nothing: the relay
// must not feed the garbage collector with every connection.
type sockaddr struct {
	raw  [unix.SizeofSockaddrInet6]byte
	size uint32
}

// Places in both structures, ip(7) and ipv6(7).
const (
	atPort    = 2
	atIP4     = 4
	atIP6     = 8
	familyEnd = 2
)

func sockaddrOf(a Address, port uint16) sockaddr {
	var s sockaddr
	binary.NativeEndian.PutUint16(s.raw[:], uint16(a.family()))
	binary.BigEndian.PutUint16(s.raw[atPort:], port)
	s.setIP(a)
	return s
}

func (s *sockaddr) setIP(a Address) {
	if a.V6 {
		s.size = unix.SizeofSockaddrInet6
		copy(s.raw[atIP6:], a.IP[:])
		return
	}
	s.size = unix.SizeofSockaddrInet4
	copy(s.raw[atIP4:], a.IP[:4])
}

func (s *sockaddr) v6() bool { return binary.NativeEndian.Uint16(s.raw[:familyEnd]) == unix.AF_INET6 }

func (s *sockaddr) port() uint16 { return binary.BigEndian.Uint16(s.raw[atPort:]) }

func (s *sockaddr) setPort(p uint16) { binary.BigEndian.PutUint16(s.raw[atPort:], p) }

func (s *sockaddr) ip() Address {
	a := Address{V6: s.v6()}
	if a.V6 {
		copy(a.IP[:], s.raw[atIP6:])
	} else {
		copy(a.IP[:4], s.raw[atIP4:])
	}
	return a
}

// loopback is 127.0.0.0/8 and ::1.
func (a Address) loopback() bool {
	if !a.V6 {
		return a.IP[0] == 127
	}
	return a.IP == [16]byte{15: 1}
}

// linkLocal is fe80::/10, which means nothing without an interface of the host's.
func (a Address) linkLocal() bool { return a.V6 && a.IP[0] == 0xfe && a.IP[1]&0xc0 == 0x80 }

// source is who a client is in the box, to a service of one family: himself, or the
// host where that is not possible, and where he would look like the box itself.
func (at *Addresses) source(client Address, v6 bool) Address {
	switch {
	case client.V6 == v6 && !client.loopback() && !client.linkLocal() && client != at.Box4 && client != at.Box6:
		return client
	case v6:
		return at.Host6
	}
	return at.Host4
}

// call makes a system call that does not wait. The runtime is not told of it:
// otherwise it would give the thread's processor to another, and the relay would
// spend more on getting it back than on moving bytes (a fifth of the throughput).
func call(nr, a, b, c uintptr) error {
	if _, _, e := syscall.RawSyscall(nr, a, b, c); e != 0 {
		return e
	}
	return nil
}

func bind(fd int, s *sockaddr) error {
	return call(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(s.size))
}

func connect(fd int, s *sockaddr) error {
	return call(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(s.size))
}

// dissolve undoes a connection of TCP without a word to the service: the socket is
// as good as new, connect(2).
func dissolve(fd int) error {
	unspec := sockaddr{size: unix.SizeofSockaddrInet4} // AF_UNSPEC is 0
	return connect(fd, &unspec)
}

func getsockname(fd int, s *sockaddr) error {
	s.size = uint32(len(s.raw))
	return call(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(unsafe.Pointer(&s.size)))
}

func getpeername(fd int, s *sockaddr) error {
	s.size = uint32(len(s.raw))
	return call(unix.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&s.raw)), uintptr(unsafe.Pointer(&s.size)))
}

// accept takes one connection, and says from whom.
func accept(fd int, from *sockaddr) (int, error) {
	from.size = uint32(len(from.raw))
	n, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&from.raw)), uintptr(unsafe.Pointer(&from.size)), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0, 0)
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}

//go:build linux

package program

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// Publish listens on the host.
func (l *lowering) Publish(s *plan.Publish) error {
	_, err := netip.ParseAddr(s.Address)
	if err != nil || s.Box == 0 || s.Count == 0 || int(s.Box)+int(s.Count) > 1<<16 || int(s.Host)+int(s.Count) > 1<<16 || s.Protocol != "tcp" && s.Protocol != "udp" {
		return l.refuse("", "", "the plan's ports are not possible")
	}
	l.listening += int(s.Count)
	l.host(HostOp{Kind: Listen, Ports: Ports{Protocol: s.Protocol, Address: s.Address, Host: s.Host, Box: s.Box, Count: int(s.Count)}})
	return nil
}

// String says where boxfile listens.
func (p Ports) String() string {
	last := ""
	if p.Count > 1 {
		last = fmt.Sprintf(" to %d", int(p.Host)+p.Count-1)
	}
	return fmt.Sprintf("listen at %q, %s port %d%s, for port %d of the box", p.Address, p.Protocol, p.Host, last, p.Box)
}

// PortAddress is done once lo is up.
func (l *lowering) PortAddress(s *plan.PortAddress) error {
	l.ports, l.portsStep = s, l.step
	return nil
}

// portTable is the routing table for what is sent from the box's own address.
const portTable = 100

// Ports of the sockets that others are made of. Nobody listens there.
const (
	listenerPort = 1 + iota
	connectorPort
	datagramPort
)

// portAddress gives lo the addresses, routes what is sent from them back, and has
// sockets handed over. The kernel answers a message of rtnetlink(7) before the write
// returns, and says nothing where it has done what it was asked.
func (l *lowering) portAddress() error {
	s := l.ports
	if s == nil {
		return nil
	}
	defer l.during(l.portsStep)()
	link := l.netlink(unix.NETLINK_ROUTE)
	tell := func(f []Field) { l.tell(link, f) }
	for i := range s.Box {
		box, err1 := netip.ParseAddr(s.Box[i])
		if len(s.Host) != len(s.Box) {
			return l.refuse("", "", "the plan's addresses of ports are not possible")
		}
		host, err2 := netip.ParseAddr(s.Host[i])
		if err1 != nil || err2 != nil || box.Is4() != host.Is4() || box.Is4() != (i == 0) || i > 1 {
			return l.refuse("", "", "the plan's addresses of ports are not possible")
		}
		tell(newAddress(box))
		tell(newRoute(netip.PrefixFrom(host, host.BitLen()), unix.RT_TABLE_LOCAL))
		tell(newRule(box))
		tell(newRoute(netip.PrefixFrom(zero(box), 0), portTable))
		l.pair(host)
	}
	if s.UDP != "" {
		clients, err := netip.ParsePrefix(s.UDP)
		if err != nil || !clients.Addr().Is4() || clients.Bits() < 8 || clients.Bits() > 30 {
			return l.refuse("", "", "the plan's addresses of UDP clients are not possible")
		}
		tell(newRoute(clients, unix.RT_TABLE_LOCAL))
		l.handed(l.datagrams(), Datagrams)
	}
	h := l.prog.Handed
	h.Box, h.Host, h.Clients = s.Box, s.Host, s.UDP
	return nil
}

// netlink opens a socket to a part of the kernel, netlink(7).
func (l *lowering) netlink(part uint64) Reg {
	return l.keep(l.op(settle, callSocket, named(unix.AF_NETLINK, families), named(unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, sockTypes), num(part)))
}

// tell sends one message to the kernel, and fails if that has anything to say.
func (l *lowering) tell(link Reg, f []Field) {
	n := 0
	for i := range f {
		n += f[i].Size
	}
	f[0].Num = uint64(n)
	l.op(settle, callWrite, reg(link), structure(f...), num(uint64(n))).expect(int64(n))
	l.op(settle, callRead, reg(link), buffer(64), num(64)).expect(0).tolerate(unix.EAGAIN, 0)
}

func zero(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func familyOf(a netip.Addr) uint64 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// pair makes the sockets that all others of a family come from.
func (l *lowering) pair(at netip.Addr) {
	listener := l.socket(at, unix.SOCK_STREAM)
	transparent := [2]uint64{unix.SOL_IP, unix.IP_TRANSPARENT}
	roles := [2]Role{Listener4, Connector4}
	if at.Is6() {
		transparent, roles = [2]uint64{unix.SOL_IPV6, unix.IPV6_TRANSPARENT}, [2]Role{Listener6, Connector6}
	}
	for _, o := range [...][2]uint64{transparent, {unix.SOL_SOCKET, unix.SO_REUSEADDR}, {unix.SOL_TCP, unix.TCP_NODELAY}} {
		l.setOption(listener, o)
	}
	l.op(settle, callSetsockopt, reg(listener), named(unix.SOL_TCP, socketLevels), named(unix.TCP_CONGESTION, optionNames(unix.SOL_TCP)), structure(Field{Name: "name", Size: len(withinBox), Num: withinBoxNum, Names: algorithms}), num(uint64(len(withinBox))))
	l.bindTo(listener, at, listenerPort)
	l.op(settle, callListen, reg(listener), num(unix.SOMAXCONN))
	connector := l.socket(at, unix.SOCK_STREAM)
	if at.Is6() { // a route alone makes no address of IPv6 that may be bound to
		l.setOption(connector, transparent)
	}
	l.bindTo(connector, at, connectorPort)
	l.handed(listener, roles[0])
	l.handed(connector, roles[1])
}

func (l *lowering) datagrams() Reg {
	fd := l.socket(netip.IPv4Unspecified(), unix.SOCK_DGRAM)
	l.setOption(fd, [2]uint64{unix.SOL_IP, unix.IP_PKTINFO})
	l.bindTo(fd, netip.IPv4Unspecified(), datagramPort)
	return fd
}

func (l *lowering) socket(at netip.Addr, kind uint64) Reg {
	return l.keep(l.op(settle, callSocket, named(familyOf(at), families), named(kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, sockTypes), num(0)))
}

func (l *lowering) setOption(fd Reg, o [2]uint64) {
	l.op(settle, callSetsockopt, reg(fd), named(o[0], socketLevels), named(o[1], optionNames(o[0])), structure(Field{Name: "on", Size: 4, Num: 1}), num(4))
}

func (l *lowering) bindTo(fd Reg, at netip.Addr, port uint16) {
	big := string(binary.BigEndian.AppendUint16(nil, port))
	f := []Field{{Name: "sa_family", Size: 2, Num: familyOf(at), Names: families}, {Name: "sin_port", Size: 2, Text: big},
		{Name: "sin_addr", Size: 4, Text: string(at.AsSlice()), Names: addressText}, {Size: 8}}
	size := uint64(unix.SizeofSockaddrInet4)
	if at.Is6() {
		f = []Field{f[0], {Name: "sin6_port", Size: 2, Text: big}, {Size: 4}, {Name: "sin6_addr", Size: 16, Text: string(at.AsSlice()), Names: addressText}, {Size: 4}}
		size = unix.SizeofSockaddrInet6
	}
	l.op(settle, callBind, reg(fd), structure(f...), num(size))
}

// spareFD is a number that no descriptor has, neither a register's, of which there
// will be more, nor a socket that is handed over.
func (l *lowering) spareFD(more int) uint64 {
	const above = 16 // the standard three, the control socket, and some air
	n := int(l.prog.Regs) + more + above
	if l.prog.Handed != nil {
		n = max(n, l.prog.Handed.First+len(l.prog.Handed.Roles))
	}
	return uint64(n)
}

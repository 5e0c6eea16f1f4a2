//go:build linux

package program

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Handed is what process 1 hands over to boxfile: descriptors that are First,
// First+1, … there.
type Handed struct {
	Step  int // the last that asked for one
	First int
	Roles []Role
	// The addresses of the plan's step port_address.
	Box, Host []string
	Clients   string
}

// Role says what a descriptor that is handed over is for.
type Role string

// The roles. Sockets are of the box's network namespace: a pair for each family of
// addresses, and one for all of UDP.
const (
	Listener4      Role = "listener of IPv4"
	Connector4     Role = "connector of IPv4"
	Listener6      Role = "listener of IPv6"
	Connector6     Role = "connector of IPv6"
	Datagrams      Role = "datagrams"
	TerminalMaster Role = "boxfile's end of the box's terminal"
)

// handed has a descriptor handed over, at the end.
func (l *lowering) handed(fd Reg, role Role) {
	if l.prog.Handed == nil {
		l.prog.Handed = &Handed{}
	}
	l.prog.Handed.Step = l.step
	l.prog.Handed.Roles = append(l.prog.Handed.Roles, role)
	l.handing = append(l.handing, fd)
}

// handOver sends the descriptors to boxfile, unix(7). Their numbers stand in the message's
// bytes, so each is given one that no other descriptor has: there are not more of these than registers.
func (l *lowering) handOver() error {
	h := l.prog.Handed
	if h == nil {
		return nil
	}
	defer l.during(h.Step)()
	n := len(l.handing)
	h.First = int(l.spareFD(0))
	rights := []Field{word("cmsg_len", uint64(unix.CmsgLen(4*n))), {Name: "cmsg_level", Size: 4, Num: unix.SOL_SOCKET, Names: socketLevels},
		{Name: "cmsg_type", Size: 4, Num: unix.SCM_RIGHTS, Names: rightsName}}
	for i, fd := range l.handing {
		l.op(settle, callDup3, reg(fd), num(uint64(h.First+i)), named(unix.O_CLOEXEC, openFlags))
		rights = append(rights, Field{Name: fmt.Sprintf("fd%d", i), Size: 4, Num: uint64(h.First + i)})
	}
	room := unix.CmsgSpace(4 * n)
	rights = append(rights, Field{Size: room - unix.CmsgLen(4*n)})
	const size, descriptorsKind = 12, 5 // of a message of package fork
	message := &More{Fields: []Field{{Name: "kind", Size: 4, Num: descriptorsKind}, {Name: "descriptors", Size: 4, Num: uint64(n)}, {Size: 4}}}
	vector := &More{Fields: []Field{{Name: "iov_base", Size: 8, To: message}, word("iov_len", size)}}
	l.op(settle, callSendmsg, reg(Control), structure(word("msg_name", 0), word("msg_namelen", 0),
		Field{Name: "msg_iov", Size: 8, To: vector}, word("msg_iovlen", 1), Field{Name: "msg_control", Size: 8, To: &More{Fields: rights}},
		word("msg_controllen", uint64(room)), word("msg_flags", 0)), num(0)).expect(size)
	return nil
}

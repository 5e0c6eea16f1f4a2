//go:build linux

package port

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Idle is how long a client of UDP is remembered after its last datagram, or its service's.
const Idle = 60 * time.Second

const (
	datagramMax  = 64 << 10
	datagramMost = 64 // of one port at a time
)

// datagrams passes on what comes by UDP. Each client is an address of its own to
// the services, by which answers are told apart.
type datagrams struct {
	fd     int // of the box's namespace, or -1
	box    Address
	first  Address // of the clients' addresses
	most   int     // clients at a time
	peers  []peer
	free   []int32
	known  map[peerKey]int32
	in     *message
	nextAt int64 // when to look for idle ones
}

// peerKey is a client of one port, and the host's address that it speaks to.
type peerKey struct {
	from  sockaddr
	local Address
	port  int32 // the listening descriptor
}

type peer struct {
	key  peerKey
	box  uint16
	last int64 // nanoseconds; 0: not in use
}

func newDatagrams(fd int, at Addresses) *datagrams {
	d := &datagrams{fd: fd, box: at.Box4, first: at.Clients, most: 1<<at.Bits - 2, known: map[peerKey]int32{}}
	if fd >= 0 {
		d.in = newMessage()
	}
	return d
}

// ask passes datagrams of clients on to a port's service.
func (d *datagrams) ask(p *Port) {
	m := d.in
	for range datagramMost {
		n, err := m.receive(p.FD)
		if err != nil {
			return // none is there; an error of an earlier answer is told once and says nothing of the others
		}
		key := peerKey{m.name, m.local(), int32(p.FD)}
		i, ok := d.known[key]
		if !ok {
			if i, ok = d.add(key, p.Box); !ok {
				continue // as if the network had lost it
			}
		}
		d.peers[i].last = time.Now().UnixNano()
		_ = m.send(d.fd, n, sockaddrOf(d.box, p.Box), d.address(i)) // lost where the service has no room
	}
}

// answer passes datagrams of services on to their clients.
func (d *datagrams) answer() {
	m := d.in
	for range datagramMost {
		n, err := m.receive(d.fd)
		if err != nil {
			return
		}
		i, ok := d.index(m.local())
		if !ok || d.peers[i].last == 0 || m.name.port() != d.peers[i].box {
			continue // nobody has asked
		}
		p := &d.peers[i]
		p.last = time.Now().UnixNano()
		_ = m.send(int(p.key.port), n, p.key.from, p.key.local) // lost where the client has no room
	}
}

func (d *datagrams) add(k peerKey, box uint16) (int32, bool) {
	i := int32(len(d.peers))
	if n := len(d.free); n > 0 {
		i, d.free = d.free[n-1], d.free[:n-1]
	} else if len(d.peers) == d.most {
		return 0, false
	} else {
		d.peers = append(d.peers, peer{})
	}
	d.peers[i] = peer{key: k, box: box}
	d.known[k] = i
	return i, true
}

// address is who client i is in the box, and index who an address is.
func (d *datagrams) address(i int32) Address {
	a := d.first
	binary.BigEndian.PutUint32(a.IP[:4], binary.BigEndian.Uint32(a.IP[:4])+uint32(i)+1)
	return a
}

func (d *datagrams) index(a Address) (int32, bool) {
	i := int64(binary.BigEndian.Uint32(a.IP[:4])) - int64(binary.BigEndian.Uint32(d.first.IP[:4])) - 1
	return int32(i), !a.V6 && i >= 0 && i < int64(len(d.peers))
}

// sweep forgets clients that have been silent for long.
func (d *datagrams) sweep(now int64) {
	if len(d.known) == 0 || now < d.nextAt {
		return
	}
	d.nextAt = now + int64(time.Second)
	for k, i := range d.known {
		if now-d.peers[i].last > int64(Idle) {
			delete(d.known, k)
			d.peers[i] = peer{}
			d.free = append(d.free, i)
		}
	}
}

// timeout is how many milliseconds the relay may sleep.
func (d *datagrams) timeout() int {
	if len(d.known) == 0 {
		return -1
	}
	return int(time.Second / time.Millisecond)
}

func (d *datagrams) close() {
	if d != nil && d.fd >= 0 {
		unix.Close(d.fd)
	}
}

// message is a datagram with whom it is from or to, and the address of ours that it came to or leaves from.
type message struct {
	header  unix.Msghdr
	vector  unix.Iovec
	name    sockaddr
	control [64]byte
	data    [datagramMax]byte
}

func newMessage() *message {
	m := new(message)
	m.vector.Base = &m.data[0]
	m.header.Iov, m.header.Iovlen = &m.vector, 1
	m.header.Name, m.header.Control = &m.name.raw[0], &m.control[0]
	return m
}

func (m *message) receive(fd int) (int, error) {
	m.name = sockaddr{}
	m.header.Namelen, m.header.Controllen = uint32(len(m.name.raw)), uint64(len(m.control))
	m.vector.Len = datagramMax
	n, _, e := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), 0)
	m.name.size = m.header.Namelen
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// Places in struct in_pktinfo and in6_pktinfo behind struct cmsghdr.
const (
	cmsgData  = unix.SizeofCmsghdr
	atSpecDst = cmsgData + 4 // the address to answer from
	atAddr    = cmsgData + 8 // the address in the datagram's header
)

// local is the address that a received datagram was sent to.
func (m *message) local() Address {
	var a Address
	h := (*unix.Cmsghdr)(unsafe.Pointer(&m.control))
	switch {
	case m.header.Controllen < unix.SizeofCmsghdr:
	case h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_PKTINFO:
		a.V6 = true
		copy(a.IP[:], m.control[cmsgData:])
	case h.Level == unix.SOL_IP && h.Type == unix.IP_PKTINFO:
		copy(a.IP[:4], m.control[atAddr:])
	}
	return a
}

// send sends the first n bytes on, from an address of ours.
func (m *message) send(fd, n int, to sockaddr, from Address) error {
	m.name = to
	m.header.Namelen, m.vector.Len = to.size, uint64(n)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&m.control))
	clear(m.control[:])
	size := unix.SizeofInet4Pktinfo
	if from.V6 {
		h.Level, h.Type, size = unix.SOL_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo
		copy(m.control[cmsgData:], from.IP[:])
	} else {
		h.Level, h.Type = unix.SOL_IP, unix.IP_PKTINFO
		copy(m.control[atSpecDst:], from.IP[:4])
	}
	h.SetLen(unix.CmsgLen(size))
	m.header.SetControllen(unix.CmsgSpace(size))
	return call(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_NOSIGNAL)
}

//go:build linux

package escape

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// doors are sockets of the host that no box without the host's network may reach
// (CVE-2020-15257): abstract ones, and those of the loopback.
type doors struct {
	abstract string
	tcp, udp string // addresses
	open     []io.Closer

	mu       sync.Mutex
	visitors []string
}

func openDoors(name string) (*doors, error) {
	d := &doors{abstract: "@canary" + name}
	for _, network := range []string{"unix", "unixpacket", "tcp"} {
		l, err := net.Listen(network, d.address(network))
		if err != nil {
			return nil, err
		}
		d.open = append(d.open, l)
		if network == "tcp" {
			d.tcp = l.Addr().String()
		}
		go d.accept(network, l)
	}
	for _, network := range []string{"unixgram", "udp"} {
		c, err := net.ListenPacket(network, d.address(network))
		if err != nil {
			return nil, err
		}
		d.open = append(d.open, c)
		if network == "udp" {
			d.udp = c.LocalAddr().String()
		}
		go d.receive(network, c)
	}
	return d, nil
}

func (d *doors) shut() {
	for _, o := range d.open {
		_ = o.Close()
	}
}

// address is where a door listens. The kernel has one set of abstract names for
// all types of socket, so each has a name of its own.
func (d *doors) address(network string) string {
	switch network {
	case "tcp":
		if d.tcp != "" {
			return d.tcp
		}
		return "127.0.0.1:0"
	case "udp":
		if d.udp != "" {
			return d.udp
		}
		return "127.0.0.1:0"
	}
	return d.abstract + "-" + network
}

func (d *doors) accept(network string, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.SetDeadline(time.Now().Add(limit))
		b, _ := io.ReadAll(c)
		c.Close()
		d.note(network, b)
	}
}

func (d *doors) receive(network string, c net.PacketConn) {
	b := make([]byte, 1024)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		d.note(network, b[:n])
	}
}

func (d *doors) note(network string, said []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.visitors = append(d.visitors, network+": "+string(said))
}

// took returns who came since the last call.
func (d *doors) took() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.visitors
	d.visitors = nil
	return all
}

// abstractSockets are those of the processes that some trial has started.
func abstractSockets() []string {
	names := map[string]string{}
	for _, line := range lines("/proc/net/unix") {
		if w := strings.Fields(line); len(w) == 8 && strings.HasPrefix(w[7], "@") {
			names["socket:["+w[6]+"]"] = w[7]
		}
	}
	var all []string
	shared.running.Range(func(pid, _ any) bool {
		dir := fmt.Sprintf("/proc/%d/fd", pid)
		for _, fd := range listed(dir) {
			if link, err := os.Readlink(dir + "/" + fd); err == nil && names[link] != "" {
				all = append(all, names[link])
			}
		}
		return true
	})
	return all
}

// list is the doors as words for the probe.
func (d *doors) list() []string {
	var all []string
	for _, n := range []string{"unix", "unixpacket", "unixgram", "tcp", "udp"} {
		all = append(all, n, d.address(n))
	}
	return all
}

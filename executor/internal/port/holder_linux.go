package port

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Holder says who has a port of this machine, as far as the caller may know:
// only root sees other users' descriptors.
func Holder(protocol, address string, port uint16) string {
	want, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	for _, file := range [...]string{"/proc/self/net/" + protocol, "/proc/self/net/" + protocol + "6"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // without IPv6 there is no second one
		}
		if s := holderIn(string(b), protocol == "tcp", want, port); s != nil {
			return s.String()
		}
	}
	return ""
}

// socket is a line of /proc/net/tcp or udp, proc_pid_net(5).
type socket struct {
	at    netip.AddrPort
	uid   string
	inode string
}

// holderIn finds the socket that is in the way of a port.
func holderIn(table string, listening bool, want netip.Addr, port uint16) *socket {
	const stateListen = "0A"
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || listening && f[3] != stateListen {
			continue
		}
		at, ok := tableAddress(f[1])
		if !ok || at.Port() != port {
			continue
		}
		have := at.Addr().Unmap()
		both := have.Is6() && have.IsUnspecified() // unless it is for IPv6 alone
		if have == want || both || (have.IsUnspecified() || want.IsUnspecified()) && have.Is4() == want.Is4() {
			return &socket{at, f[7], f[9]}
		}
	}
	return nil
}

// tableAddress reads "0100007F:1538": words of the machine's byte order in hexadecimal.
func tableAddress(s string) (netip.AddrPort, bool) {
	ip, port, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(ip)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(n)), ok
}

func (s *socket) String() string {
	pid, command := ownerOf(s.inode)
	if pid == "" {
		return fmt.Sprintf("a process of user %s has %s", s.uid, s.at)
	}
	return fmt.Sprintf("process %s (%s) has %s", pid, command, s.at)
}

// ownerOf looks for a process that has a socket open.
func ownerOf(inode string) (pid, command string) {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is right
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err != nil || link != "socket:["+inode+"]" {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		name, _ := os.ReadFile(dir + "/comm") // gone since
		return filepath.Base(dir), strings.TrimSpace(string(name))
	}
	return "", ""
}

// Low says which ports an ordinary user may not have, ip(7).
func Low() string {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return ""
	}
	return "net.ipv4.ip_unprivileged_port_start is " + strings.TrimSpace(string(b)) + ": lower ports need CAP_NET_BIND_SERVICE"
}

//go:build linux

package escape

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// identityRows are about who the box is, and as whom others see it.
func identityRows() []row {
	return []row{
		{name: "inheritable", cves: "CVE-2022-24769, CVE-2022-29162, CVE-2022-27650, CVE-2022-27651, CVE-2022-27652", mechanism: "inheritable capabilities are left in the box",
			attack: attackInheritable, twin: twinCapabilities},
		{name: "groups", cves: "CVE-2022-2989, CVE-2023-25173", mechanism: "the box has supplementary groups that nobody gave it, or loses those that shut it out",
			attack: attackGroups, twin: twinGroups},
		{name: "sockets", cves: "CVE-2020-15257", mechanism: "abstract sockets and the loopback of the host are reached",
			attack: attackSockets, twin: twinSockets},
		{name: "forwarded", cves: "CVE-2021-20199", mechanism: "every client of a published port looks as if it came from the box's own loopback",
			attack: attackForwarded, twin: twinForwarded},
	}
}

// attackInheritable starts boxfile with all of the caller's capabilities inheritable and ambient.
func attackInheritable(x *trial) {
	for _, capabilities := range []string{"none", "default", "[NET_RAW]"} {
		for _, user := range []string{"0:0", "1000:1000"} {
			s := x.look(box{yaml: rootYAML + "user: '" + user + "'\nsecurity: {capabilities: " + capabilities + "}\n", prefix: []string{shared.probe, "inherit"}})
			sets := []string{"CapInh", "CapAmb"}
			if user != "0:0" {
				sets = nil // an ordinary user has what the file gives by way of these
			}
			if capabilities == "none" {
				sets = []string{"CapInh", "CapAmb", "CapPrm", "CapEff", "CapBnd"}
			}
			for _, set := range sets {
				if strings.Trim(s.Status[set], "0") != "" {
					x.fail("user %s with capabilities %s: %s is %s", user, capabilities, set, s.Status[set])
				}
			}
			if s.Status["NoNewPrivs"] != "1" {
				x.fail("no_new_privs is %s", s.Status["NoNewPrivs"])
			}
			if capabilities == "[NET_RAW]" && strings.TrimLeft(s.Status["CapBnd"], "0") != "2000" {
				x.fail("user %s: the bounding set is %s", user, s.Status["CapBnd"])
			}
		}
	}
}

func twinCapabilities(x *trial) {
	s := x.look(box{yaml: rootYAML + "security: {capabilities: [CHOWN, NET_BIND_SERVICE]}\n"})
	if strings.TrimLeft(s.Status["CapEff"], "0") != "401" {
		x.fail("capabilities are %s", s.Status["CapEff"])
	}
}

// attackGroups has a caller in five more groups, and a file that one of them may not read.
func attackGroups(x *trial) {
	x.needRoot("give a process more groups")
	extra := []uint32{4001, 4002, 4003, 4004, 4005}
	x.file("shut/file", x.canary.secret)
	x.must(os.Chown(x.path("shut/file"), 65533, 4003))
	x.must(os.Chmod(x.path("shut/file"), 0o604))
	yaml := rootYAML + "mounts: ['./shut:/mnt']\n"
	if x.config.name == "subuid" { // these drop groups, which newgidmap allows to those whom the administrator gave ids
		s := x.look(box{yaml: yaml + "groups: [7, 8]\n", groups: extra})
		if !slices.Equal(s.Groups, []int{7, 8}) {
			x.fail("the box's groups are %v", s.Groups)
		}
		if s = x.look(box{yaml: yaml, groups: extra}); len(s.Groups) > 1 || slices.ContainsFunc(s.Groups, func(g int) bool { return g != 0 }) {
			x.fail("the box's groups are %v, and it was given none", s.Groups)
		}
		return
	}
	if x.caller != nil { // root may read it anyway
		x.up(box{yaml: yaml, groups: extra}, "read", "/mnt/file")
	}
	x.held(x.up(box{yaml: yaml, groups: extra}, "set-groups"))
	x.refused(x.up(box{yaml: yaml + "groups: [7]\n", groups: extra}, "look"), "groups, where nobody may set them")
}

func twinGroups(x *trial) {
	x.file("data/file", "readable\n")
	x.works(x.up(box{yaml: rootYAML + "mounts: ['./data:/mnt']\n"}, "read", "/mnt/file"), "readable")
}

// attackSockets tries the host's sockets from boxes that have a network of their own; the
// host could also be behind the router and the name server of an outbound one.
func attackSockets(x *trial) {
	_, tcp, _ := net.SplitHostPort(x.doors.tcp)
	_, udp, _ := net.SplitHostPort(x.doors.udp)
	words := append([]string{"doors", "100ms"}, x.doors.list()...)
	for _, host := range []string{"10.0.2.2", "10.0.2.3", "169.254.1.1", "0.0.0.0", "[::ffff:127.0.0.1]"} {
		words = append(words, "tcp", host+":"+tcp, "udp", host+":"+udp)
	}
	for _, yaml := range []string{"network: none\n", "network: outbound\n", "network: {mode: none, hosts: {host.internal: 127.0.0.1}}\n", "namespaces: {ipc: host, uts: host}\n"} {
		x.heldOrRefused(x.up(box{yaml: rootYAML + yaml}, words...))
	}
	done := make(chan result, 1)
	go func() { done <- x.up(box{yaml: rootYAML}, "pause") }()
	for {
		select {
		case r := <-done:
			x.works(r, "")
			return
		case <-time.After(10 * time.Millisecond):
			for _, s := range abstractSockets() {
				x.fail("boxfile has an abstract socket: %s", s)
			}
		}
	}
}

// twinSockets: with the host's network the box reaches all of it, and the plan says so.
func twinSockets(x *trial) {
	b := box{yaml: rootYAML + "network: host\n"}
	r := x.up(b, append([]string{"doors", "10s"}, x.doors.list()...)...)
	x.works(r, reachedMark)
	v := x.doors.took()
	for end := time.Now().Add(limit); len(v) < 5 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // one of each kind
		v = append(v, x.doors.took()...)
	}
	if len(v) < 5 {
		x.fail("with the host's network the box reaches only %q", v)
	}
	plan := func(yaml string) string {
		file := x.write(&box{yaml: rootYAML + yaml}, []string{"look"})
		return x.run(box{}, shared.boxfile, "plan", file).stdout
	}
	if strings.Contains(plan("network: host\n"), ", network,") || !strings.Contains(plan(""), ", network,") {
		x.fail("the plan does not tell the host's network from one of the box's own")
	}
}

// published runs a box with a port at every address of the host, connects to
// one, and returns whom the box's server saw.
func (x *trial) published(address string) string {
	for range 5 {
		seen, r := x.publishedAt(address, freePort(x))
		if r.code == 125 && strings.Contains(r.stderr, "it is in use") {
			continue // somebody else of this machine was faster
		}
		if r.code != 0 {
			x.fail("no server in the box: exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		return seen
	}
	return ""
}

// freePort is none of those that the kernel gives out: another trial's doors could be there next.
func freePort(x *trial) string {
	for {
		port := strconv.FormatInt(28500+(int64(os.Getpid())*64+shared.trials.Add(1))%4000, 10)
		if l, err := net.Listen("tcp", "0.0.0.0:"+port); err == nil {
			l.Close()
			return port
		}
	}
}

func (x *trial) publishedAt(address, port string) (seen string, r result) {
	done := make(chan result, 1)
	go func() {
		done <- x.up(box{yaml: rootYAML + "ports: ['0.0.0.0:" + port + ":8080']\n"}, "serve", ":8080")
	}()
	for seen == "" {
		select {
		case r := <-done:
			return "", r
		case <-time.After(5 * time.Millisecond):
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(address, port), time.Second)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(limit))
		line, _ := bufio.NewReader(c).ReadString('\n')
		c.Close()
		seen = strings.TrimSpace(line)
	}
	return seen, <-done
}

func attackForwarded(x *trial) {
	for _, address := range addresses() {
		if seen := net.ParseIP(x.published(address)); seen == nil || seen.IsLoopback() {
			x.fail("a client of %s looks like %v in the box", address, seen)
		}
	}
}

func twinForwarded(x *trial) {
	if x.published("127.0.0.1") == "" {
		x.fail("nothing answers at a published port")
	}
}

// addresses are the loopback and, if the host has one, another address of its own.
func addresses() []string {
	all := []string{"127.0.0.1"}
	list, _ := net.InterfaceAddrs()
	for _, a := range list {
		if ip, _, err := net.ParseCIDR(fmt.Sprint(a)); err == nil && ip.To4() != nil && !ip.IsLoopback() {
			return append(all, ip.String())
		}
	}
	return all
}

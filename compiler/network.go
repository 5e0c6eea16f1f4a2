package compiler

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// resolver is where the helper of network: outbound answers for this machine's name servers.
const resolver = "10.0.2.3"

// network brings up lo in a new network namespace, and leads out of it.
func (c *compilation) network() {
	n := &c.box.Network
	if n.Mode.Value == "host" || n.Mode.Value == "join" { // in what others have too, nothing is changed
		return
	}
	c.add(&plan.Loopback{}, n.Mode.Pos, "network")
	if n.Mode.Value != "outbound" {
		return
	}
	out := &plan.Outbound{}
	if len(n.DNS) == 0 {
		out.DNS = resolver
	}
	c.add(out, n.Mode.Pos, "network")
	c.add(&plan.BlockLoopback{}, n.Mode.Pos, "network")
	if c.box.Namespaces.User.Mode != "new" {
		c.refuse(n.Mode.Pos, "remove namespaces.user", "network: outbound needs namespaces.user: new, because otherwise root of the box could change its way out")
	}
	for _, name := range c.box.Security.Capabilities.Names {
		if slices.Contains([]string{"NET_ADMIN", "NET_RAW"}, name.Value) {
			c.refuse(name.Pos, "remove it, or network: none", "network: outbound keeps this machine's loopback out of reach, and %s could undo that", name.Value)
		}
	}
}

// resolvConf and hosts are the files that tell names apart.
func (c *compilation) resolvConf() string {
	n := &c.box.Network
	switch {
	case n.Mode.Value == "join" && len(n.DNS) == 0:
		return "# no name server: network.dns names those of the namespace that the box joins\n"
	case n.Mode.Value == "none":
		return "# no name server: the box has no network but its own loopback\n"
	case len(n.DNS) == 0:
		return "nameserver " + resolver + "\n"
	}
	var b strings.Builder
	for _, s := range n.DNS {
		b.WriteString("nameserver " + s.Value + "\n")
	}
	return b.String()
}

func (c *compilation) hosts() string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost " + c.box.Hostname.Value + "\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for _, h := range sorted(c.box.Network.Hosts, func(h schema.HostEntry) string { return h.Name.Value }) {
		b.WriteString(h.Address.Value + "\t" + h.Name.Value + "\n")
	}
	return b.String()
}

// networkFiles puts them over a rootfs that has its own, where the file asks for it.
func (c *compilation) networkFiles() {
	n := &c.box.Network
	if c.box.Rootfs.Host.Value {
		return
	}
	for target, set := range map[string]bool{"/etc/resolv.conf": len(n.DNS) > 0, "/etc/hosts": len(n.Hosts) > 0} {
		if at, ok := c.targets[target]; ok && set {
			c.refuse(at, "remove this entry, or dns and hosts", "%s is already decided by the key network", target)
		}
	}
	if len(n.DNS) > 0 {
		c.add(&plan.File{Target: "/etc/resolv.conf", Content: c.resolvConf(), Perms: "0644", ReadOnly: true}, n.DNS[0].Pos, "network.dns")
	}
	if len(n.Hosts) > 0 {
		c.add(&plan.File{Target: "/etc/hosts", Content: c.hosts(), Perms: "0644", ReadOnly: true}, n.Hosts[0].Name.Pos, "network.hosts")
	}
}

package schema

import (
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (d *decoder) network(n *node) {
	w := &d.box.Network
	w.Mode.Value = "none"
	if n == nil {
		return
	}
	w.Pos = posOf(n)
	if n.Kind == yaml.ScalarNode {
		w.Mode = text(n, "")
		return
	}
	d.reach(n)
	if dns := child(n, "dns"); dns != nil {
		w.DNS = texts(dns)
		if w.Mode.Value != "outbound" && w.Mode.Value != "join" {
			d.fail(keyPos(n, "dns"), "mode: outbound", "dns names servers, and a box with network %s has none of its own to ask", w.Mode.Value)
		}
		for i := range w.DNS {
			d.address(&w.DNS[i], "name server", notOfAServer)
			if slices.ContainsFunc(w.DNS[:i], func(f Field[string]) bool { return f.Value == w.DNS[i].Value }) {
				d.fail(w.DNS[i].Pos, "remove it", "name server %s is there twice", quoted(w.DNS[i].Value))
			}
		}
	}
	hosts := child(n, "hosts")
	if hosts == nil {
		return
	}
	if w.Mode.Value == "host" {
		d.fail(keyPos(n, "hosts"), "", "hosts adds to the box's own /etc/hosts; with network host it has this machine's")
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(hosts.Content); i += 2 {
		h := HostEntry{text(hosts.Content[i], ""), text(hosts.Content[i+1], "")}
		name := strings.ToLower(h.Name.Value)
		switch line := seen[name]; {
		case len(name) > 253 || name == "localhost" || name == strings.ToLower(d.box.Hostname.Value) || strings.Trim(name, "0123456789.") == "":
			d.fail(h.Name.Pos, "", "%s cannot be the name of another host", quoted(h.Name.Value))
		case line > 0:
			d.fail(h.Name.Pos, "remove one of the two", "%s is the same name as that on line %d", quoted(h.Name.Value), line)
		}
		seen[name] = h.Name.Pos.Line
		if d.address(&h.Address, "address", notOfAHost) {
			w.Hosts = append(w.Hosts, h)
		}
	}
}

// reach decodes mode, or join in its place.
func (d *decoder) reach(n *node) {
	w := &d.box.Network
	w.Mode = text(child(n, "mode"), "none")
	join := child(n, "join")
	switch {
	case join == nil && !w.Mode.IsSet():
		d.fail(w.Pos, "mode: outbound, for example", "network needs one of mode and join")
	case join == nil:
	case w.Mode.IsSet():
		d.fail(keyPos(n, "join"), "remove one of the two", "both mode and join say what the box reaches")
	default:
		w.Join = text(join, "")
		w.Mode = Field[string]{"join", w.Join.Pos}
		d.hostPath(w.Join)
	}
}

// address checks an address and makes it canonical. also says what else is wrong with one.
func (d *decoder) address(f *Field[string], what string, also func(netip.Addr) (wrong, fix string)) bool {
	a, wrong, fix := parseAddress(f.Value, false)
	if wrong == "" && also != nil {
		wrong, fix = also(netip.MustParseAddr(a))
	}
	if wrong != "" {
		d.fail(f.Pos, fix, "%s %s: %s", what, quoted(f.Value), wrong)
		return false
	}
	f.Value = a
	return true
}

func notOfAHost(ip netip.Addr) (wrong, fix string) {
	if ip.IsUnspecified() || ip.IsLoopback() && ip.String() != "127.0.0.1" && ip.String() != "::1" {
		return "it is no other host's", "write 127.0.0.1 for the box itself"
	}
	return "", ""
}

func notOfAServer(ip netip.Addr) (wrong, fix string) {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return "in the box that is the box itself", "leave dns out: then the box asks this machine's own servers"
	}
	return "", ""
}

package schema

import (
	"net/netip"
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
	w.Mode = text(child(n, "mode"), "none")
	if dns := child(n, "dns"); dns != nil {
		w.DNS = texts(dns)
		if w.Mode.Value != "outbound" {
			d.fail(keyPos(n, "dns"), "mode: outbound", "dns names servers, and a box with network %s has none of its own to ask", w.Mode.Value)
		}
		for i := range w.DNS {
			d.serverAddress(&w.DNS[i])
		}
	}
	hosts := child(n, "hosts")
	if hosts == nil {
		return
	}
	if w.Mode.Value == "host" {
		d.fail(keyPos(n, "hosts"), "", "hosts adds to the box's own /etc/hosts; with network host it has this machine's")
	}
	for i := 0; i+1 < len(hosts.Content); i += 2 {
		h := HostEntry{text(hosts.Content[i], ""), text(hosts.Content[i+1], "")}
		if len(h.Name.Value) > 253 || strings.EqualFold(h.Name.Value, "localhost") || strings.Trim(h.Name.Value, "0123456789.") == "" {
			d.fail(h.Name.Pos, "", "%q cannot be the name of another host", escape(short(h.Name.Value)))
		}
		a, wrong, fix := parseAddress(h.Address.Value, false)
		if wrong != "" {
			d.fail(h.Address.Pos, fix, "address %q: %s", escape(short(h.Address.Value)), wrong)
			continue
		}
		h.Address.Value = a
		w.Hosts = append(w.Hosts, h)
	}
}

// serverAddress checks the address of a name server.
func (d *decoder) serverAddress(f *Field[string]) {
	a, wrong, fix := parseAddress(f.Value, false)
	if wrong == "" {
		if ip, err := netip.ParseAddr(a); err == nil && (ip.IsLoopback() || ip.IsUnspecified()) {
			wrong, fix = "in the box that is the box itself", "leave dns out: then the box asks this machine's own servers"
		}
	}
	if wrong != "" {
		d.fail(f.Pos, fix, "name server %q: %s", escape(short(f.Value)), wrong)
		return
	}
	f.Value = a
}

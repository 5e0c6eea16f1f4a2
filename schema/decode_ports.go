package schema

import (
	"strings"

	"gopkg.in/yaml.v3"
)

const anyAddress4, anyAddress6 = "0.0.0.0", "::"

// maxEntries is how many ports the schema has at most: each is held against all before it.
const maxEntries = 256

func (d *decoder) ports(n *node) {
	if n == nil {
		return
	}
	list := n.Content[:min(len(n.Content), maxEntries)]
	d.box.Ports = make([]Port, 0, len(list))
	for _, c := range list {
		p := Port{Pos: posOf(c), Count: 1, Address: Field[string]{Value: "127.0.0.1"}, Protocol: Field[string]{Value: "tcp"}}
		var ok bool
		if c.Kind == yaml.ScalarNode {
			ok = d.shortPort(c, &p)
		} else {
			ok = d.longPort(c, &p)
		}
		if !ok {
			continue
		}
		if d.box.Network.Mode.Value == "host" {
			d.fail(p.Pos, "remove ports, or network: host", "the box shares this machine's network (line %d): its ports are there already", d.box.Network.Mode.Pos.Line)
		}
		if d.box.Network.Mode.Value == "join" {
			d.fail(p.Pos, "remove ports: what the box serves is there in the namespace it joins", "ports would change a network namespace that is not the box's own (line %d)", d.box.Network.Mode.Pos.Line)
		}
		d.overlaps(&p)
		d.box.Ports = append(d.box.Ports, p)
	}
}

// shortPort reads [ADDRESS:]HOST:BOX[/tcp|/udp].
func (d *decoder) shortPort(n *node, p *Port) bool {
	at := posOf(n)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && sexagesimal(n.Value) {
		d.fail(at, `write "`+n.Value+`" in quotes`, "port %s: without quotes older readers of YAML take it for a number", quoted(n.Value))
		return false
	}
	t, ok := splitPort(n.Value)
	if !ok {
		d.fail(at, t.fix(`write "8080:80", for example`), "port %s: it is HOST:BOX, the port on this machine and the one in the box", quoted(n.Value))
		return false
	}
	address, host, box, wrong, fix := t.parse()
	if wrong != "" {
		d.fail(at, t.fix(fix), "%s", wrong)
		return false
	}
	if t.addressed {
		p.Address = Field[string]{address, at}
	}
	if t.slash {
		p.Protocol = Field[string]{t.protocol, at}
	}
	p.Host, p.Box, p.Count = Field[int64]{host.first, at}, Field[int64]{box.first, at}, host.count
	return true
}

// longPort reads the map, and tells everything that is wrong in it.
func (d *decoder) longPort(n *node, p *Port) bool {
	ok := true
	if a := child(n, "address"); a != nil {
		p.Address = text(a, "")
		ok = d.address(&p.Address, "address", nil)
	}
	p.Protocol = text(child(n, "protocol"), "tcp")
	side := func(name, def string, least int64) (span, Pos) {
		f := text(child(n, name), def)
		ports, wrong := parsePorts(f.Value, least)
		if wrong != "" {
			fix := nearestPorts(f.Value)
			if _, bad := parsePorts(fix, least); bad != "" {
				fix = ""
			} else {
				fix = "write " + fix
			}
			d.fail(f.Pos, fix, "the %s port %s: %s", name, quoted(f.Value), wrong)
			ok = false
		}
		return ports, f.Pos
	}
	host, atHost := side("host", "0", 0)
	box, atBox := side("box", "", 1)
	if !ok {
		return false
	}
	if wrong := sameLength(host, box); wrong != "" {
		fix := "write an entry for each port, or a range of host ports"
		if near := sameLengthFix(host, box); near != "" {
			fix = "write box: " + near
		}
		d.fail(p.Pos, fix, "%s", wrong)
		return false
	}
	p.Host, p.Box, p.Count = Field[int64]{host.first, atHost}, Field[int64]{box.first, atBox}, host.count
	return true
}

// overlaps refuses a port of this machine that an earlier entry has already.
func (d *decoder) overlaps(p *Port) {
	for i := range d.box.Ports {
		o := &d.box.Ports[i]
		if o.Protocol.Value != p.Protocol.Value || o.Host.Value == 0 || p.Host.Value == 0 || !sameAddress(o.Address.Value, p.Address.Value) {
			continue
		}
		if first := max(o.Host.Value, p.Host.Value); first < min(o.Host.Value+o.Count, p.Host.Value+p.Count) {
			d.fail(p.Pos, "publish another port of this machine", "%s port %d of this machine is published on line %d already", p.Protocol.Value, first, o.Pos.Line)
			return
		}
	}
}

// sameAddress reports whether who listens at one address is in the way of the other.
func sameAddress(a, b string) bool {
	v6 := func(s string) bool { return strings.Contains(s, ":") }
	return a == b || v6(a) == v6(b) && (a == anyAddress4 || a == anyAddress6 || b == anyAddress4 || b == anyAddress6)
}

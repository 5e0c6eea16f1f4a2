package schema

import (
	"strings"

	"gopkg.in/yaml.v3"
)

const anyAddress4, anyAddress6 = "0.0.0.0", "::"

func (d *decoder) ports(n *node) {
	if n == nil {
		return
	}
	d.box.Ports = make([]Port, 0, len(n.Content))
	for _, c := range n.Content {
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
		d.overlaps(&p)
		d.box.Ports = append(d.box.Ports, p)
	}
}

// shortPort reads [ADDRESS:]HOST:BOX[/tcp|/udp].
func (d *decoder) shortPort(n *node, p *Port) bool {
	at, s := posOf(n), n.Value
	wrong := func(fix, format string, args ...any) bool {
		d.fail(at, fix, "port %q: "+format, append([]any{escape(short(n.Value))}, args...)...)
		return false
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && sexagesimal(s) {
		return wrong(`write "`+s+`" in quotes`, "without quotes older readers of YAML take it for a number")
	}
	s, protocol, has := strings.Cut(s, "/")
	if has {
		if protocol != "tcp" && protocol != "udp" {
			return wrong(protocolFix(protocol), "the protocol is tcp or udp, not %q", escape(short(protocol)))
		}
		p.Protocol = Field[string]{protocol, at}
	}
	box := strings.LastIndexByte(s, ':')
	if box < 0 {
		fix := `write "8080:80", for example`
		if _, _, bad := parsePorts(s, 1); bad == "" {
			fix = `write "` + s + ":" + s + `"`
		}
		return wrong(fix, "it is HOST:BOX, the port on this machine and the one in the box")
	}
	host := strings.LastIndexByte(s[:box], ':')
	if host >= 0 {
		address, bad, fix := parseAddress(s[:host], true)
		if bad != "" {
			return wrong(fix, "%s", bad)
		}
		p.Address = Field[string]{address, at}
	}
	return d.range2(p, Field[string]{s[host+1 : box], at}, Field[string]{s[box+1:], at})
}

func (d *decoder) longPort(n *node, p *Port) bool {
	if a := child(n, "address"); a != nil {
		address, bad, fix := parseAddress(a.Value, false)
		if bad != "" {
			d.fail(posOf(a), fix, "address %q: %s", escape(short(a.Value)), bad)
			return false
		}
		p.Address = Field[string]{address, posOf(a)}
	}
	p.Protocol = text(child(n, "protocol"), "tcp")
	return d.range2(p, text(child(n, "host"), "0"), text(child(n, "box"), ""))
}

// range2 reads the ports of both sides.
func (d *decoder) range2(p *Port, host, box Field[string]) bool {
	var counts [2]int64
	for i, side := range [...]struct {
		name  string
		from  Field[string]
		to    *Field[int64]
		least int64
	}{{"host", host, &p.Host, 0}, {"box", box, &p.Box, 1}} {
		first, count, wrong := parsePorts(side.from.Value, side.least)
		if wrong != "" {
			at := side.from.Pos
			if !at.IsSet() {
				at = p.Pos
			}
			d.fail(at, "", "the %s port %q: %s", side.name, escape(short(side.from.Value)), wrong)
			return false
		}
		*side.to, counts[i] = Field[int64]{first, side.from.Pos}, count
	}
	if counts[0] != counts[1] {
		d.fail(p.Pos, "", "%s is %d ports on this machine, and %s is %d in the box", escape(host.Value), counts[0], escape(box.Value), counts[1])
		return false
	}
	p.Count = counts[0]
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

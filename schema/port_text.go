package schema

import (
	"slices"
	"strings"
)

// portText is the short form of an entry of ports, in its parts as they are written.
type portText struct {
	address   string // an IPv6 one with its brackets
	host, box string
	protocol  string
	addressed bool // whether there is an address
	slash     bool // whether there is a protocol
}

// splitPort cuts [ADDRESS:]HOST:BOX[/PROTOCOL]. Where there is one port only it is
// not ok, and the port is in host.
func splitPort(s string) (t portText, ok bool) {
	s, t.protocol, t.slash = strings.Cut(s, "/")
	if end := strings.IndexByte(s, ']'); end > 0 && s[0] == '[' {
		t.address, t.addressed = s[:end+1], true
		t.host, t.box, ok = strings.Cut(strings.TrimPrefix(s[end+1:], ":"), ":")
		return t, ok && strings.HasPrefix(s[end+1:], ":")
	}
	box := strings.LastIndexByte(s, ':')
	if box < 0 {
		t.host = s
		return t, false
	}
	t.host, t.box = s[:box], s[box+1:]
	if i := strings.LastIndexByte(t.host, ':'); i >= 0 {
		t.address, t.host, t.addressed = t.host[:i], t.host[i+1:], true
	} else if strings.ContainsAny(t.host, ".*") || strings.EqualFold(t.host, "localhost") {
		t.address, t.host, t.box, t.addressed = t.host, t.box, "", true
		return t, false
	}
	return t, true
}

func (t portText) String() string {
	s := t.host + ":" + t.box
	if t.addressed {
		s = t.address + ":" + s
	}
	if t.slash {
		s += "/" + t.protocol
	}
	return s
}

// parse reads the parts. Of those that are wrong it tells the first.
func (t portText) parse() (address string, host, box span, wrong, fix string) {
	if t.slash && !slices.Contains(protocols[:], t.protocol) {
		return "", host, box, "the protocol is tcp or udp, not " + quoted(t.protocol), protocolFix(t.protocol)
	}
	if t.addressed {
		if address, wrong, fix = parseAddress(t.address, true); wrong != "" {
			return "", host, box, "address " + quoted(t.address) + ": " + wrong, fix
		}
	}
	if host, wrong = parsePorts(t.host, 0); wrong != "" {
		return "", host, box, "the host port " + quoted(t.host) + ": " + wrong, ""
	}
	if box, wrong = parsePorts(t.box, 1); wrong != "" {
		return "", host, box, "the box port " + quoted(t.box) + ": " + wrong, ""
	}
	return address, host, box, sameLength(host, box), ""
}

// nearest is the entry with each part in its nearest right spelling, or "" where
// one has none.
func (t portText) nearest() string {
	if t.slash {
		t.protocol = strings.TrimPrefix(protocolFix(t.protocol), "write /")
	}
	if t.addressed {
		if _, wrong, fix := parseAddress(t.address, true); wrong != "" {
			t.address = strings.TrimPrefix(fix, "write ")
		}
	}
	t.host, t.box = nearestPorts(t.host), nearestPorts(t.box)
	if t.box == "" {
		t.box = t.host
	}
	_, host, box, wrong, _ := t.parse()
	if wrong != "" && host.count > 0 && box.count > 0 {
		t.box = sameLengthFix(host, box)
		_, _, _, wrong, _ = t.parse()
	}
	if wrong != "" {
		return ""
	}
	return t.String()
}

// fix says to write what is nearest, or else something else.
func (t portText) fix(otherwise string) string {
	if near := t.nearest(); near != "" {
		return `write "` + near + `"`
	}
	return otherwise
}

// quoted is a value as messages show it.
func quoted(s string) string { return `"` + escape(short(s)) + `"` }

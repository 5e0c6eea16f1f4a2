package explain

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Port is what the plan says of a port, of this machine and of the box.
type Port struct {
	Number   uint16
	Protocol string // "tcp", "udp" or "" for both
	Address  string // of this machine, or ""
	// Leads are the ways from a port of this machine to one of the box that have Number at one of their ends.
	Leads  []Lead
	Shared bool // the box has this machine's network: its ports are this machine's
}

// Lead is a published port. Host is 0 where it is any that is free.
type Lead struct {
	Address   string
	Host, Box uint16
	Protocol  string
}

// askPort answers for a port: "5432", ":5432", "8080/udp", "127.0.0.1:5432", "[::1]:53/udp".
func (v *view) askPort(word string) (*Answer, error) {
	p := &Port{}
	number, protocol, _ := strings.Cut(word, "/")
	wrong := &UnknownError{Word: word, Kind: "port"}
	if number != word {
		if p.Protocol = protocol; protocol != "tcp" && protocol != "udp" {
			wrong.Has = "a protocol is tcp or udp"
			return nil, wrong
		}
	}
	if i := strings.LastIndexByte(number, ':'); i >= 0 {
		address := strings.TrimSuffix(strings.TrimPrefix(number[:i], "["), "]")
		if address != "" {
			if at, err := netip.ParseAddr(address); err == nil {
				address = at.String()
			} else {
				wrong.Has = "an address is one of IPv4, or of IPv6 in brackets, as in 127.0.0.1:80 and [::1]:80"
				return nil, wrong
			}
		}
		p.Address, number = address, number[i+1:]
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		wrong.Has = "a port is a number from 1 to 65535"
		return nil, wrong
	}
	p.Number = uint16(n)
	return v.port(p, word), nil
}

func (v *view) port(p *Port, word string) *Answer {
	a := &Answer{Asked: "port " + word, Port: p}
	var said []string
	for i, s := range v.plan.Steps {
		pub, ok := s.(*plan.Publish)
		if !ok || p.Protocol != "" && p.Protocol != pub.Protocol || p.Address != "" && !listens(pub.Address, p.Address) {
			continue
		}
		for k := range pub.Count {
			l := Lead{Address: pub.Address, Box: pub.Box + k, Protocol: pub.Protocol}
			if pub.Host != 0 {
				l.Host = pub.Host + k
			}
			if l.Host == p.Number || l.Box == p.Number && p.Address == "" {
				p.Leads, a.Steps = append(p.Leads, l), append(a.Steps, i)
				said = append(said, l.String()+openness(l.Address))
			}
		}
	}
	a.Steps = append(a.Steps, v.steps("outbound", "port_address")...)
	at, joined := v.joins["network"]
	switch {
	case joined:
		p.Shared = true
		a.Sentence = fmt.Sprintf("port %d is one of the network namespace that the box joins: whoever else is in it shares it", p.Number)
		a.Steps = append(a.Steps, at)
	case !v.isolated("network"):
		p.Shared = true
		a.Sentence = fmt.Sprintf("port %d of the box is this machine's own: the box shares its network, and may listen and connect as any program does", p.Number)
	case len(said) == 0:
		a.Sentence = plan.Literal(word) + ": no port of this machine leads there, and nobody outside of the box can connect to it"
		if p.Address != "" {
			a.Sentence = plan.Literal(word) + ": boxfile does not listen there, and it leads nowhere"
		}
		a.Steps = v.steps("outbound")
	default:
		a.Sentence = strings.Join(said, "; ")
	}
	if v.own >= 0 {
		a.Steps = append(a.Steps, v.own)
	}
	a.Steps = sorted(a.Steps)
	return a
}

func (l Lead) String() string {
	if l.Host == 0 {
		return fmt.Sprintf("a free port of this machine at %s leads to port %d of the box (%s)", l.Address, l.Box, l.Protocol)
	}
	return fmt.Sprintf("port %d of this machine at %s leads to port %d of the box (%s)", l.Host, l.Address, l.Box, l.Protocol)
}

// listens reports whether one who listens at an address is reached at another. Both are
// of one family: at :: boxfile listens for IPv6 alone.
func listens(at, asked string) bool {
	a, err := netip.ParseAddr(at)
	b, err2 := netip.ParseAddr(asked)
	return err == nil && err2 == nil && (a == b || a.IsUnspecified() && a.Is4() == b.Is4())
}

// openness is who can connect to an address.
func openness(address string) string {
	at, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return ""
	case at.IsLoopback():
		return ", for this machine alone"
	case at.IsUnspecified():
		return ", for every network that reaches this machine"
	}
	return ", for the network of that address"
}

package schema

import (
	"net/netip"
	"strconv"
	"strings"
)

const maxPort = 65535

// parsePorts reads PORT or FIRST-LAST.
func parsePorts(s string, least int64) (first, count int64, wrong string) {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	var n [2]int64
	for i, part := range [...]string{a, b} {
		v, err := strconv.ParseInt(part, 10, 64)
		switch {
		case part == "" && !two:
			return 0, 0, "a port is missing"
		case part == "" && a == "":
			return 0, 0, "a port is not negative"
		case part == "" || strings.Trim(part, "0123456789") != "":
			return 0, 0, "a port is a number, or a range such as 8000-8009"
		case len(part) > 1 && part[0] == '0':
			return 0, 0, "the leading zero could mean octal; write " + strings.TrimLeft(part[:len(part)-1], "0") + part[len(part)-1:]
		case err != nil || v > maxPort:
			return 0, 0, "ports go up to 65535"
		case v < least || two && v == 0:
			return 0, 0, "ports begin at 1"
		}
		n[i] = v
	}
	if n[1] < n[0] {
		return 0, 0, "the range runs backwards; write " + b + "-" + a
	}
	return n[0], n[1] - n[0] + 1, ""
}

// sexagesimal reports whether YAML 1.1 reads a plain scalar as a number to base 60.
func sexagesimal(s string) bool {
	first, rest, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(rest)
	return ok && err == nil && n < 60 && len(rest) <= 2 && first != "" && strings.Trim(first, "0123456789_") == ""
}

func protocolFix(s string) string {
	if near := nearest(strings.ToLower(s), []string{"tcp", "udp"}); near != "" {
		return "write /" + near
	}
	return ""
}

// parseAddress reads an address of this machine; bracketed, an IPv6 one stands in brackets.
func parseAddress(s string, bracketed bool) (canonical, wrong, fix string) {
	inner := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	brackets := len(s)-len(inner) == 2
	switch a, err := netip.ParseAddr(inner); {
	case s == "" || s == "*":
		return "", "an address is missing", "write 0.0.0.0 for all of IPv4, or leave the address out for this machine alone"
	case strings.EqualFold(s, "localhost"):
		return "", "names are not looked up", "write 127.0.0.1"
	case err != nil && strings.Trim(inner, "0123456789.xXabcdefABCDEF") == "" && strings.ContainsAny(inner, "0123456789"):
		return "", "an IPv4 address is four numbers from 0 to 255, without leading zeros", "write 127.0.0.1, for example"
	case err != nil:
		return "", "an address is IPv4 or IPv6, and names are not looked up", "write 127.0.0.1, for example"
	case bracketed && a.Is6() && !brackets:
		return "", "an IPv6 address stands in brackets", "write [" + inner + "]"
	case brackets && (a.Is4() || !bracketed):
		return "", "brackets are for IPv6 in the short form", "write " + inner
	case a.Zone() != "":
		return "", "zones are not possible", "write ::, or an address without one"
	case a.Is4In6():
		return "", "it is an IPv4 address in IPv6's clothes", "write " + a.Unmap().String()
	case a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "", "nobody listens at a multicast or broadcast address", ""
	default:
		return a.String(), "", ""
	}
}

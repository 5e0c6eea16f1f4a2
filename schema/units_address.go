package schema

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseAddress reads an address of IPv4 or IPv6; bracketed, one of IPv6 stands in brackets.
func parseAddress(s string, bracketed bool) (canonical, wrong, fix string) {
	inner := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	brackets := len(s)-len(inner) == 2
	switch a, err := netip.ParseAddr(inner); {
	case s == "" || s == "*":
		return "", "an address is missing", "write 0.0.0.0 for all of IPv4, or leave the address out for this machine alone"
	case strings.EqualFold(s, "localhost"):
		return "", "names are not looked up", "write 127.0.0.1"
	case err != nil && oddNumbers(inner) != "":
		return "", "an IPv4 address is four numbers from 0 to 255, without leading zeros", "write " + oddNumbers(inner)
	case err != nil && numeric(inner):
		return "", "an IPv4 address is four numbers from 0 to 255, without leading zeros", "write 127.0.0.1, for example"
	case err != nil:
		return "", "an address is IPv4 or IPv6, and names are not looked up", "write 127.0.0.1, for example"
	case bracketed && a.Is6() && !brackets:
		return "", "an IPv6 address stands in brackets", "write [" + inner + "]"
	case brackets && (a.Is4() || !bracketed):
		return "", "brackets are for IPv6 in the short form of ports", "write " + inner
	case a.Zone() != "":
		return "", "zones are not possible", "write an address without one"
	case a.Is4In6():
		return "", "it is an IPv4 address in IPv6's clothes", "write " + a.Unmap().String()
	case a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "", "a multicast or broadcast address is not that of one machine", ""
	case a.Is6() && a.IsLinkLocalUnicast():
		return "", "a link-local address means nothing without an interface, which a Boxfile cannot name", "write another address of that machine"
	default:
		return a.String(), "", ""
	}
}

// numeric reports whether a text was meant as numbers, decimal or hexadecimal, and not as a name.
func numeric(s string) bool {
	return strings.Trim(s, "0123456789.xXabcdefABCDEF") == "" && strings.ContainsAny(s, "0123456789")
}

// oddNumbers is the IPv4 address that inet_aton(3) reads in a text such as 127.1,
// 0x7f.0.0.1 or 2130706433, or "". Numbers that would be octal are read only
// where they are the same in decimal.
func oddNumbers(s string) string {
	const bytes, bits = 4, 8
	parts := strings.Split(s, ".")
	if len(parts) > bytes {
		return ""
	}
	var sum uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 32)
		if decimal, bad := strconv.ParseUint(part, 10, 32); err != nil || bad == nil && decimal != n || strings.Contains(part, "_") {
			return ""
		}
		room := bits // the last number fills what is left
		if i == len(parts)-1 {
			room = bits * (bytes - i)
		}
		if n>>room != 0 {
			return ""
		}
		sum = sum<<room | n
	}
	return netip.AddrFrom4([bytes]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}).String()
}

package schema

import (
	"fmt"
	"strconv"
	"strings"
)

const maxPort = 65535

// span is ports in a row.
type span struct{ first, count int64 }

func (s span) String() string {
	if s.count <= 1 {
		return strconv.FormatInt(s.first, 10)
	}
	return fmt.Sprintf("%d-%d", s.first, s.first+s.count-1)
}

// parsePorts reads PORT or FIRST-LAST.
func parsePorts(s string, least int64) (ports span, wrong string) {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	var n [2]int64
	for i, part := range [...]string{a, b} {
		v, err := strconv.ParseInt(part, 10, 64)
		switch {
		case part == "" && !two:
			return span{}, "a port is missing"
		case part == "" && a == "":
			return span{}, "a port is not negative"
		case part == "" || strings.Trim(part, "0123456789") != "":
			return span{}, "a port is a number, or a range such as 8000-8009"
		case len(part) > 1 && part[0] == '0':
			return span{}, "the leading zero could mean octal"
		case err != nil || v > maxPort:
			return span{}, "ports go up to 65535"
		case v < least || two && v == 0:
			return span{}, "ports begin at 1"
		}
		n[i] = v
	}
	if n[1] < n[0] {
		return span{}, "the range runs backwards"
	}
	return span{n[0], n[1] - n[0] + 1}, ""
}

// nearestPorts is s without spaces, signs and leading zeros, and with its range
// the right way round; what else is wrong with it stays.
func nearestPorts(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, " ", ""), "–", "-"), "+", "")
	a, b, two := strings.Cut(s, "-")
	a, b = withoutZeros(a), withoutZeros(b)
	if !two {
		return a
	}
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil && y < x {
		a, b = b, a
	}
	return a + "-" + b
}

func withoutZeros(s string) string {
	if len(s) < 2 {
		return s
	}
	return strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:]
}

// sameLength says what is wrong with the two sides of an entry together, or "".
func sameLength(host, box span) string {
	switch {
	case host.first == 0 && box.count > 1:
		return fmt.Sprintf("host 0 is one port, any that is free, and %s is %d in the box", box, box.count)
	case host.count != box.count:
		return fmt.Sprintf("the ranges differ in length: %s is %d on this machine, and %s is %d in the box", host, host.count, box, box.count)
	}
	return ""
}

// sameLengthFix is the nearest box ports of the host's length.
func sameLengthFix(host, box span) string {
	if box.count = host.count; host.first == 0 || box.first+box.count-1 > maxPort {
		return ""
	}
	return box.String()
}

// sexagesimal reports whether YAML 1.1 reads a plain scalar as a number to base 60.
func sexagesimal(s string) bool {
	first, rest, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(rest)
	return ok && err == nil && n < 60 && len(rest) <= 2 && first != "" && strings.Trim(first, "0123456789_") == ""
}

// portNumberFix is what an entry of ports that is a number was meant to be. A tool
// that reads YAML as 1.1 had it writes 9022:22 as 541342.
func portNumberFix(s string) string {
	const base = 60
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err == nil && n > 0 && n <= maxPort:
		return fmt.Sprintf("write \"%d:%d\" in quotes: the port on this machine and the one in the box", n, n)
	case err == nil && n > maxPort && n/base <= maxPort && n%base > 0:
		return fmt.Sprintf("write \"%d:%d\" in quotes, if another tool has read that as a number to base 60", n/base, n%base)
	}
	return `write "8080:80" in quotes: the port on this machine and the one in the box`
}

// protocols are those that a port can have.
var protocols = [...]string{"tcp", "udp"}

func protocolFix(s string) string {
	if near := Nearest(strings.ToLower(strings.TrimSpace(s)), protocols[:]); near != "" {
		return "write /" + near
	}
	return ""
}

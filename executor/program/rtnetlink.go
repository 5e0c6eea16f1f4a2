//go:build linux

package program

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Messages of rtnetlink(7), as the members of their structures. The first member
// is the message's length.

const (
	loopbackIndex = 1 // lo is the first interface of every network namespace
	rulePriority  = 1000
)

var (
	messageTypes = &Names{Enum: true, Values: []Value{{unix.RTM_NEWADDR, "RTM_NEWADDR"}, {unix.RTM_NEWRULE, "RTM_NEWRULE"}, {unix.RTM_NEWROUTE, "RTM_NEWROUTE"}, {0x13, "XFRM_MSG_NEWPOLICY"}}}
	messageFlags = &Names{Values: []Value{{unix.NLM_F_REQUEST, "NLM_F_REQUEST"}, {unix.NLM_F_EXCL, "NLM_F_EXCL"}, {unix.NLM_F_CREATE, "NLM_F_CREATE"}}}
	routeTypes   = &Names{Enum: true, Values: []Value{{unix.RTN_LOCAL, "RTN_LOCAL"}, {unix.FR_ACT_TO_TBL, "FR_ACT_TO_TBL"}}}
	addressFlags = &Names{Values: []Value{{unix.IFA_F_NODAD, "IFA_F_NODAD"}}}
)

func message(typ uint64) []Field {
	return []Field{{Name: "nlmsg_len", Size: 4}, {Name: "nlmsg_type", Size: 2, Num: typ, Names: messageTypes},
		{Name: "nlmsg_flags", Size: 2, Num: unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_EXCL, Names: messageFlags}, {Size: 4}, {Size: 4}}
}

// attribute is a struct rtattr with its data.
func attribute(name string, typ uint64, data Field) []Field {
	data.Name = name
	return []Field{{Size: 2, Num: uint64(unix.SizeofRtAttr + data.Size)}, {Size: 2, Num: typ}, data}
}

func attributeIP(name string, typ uint64, a netip.Addr) []Field {
	b := a.AsSlice()
	return attribute(name, typ, Field{Size: len(b), Text: string(b), Names: addressText})
}

// newAddress gives lo an address. IPv6 does not look for duplicates of it.
func newAddress(a netip.Addr) []Field {
	flags := uint64(0)
	if a.Is6() {
		flags = unix.IFA_F_NODAD
	}
	f := append(message(unix.RTM_NEWADDR), Field{Name: "ifa_family", Size: 1, Num: familyOf(a), Names: families}, Field{Name: "ifa_prefixlen", Size: 1, Num: uint64(a.BitLen())},
		Field{Name: "ifa_flags", Size: 1, Num: flags, Names: addressFlags}, Field{Name: "ifa_scope", Size: 1}, Field{Name: "ifa_index", Size: 4, Num: loopbackIndex})
	return append(append(f, attributeIP("IFA_LOCAL", unix.IFA_LOCAL, a)...), attributeIP("IFA_ADDRESS", unix.IFA_ADDRESS, a)...)
}

// newRule has what is sent from an address use the table of ports.
func newRule(a netip.Addr) []Field {
	f := append(message(unix.RTM_NEWRULE), Field{Name: "family", Size: 1, Num: familyOf(a), Names: families}, Field{Size: 1}, Field{Name: "src_len", Size: 1, Num: uint64(a.BitLen())},
		Field{Size: 1}, Field{Name: "table", Size: 1, Num: portTable}, Field{Size: 1}, Field{Size: 1}, Field{Name: "action", Size: 1, Num: unix.FR_ACT_TO_TBL, Names: routeTypes}, Field{Size: 4})
	return append(append(f, attributeIP("FRA_SRC", unix.FRA_SRC, a)...), attribute("FRA_PRIORITY", unix.FRA_PRIORITY, Field{Size: 4, Num: rulePriority})...)
}

// withinBox is the congestion control of TCP between sockets of the box and of
// boxfile, tcp(7): lo has no congestion, and what controls it by a rate, as bbr does,
// holds up both ends.
const withinBox = "reno"

// algorithms are names of congestion control that are as long as a number, which is what strace(1) shows.
var algorithms = &Names{Enum: true, Values: []Value{{withinBoxNum, withinBox}}}

const withinBoxNum = 'r' | 'e'<<8 | 'n'<<16 | 'o'<<24

// metric is an attribute of a route for its connections: a text within RTA_METRICS, rtnetlink(7).
func metric(name string, typ uint64, value string) []Field {
	size := unix.SizeofRtAttr + len(value)
	padded := (size + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1)
	return []Field{{Size: 2, Num: uint64(unix.SizeofRtAttr + padded)}, {Size: 2, Num: unix.RTA_METRICS},
		{Size: 2, Num: uint64(size)}, {Size: 2, Num: typ}, {Name: name, Size: padded - unix.SizeofRtAttr, Text: value}}
}

// newRoute makes a network's addresses the box's own, in one table.
func newRoute(p netip.Prefix, table uint64) []Field {
	f := append(message(unix.RTM_NEWROUTE), Field{Name: "rtm_family", Size: 1, Num: familyOf(p.Addr()), Names: families}, Field{Name: "rtm_dst_len", Size: 1, Num: uint64(p.Bits())},
		Field{Size: 1}, Field{Size: 1}, Field{Name: "rtm_table", Size: 1, Num: table}, Field{Name: "rtm_protocol", Size: 1, Num: unix.RTPROT_BOOT},
		Field{Name: "rtm_scope", Size: 1, Num: unix.RT_SCOPE_HOST}, Field{Name: "rtm_type", Size: 1, Num: unix.RTN_LOCAL, Names: routeTypes}, Field{Size: 4})
	if p.Bits() > 0 {
		f = append(f, attributeIP("RTA_DST", unix.RTA_DST, p.Addr())...)
	}
	f = append(f, metric("RTAX_CC_ALGO", unix.RTAX_CC_ALGO, withinBox+"\x00")...)
	return append(f, attribute("RTA_OIF", unix.RTA_OIF, Field{Size: 4, Num: loopbackIndex})...)
}

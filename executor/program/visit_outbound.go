//go:build linux

package program

import (
	"errors"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// The box's end of the way out, as the helpers have it from their beginnings: the
// box, its router and who answers for name servers.
const (
	outboundBox    = "10.0.2.100"
	outboundRouter = "10.0.2.2"
	outboundDNS    = "10.0.2.3"
)

// Outbound has a helper attached to the child's network namespace while that waits
// at the sync point. It is told the child's pid: newer versions of pasta close
// descriptors that they inherit.
func (l *lowering) Outbound(s *plan.Outbound) error {
	o := &l.facts.Outbound
	const message = "cannot connect the box to other networks"
	switch {
	case o.Pasta == "" && o.Slirp == "":
		return l.refuse("neither pasta nor slirp4netns is installed", "apt install passt", message)
	case errors.Is(o.Tun, unix.ENOENT):
		return l.refuse("/dev/net/tun does not exist", "modprobe tun; a container has to be given the device", message)
	case o.Tun != nil:
		return l.refuse("/dev/net/tun cannot be opened: "+o.Tun.Error(), "chmod 0666 /dev/net/tun, as udev has it: that lets nobody into a network that is not his", message)
	case s.DNS != "" && s.DNS != outboundDNS:
		return l.refuse("", "", "the plan's name server %q is not possible", s.DNS)
	}
	h := Helper{Path: o.Slirp, Args: slirpArgs}
	if o.Pasta != "" {
		h = Helper{Path: o.Pasta, Args: l.pastaArgs(), Pasta: true}
	}
	l.host(HostOp{Kind: Attach, Helper: h})
	l.attached, l.attachedStep = true, l.step
	return nil
}

// slirpArgs: 3 is where it says that it is ready, 4 where it learns that boxfile is gone.
var slirpArgs = []string{"--configure", "--mtu=65520", "--disable-host-loopback", "--enable-seccomp", "--ready-fd=3", "--exit-fd=4", PID, "tap0"}

// pastaArgs: it says its pid once it is ready, and stays in the foreground, so that it dies with boxfile.
func (l *lowering) pastaArgs() []string {
	var args []string
	if l.facts.UID == 0 { // it becomes nobody otherwise, who may not enter the box's namespaces
		args = []string{"--runas", "0"}
	}
	return append(args, "-f", "-q", "-4", "--config-net", "-I", "tap0", "-a", outboundBox, "-n", "24", "-g", outboundRouter, "-m", "65520",
		"--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--dns-forward", outboundDNS, "-P", "/proc/self/fd/1", PID)
}

// BlockLoopback adds a policy of xfrm (ip-xfrm(8)). What lo carries is not asked for policies.
func (l *lowering) BlockLoopback(*plan.BlockLoopback) error {
	const newPolicy, out, block = 0x13, 1, 1 // XFRM_MSG_NEWPOLICY, XFRM_POLICY_OUT, XFRM_POLICY_BLOCK of linux/xfrm.h
	never := uint64(1<<64 - 1)
	link := l.netlink(unix.NETLINK_XFRM)
	f := message(newPolicy)
	f[2].Num = unix.NLM_F_REQUEST
	l.tell(link, append(f,
		Field{Name: "sel.daddr", Size: 16, Text: "\x7f"}, Field{Size: 16}, Field{Size: 8},
		Field{Name: "sel.family", Size: 2, Num: unix.AF_INET, Names: families}, Field{Name: "sel.prefixlen_d", Size: 1, Num: 8}, Field{Size: 1}, Field{Size: 4}, Field{Size: 4}, Field{Size: 4},
		Field{Name: "lft.soft_byte_limit", Size: 8, Num: never}, Field{Size: 8, Num: never}, Field{Size: 8, Num: never}, Field{Size: 8, Num: never},
		Field{Size: 32}, Field{Size: 32}, Field{Size: 8},
		Field{Name: "dir", Size: 1, Num: out}, Field{Name: "action", Size: 1, Num: block}, Field{Size: 1}, Field{Size: 1}, Field{Size: 4}))
	return nil
}

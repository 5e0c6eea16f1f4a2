package compiler

import (
	"fmt"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Addresses that published ports need in the box, of networks that no router
// forwards: link-local ones of IPv4 (RFC 3927) and a unique local one of IPv6 (RFC
// 4193). The box's second is where its services are reached, the first is this
// machine; clients of UDP are told apart by the network.
const (
	boxAddress4, hostAddress4 = "169.254.1.2", "169.254.1.1"
	boxAddress6, hostAddress6 = "fd00:b0f1::2", "fd00:b0f1::1"
	clientNetwork             = "169.254.64.0/18"
)

// ports adds the ports of this machine that lead into the box, and what they need there.
func (c *compilation) ports() {
	if len(c.box.Ports) == 0 {
		return
	}
	inside := &plan.PortAddress{Box: []string{boxAddress4}, Host: []string{hostAddress4}}
	for i := range c.box.Ports {
		p := &c.box.Ports[i]
		c.add(&plan.Publish{Address: p.Address.Value, Host: uint16(p.Host.Value), Box: uint16(p.Box.Value), Count: uint16(p.Count), Protocol: p.Protocol.Value}, p.Pos, fmt.Sprintf("ports[%d]", i))
		switch v6 := strings.Contains(p.Address.Value, ":"); {
		case p.Protocol.Value == "udp":
			inside.UDP = clientNetwork
		case v6 && len(inside.Box) == 1:
			inside.Box, inside.Host = append(inside.Box, boxAddress6), append(inside.Host, hostAddress6)
		}
	}
	c.add(inside, c.box.Ports[0].Pos, "ports")
}

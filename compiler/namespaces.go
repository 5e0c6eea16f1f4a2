package compiler

import (
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// namespaces adds what every box begins with, and the namespaces of its own.
func (c *compilation) namespaces() {
	ns := &c.box.Namespaces
	c.add(&plan.CloseFDs{}, schema.Pos{}, "")
	c.add(&plan.Session{}, schema.Pos{}, "")
	// one step for all: it comes from the first line of the file that says anything about it
	var at schema.Pos
	key := "namespaces"
	words := []string{}
	for _, n := range []struct {
		word, key string
		field     schema.Field[string]
	}{
		{"user", "namespaces.user", ns.User}, {"mount", "", schema.Field[string]{Value: "new"}}, {"pid", "namespaces.pid", ns.Pid},
		{"network", "network", schema.Field[string]{Value: newUnlessHost(c.box.Network.Mode.Value), Pos: c.box.Network.Mode.Pos}},
		{"ipc", "namespaces.ipc", ns.Ipc}, {"uts", "namespaces.uts", ns.Uts}, {"cgroup", "namespaces.cgroup", ns.Cgroup},
	} {
		if n.field.IsSet() && (!at.IsSet() || n.field.Pos.Line < at.Line) {
			at, key = n.field.Pos, n.key
		}
		if n.field.Value == "new" {
			words = append(words, n.word)
		}
	}
	c.add(&plan.Unshare{Namespaces: words}, at, key)
	c.add(&plan.Propagation{Mode: "private"}, schema.Pos{}, "")
	if ns.Uts.Value == "new" {
		c.add(&plan.Hostname{Name: c.box.Hostname.Value}, c.box.Hostname.Pos, "hostname")
	} else if c.box.Hostname.IsSet() {
		c.refuse(c.box.Hostname.Pos, "namespaces.uts: new", "hostname would rename the host: namespaces.uts is host")
	}
}

func newUnlessHost(network string) string {
	if network == "host" {
		return "host"
	}
	return "new"
}

package compiler

import (
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// namespaces adds what every box begins with, the namespaces that it joins, and those of its own.
func (c *compilation) namespaces() {
	ns := &c.box.Namespaces
	c.add(&plan.CloseFDs{}, schema.Pos{}, "")
	c.add(&plan.Session{}, schema.Pos{}, "")
	// one step for all new ones: it comes from the first line of the file that says anything about it
	var at schema.Pos
	key := "namespaces"
	words := []string{}
	network := schema.Namespace{Pos: c.box.Network.Mode.Pos, Mode: newUnless(c.box.Network.Mode.Value), Join: c.box.Network.Join}
	clocks := schema.Namespace{Pos: ns.Time.Pos, Mode: ns.Time.Mode, Join: ns.Time.Join}
	for _, n := range [...]struct {
		word, key string
		from      *schema.Namespace
	}{
		{"user", "namespaces.user", &ns.User}, {"mount", "", &schema.Namespace{Mode: "new"}}, {"pid", "namespaces.pid", &ns.Pid}, {"network", "network", &network},
		{"ipc", "namespaces.ipc", &ns.Ipc}, {"uts", "namespaces.uts", &ns.Uts}, {"cgroup", "namespaces.cgroup", &ns.Cgroup}, {"time", "namespaces.time", &clocks},
	} {
		if n.from.Mode == "join" {
			c.add(&plan.Join{Namespace: n.word, Path: n.from.Join.Value}, n.from.Join.Pos, n.key)
			continue
		}
		if n.from.Pos.IsSet() && (!at.IsSet() || n.from.Pos.Line < at.Line) {
			at, key = n.from.Pos, n.key
		}
		if n.from.Mode == "new" {
			words = append(words, n.word)
		}
	}
	c.add(&plan.Unshare{Namespaces: words}, at, key)
	c.clocks()
	c.add(&plan.Propagation{Mode: "private"}, schema.Pos{}, "")
	switch {
	case ns.Uts.Mode == "new":
		c.add(&plan.Hostname{Name: c.box.Hostname.Value}, c.box.Hostname.Pos, "hostname")
	case c.box.Hostname.IsSet() && ns.Uts.Mode == "host":
		c.refuse(c.box.Hostname.Pos, "namespaces.uts: new", "hostname would rename the host: namespaces.uts is host")
	case c.box.Hostname.IsSet():
		c.refuse(c.box.Hostname.Pos, "namespaces.uts: new", "hostname would rename whatever else is in the namespace that namespaces.uts joins")
	}
	c.sharedPid()
}

func newUnless(network string) string {
	if network == "host" || network == "join" {
		return network
	}
	return "new"
}

// clocks sets those of a new time namespace. They are written through /proc, by a
// process that whoever is in a joined user namespace must not be able to trace.
func (c *compilation) clocks() {
	t := &c.box.Namespaces.Time
	if t.Mode != "new" {
		return
	}
	if c.box.Namespaces.User.Mode == "join" {
		c.refuse(t.Pos, "join the time namespace as well", "boottime and monotonic cannot be set in a user namespace that is joined")
	}
	c.add(&plan.Clocks{Boottime: t.Boottime.Value, Monotonic: t.Monotonic.Value}, t.Pos, "namespaces.time")
}

// sharedPid refuses what a box that shares its pid namespace cannot have: such a box
// ends through its cgroup, and somebody of boxfile's own has to be in it to see to that.
func (c *compilation) sharedPid() {
	b := c.box
	pid := &b.Namespaces.Pid
	if pid.Mode == "new" {
		return
	}
	if !b.Init.Value {
		c.refuse(b.Init.Pos, "init: true", "init: false leaves nobody to end the box when boxfile is gone: namespaces.pid is not new")
	}
	user := b.Namespaces.User.Mode
	if b.Proc.Value == "new" && user != "host" && (user == "new" || pid.Mode == "host") {
		c.refuse(firstSet(b.Proc.Pos, pid.Pos), "proc: host-ro, or proc: none", "no /proc of the box's own can be made: its pid namespace belongs to another user namespace")
	}
	if b.Resources.Enforce.Value == "best-effort" {
		c.refuse(b.Resources.Enforce.Pos, "enforce: strict", "best-effort could leave the box without the cgroup that it ends through: namespaces.pid is not new")
	}
}

package schema

import "gopkg.in/yaml.v3"

func (d *decoder) namespaces(n *node) {
	ns := &d.box.Namespaces
	for _, f := range []struct {
		key string
		to  *Namespace
	}{{"pid", &ns.Pid}, {"ipc", &ns.Ipc}, {"uts", &ns.Uts}, {"user", &ns.User}, {"cgroup", &ns.Cgroup}} {
		*f.to = d.namespace(child(n, f.key), "new")
	}
	d.clocks(child(n, "time"))
}

func (d *decoder) namespace(n *node, def string) Namespace {
	switch {
	case n == nil:
		return Namespace{Mode: def}
	case n.Kind == yaml.ScalarNode:
		return Namespace{Pos: posOf(n), Mode: n.Value}
	}
	s := Namespace{Pos: posOf(n), Mode: "join", Join: text(child(n, "join"), "")}
	d.hostPath(s.Join)
	return s
}

// clocks decodes a time namespace.
func (d *decoder) clocks(n *node) {
	c := &d.box.Namespaces.Time
	if n == nil || n.Kind == yaml.ScalarNode || child(n, "join") != nil {
		s := d.namespace(n, "host")
		c.Pos, c.Mode, c.Join = s.Pos, s.Mode, s.Join
	} else {
		c.Pos, c.Mode = posOf(n), "new"
	}
	for _, o := range []struct {
		key string
		to  *Field[int64]
	}{{"boottime", &c.Boottime}, {"monotonic", &c.Monotonic}} {
		v := child(n, o.key)
		if v == nil {
			continue
		}
		if c.Mode == "join" {
			d.fail(keyPos(n, o.key), "remove one of the two", "a time namespace that is joined has its clocks already")
			continue
		}
		*o.to, _ = d.duration(v, o.key)
	}
	if c.Mode == "new" && !c.Boottime.IsSet() && !c.Monotonic.IsSet() {
		d.fail(c.Pos, "boottime: 240h, for example", "time says nothing: join, boottime and monotonic are all missing")
	}
}

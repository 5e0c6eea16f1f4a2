package compiler

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// mounts adds /proc, /sys and /dev, and then the file's own mounts in its order.
func (c *compilation) mounts() {
	c.kernelMounts()
	c.add(&plan.Dev{Nodes: []string{"null", "zero", "full", "random", "urandom", "tty"}, ShmSize: 64 << 20}, schema.Pos{}, "devices")
	for i, d := range c.box.Devices {
		c.add(&plan.Device{Path: d.Value}, d.Pos, fmt.Sprintf("devices[%d]", i))
	}
	for i := range c.box.Mounts {
		m := &c.box.Mounts[i]
		key := fmt.Sprintf("mounts[%d]", i)
		if c.allowed(m) {
			c.hides(m)
		}
		c.mount(m, key)
	}
}

var quiet = []string{"nodev", "noexec", "nosuid"}

func (c *compilation) kernelMounts() {
	proc, sys := c.box.Proc, c.box.Sys
	switch proc.Value {
	case "new":
		c.add(&plan.Mount{Type: "proc", Target: "/proc", Options: quiet}, proc.Pos, "proc")
	case "host-ro":
		c.add(&plan.Mount{Type: "bind", Source: "/proc", Target: "/proc", ReadOnly: true, Options: quiet}, proc.Pos, "proc")
	}
	if sys.Value == "ro" {
		m := &plan.Mount{Type: "sysfs", Target: "/sys", ReadOnly: true, Options: quiet}
		if newUnless(c.box.Network.Mode.Value) != "new" { // a new one shows, and needs, a network namespace of the box's own
			m.Type, m.Source = "bind", "/sys"
		}
		c.add(m, sys.Pos, "sys")
	}
}

// guarded are the trees that boxfile itself builds, and the mounts that may go into them.
var guarded = [...]struct{ tree, why string }{
	{"/proc", "proc: new, host-ro or none decides what is there"},
	{"/sys", "sys: ro or none decides what is there"},
	{"/dev", "boxfile builds it; devices adds to it"},
}

// exceptions are the mounts that may go into the guarded trees after all.
var exceptions = [...]struct{ typ, target string }{{"tmpfs", "/dev/shm"}, {"mqueue", "/dev/mqueue"}, {"proc", "/proc"}, {"sysfs", "/sys"}}

// allowed refuses targets that would cover what protects the box
// (CVE-2019-16884), and a second way to what proc and sys decide.
func (c *compilation) allowed(m *schema.Mount) bool {
	t, typ := m.Target.Value, m.Type.Value
	switch {
	case t == "/":
		c.refuse(m.Target.Pos, "rootfs says what is at /", "a mount cannot cover /")
		return false
	case typ == "proc" && t != "/proc" || typ == "sysfs" && t != "/sys":
		c.refuse(m.Target.Pos, "", "a mount of type %s has to be at %s, where its dangerous parts are masked", typ, map[string]string{"proc": "/proc", "sysfs": "/sys"}[typ])
		return false
	case typ == "proc" && c.box.Proc.Value != "none", typ == "sysfs" && c.box.Sys.Value != "none":
		key := map[string]string{"proc": "proc", "sysfs": "sys"}[typ]
		c.refuse(m.Target.Pos, "remove this entry, or set "+key+": none", "%s is already decided by the key %s", t, key)
		return false
	case typ == "sysfs" && m.Mode.Value == "rw":
		c.refuse(m.Mode.Pos, "mode: ro", "a writable /sys lets the box change the host")
		return false
	}
	for _, e := range exceptions {
		if typ == e.typ && t == e.target {
			return true
		}
	}
	for _, g := range guarded {
		if t == g.tree || strings.HasPrefix(t, g.tree+"/") {
			c.refuse(m.Target.Pos, g.why, "nothing can be mounted at %s", t)
			return false
		}
	}
	return true
}

// hides refuses a target that an earlier mount has, and one above an earlier mount's.
func (c *compilation) hides(m *schema.Mount) {
	t := m.Target.Value
	if at, ok := c.targets[t]; ok {
		c.refuse(m.Target.Pos, "", "%s is already taken by line %d", t, at.Line)
		return
	}
	if below, ok := c.above[t]; ok && m.Type.Value != "dir" {
		c.refuse(m.Target.Pos, "write this entry before line "+fmt.Sprint(c.targets[below].Line), "%s would hide %s of line %d", t, below, c.targets[below].Line)
	}
	c.targets[t] = m.Target.Pos
	for p := path.Dir(t); p != "/"; p = path.Dir(p) {
		if _, ok := c.above[p]; ok {
			break // and so are those above it
		}
		c.above[p] = t
	}
}

// mount adds the steps of one entry.
func (c *compilation) mount(m *schema.Mount, key string) {
	at := m.Pos
	readOnly := m.Mode.Value == "ro"
	switch m.Type.Value {
	case "file":
		c.add(&plan.File{Target: m.Target.Value, Content: m.Content.Value, Perms: octal(m.Perms.Value), ReadOnly: readOnly}, at, key)
		return
	case "symlink":
		c.add(&plan.Symlink{Target: m.Target.Value, Link: m.Source.Value}, at, key)
		return
	case "dir":
		c.add(&plan.Dir{Target: m.Target.Value, Perms: octal(m.Perms.Value)}, at, key)
		return
	}
	s := &plan.Mount{Type: m.Type.Value, Target: m.Target.Value, ReadOnly: readOnly, Options: options(m), Optional: m.Optional.Value}
	switch m.Type.Value {
	case "bind":
		s.Source = m.Source.Value
		if m.Create.Value != "" {
			c.add(&plan.CreateSource{Path: m.Source.Value, Type: m.Create.Value}, m.Create.Pos, key+".create")
		}
	case "tmpfs":
		s.Size, s.Perms = m.Size.Value, octal(m.Perms.Value)
	case "overlay":
		for _, l := range m.Lower {
			s.Lower = append(s.Lower, l.Value)
		}
		s.Write, s.Keep = m.Write.Mode, m.Write.Keep.Value
		c.keep(m.Write, key+".write.keep")
	}
	c.add(s, at, key)
}

// options is the file's options with those that every mount has: nosuid and
// nodev always, and noexec for file systems that hold no programs.
func options(m *schema.Mount) []string {
	out := []string{"nodev", "nosuid"}
	switch m.Type.Value {
	case "proc", "sysfs", "mqueue":
		out = append(out, "noexec")
	case "devpts":
		out = []string{"noexec", "nosuid"}
	}
	for _, o := range m.Options {
		out = append(out, o.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func octal(perms uint32) string { return fmt.Sprintf("%04o", perms) }

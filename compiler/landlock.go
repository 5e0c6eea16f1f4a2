package compiler

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// landlockABI is the version that keeps signals and abstract sockets inside, Linux 6.12.
const landlockABI = 6

// landlock adds a wall of the mounts that the plan already has. Landlock lets a tree
// be written as a whole, so what is read-only inside of one that is not cannot be held.
func (c *compilation) landlock() {
	l := c.box.Security.Landlock
	if l.Value == "false" {
		return
	}
	if w := c.box.Rootfs.Write; w.Mode != "none" {
		c.refuse(l.Pos, "leave one of the two out", "landlock cannot hold anything where the whole root is writable (rootfs.write)")
		return
	}
	s := &plan.Landlock{ABI: landlockABI, BestEffort: l.Value == "best-effort", Write: []plan.LandlockPath{}, Devices: []string{}}
	locked := slices.Clone(c.box.Security.Readonly)
	for _, p := range c.buckets[plan.Row((*plan.Mount)(nil))] {
		target, writable := "", false
		switch m := p.step.(type) {
		case *plan.Mount:
			target, writable = m.Target, writableMount(m)
			if writable {
				s.Write = append(s.Write, plan.LandlockPath{Path: m.Target, Optional: m.Optional})
			}
		case *plan.File:
			target, writable = m.Target, !m.ReadOnly
			if writable {
				s.Write = append(s.Write, plan.LandlockPath{Path: m.Target})
			}
		case *plan.Dev:
			for _, n := range m.Nodes {
				s.Devices = append(s.Devices, "/dev/"+n)
			}
			s.Write = append(s.Write, plan.LandlockPath{Path: "/dev/pts"}, plan.LandlockPath{Path: "/dev/shm"})
		case *plan.Device:
			s.Devices = append(s.Devices, m.Path)
		}
		if target != "" && !writable {
			locked = append(locked, schema.Field[string]{Value: target, Pos: schema.Pos{Line: p.at.Line, Col: p.at.Col}})
		}
	}
	if !s.BestEffort {
		c.lockedInside(s, locked)
	}
	slices.SortFunc(s.Write, func(a, b plan.LandlockPath) int { return strings.Compare(a.Path, b.Path) })
	s.Write = slices.CompactFunc(s.Write, func(a, b plan.LandlockPath) bool { return a.Path == b.Path })
	slices.Sort(s.Devices)
	c.add(s, l.Pos, "security.landlock")
}

// writableMount is whether a mount can be written. /proc is not to Landlock, because
// parts of it have to stay read-only.
func writableMount(m *plan.Mount) bool {
	return !m.ReadOnly && m.Type != "proc" && m.Type != "sysfs" && (m.Type != "overlay" || m.Write != "none")
}

// lockedInside refuses what is read-only inside of what is not.
func (c *compilation) lockedInside(s *plan.Landlock, locked []schema.Field[string]) {
	for _, l := range locked {
		w := slices.IndexFunc(s.Write, func(w plan.LandlockPath) bool { return strings.HasPrefix(l.Value, w.Path+"/") })
		if w >= 0 {
			c.refuse(l.Pos, "leave landlock out, or write best-effort: the mount alone keeps it read-only then", "landlock cannot keep %s read-only inside %s, which is writable", l.Value, s.Write[w].Path)
		}
	}
}

package compiler

import (
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// identity says who the box's user is inside and outside.
func (c *compilation) identity() {
	b := c.box
	if b.Namespaces.User.Mode == "join" {
		c.joinedUser()
		return
	}
	if b.Namespaces.User.Mode == "host" {
		if b.IDMap.Pos.IsSet() {
			c.refuse(b.IDMap.Pos, "remove idmap, or namespaces.user", "idmap maps ids of a user namespace, and namespaces.user is host")
		}
		c.ownGroups()
		c.add(&plan.User{UID: b.User.UID, GID: b.User.GID}, b.User.Pos, "user")
		return
	}
	if b.IDMap.Mode == "caller" {
		c.add(&plan.IDMap{UID: b.User.UID, GID: b.User.GID}, b.User.Pos, "user")
		if len(b.Groups) > 0 {
			c.refuse(b.Groups[0].Pos, "idmap: subuid", "groups cannot be set: under idmap: caller the kernel keeps the caller's groups")
		}
		c.add(&plan.Groups{GIDs: []uint32{}, Kept: true}, b.IDMap.Pos, "idmap")
		return
	}
	step := &plan.IDMapRanges{Mode: b.IDMap.Mode, UIDs: c.ranges(b.IDMap.UIDs, "idmap.uids"), GIDs: c.ranges(b.IDMap.GIDs, "idmap.gids")}
	c.add(step, b.IDMap.Pos, "idmap")
	if b.IDMap.Mode == "ranges" {
		c.mapped(step.UIDs, b.User.UID, b.User.Pos, "user")
		c.mapped(step.GIDs, b.User.GID, b.User.Pos, "group")
		for _, g := range b.Groups {
			c.mapped(step.GIDs, uint32(g.Value), g.Pos, "group")
		}
	}
	c.ownGroups()
	c.add(&plan.User{UID: b.User.UID, GID: b.User.GID}, b.User.Pos, "user")
}

// joinedUser: the namespace has its ids already, and whether groups may be set there
// is decided too.
func (c *compilation) joinedUser() {
	b := c.box
	if b.IDMap.Pos.IsSet() {
		c.refuse(b.IDMap.Pos, "remove idmap", "idmap maps ids of a new user namespace, and namespaces.user joins one")
	}
	if len(b.Groups) > 0 {
		c.ownGroups()
	} else {
		c.add(&plan.Groups{GIDs: []uint32{}, Kept: true}, b.Namespaces.User.Pos, "namespaces.user")
	}
	c.add(&plan.User{UID: b.User.UID, GID: b.User.GID}, b.User.Pos, "user")
}

func (c *compilation) ownGroups() {
	gids := make([]uint32, len(c.box.Groups))
	var at schema.Pos
	for i, g := range c.box.Groups {
		gids[i] = uint32(g.Value)
		at = c.box.Groups[0].Pos
	}
	c.add(&plan.Groups{GIDs: gids}, at, "groups")
}

// ranges converts lines of an id map and refuses those that overlap on either
// side, as user_namespaces(7) demands.
func (c *compilation) ranges(in []schema.IDRange, key string) []plan.IDRange {
	var out []plan.IDRange
	for i, r := range in {
		for _, o := range in[:i] {
			if overlap(r.Box.Value, o.Box.Value, r.Size.Value, o.Size.Value) || overlap(r.Host.Value, o.Host.Value, r.Size.Value, o.Size.Value) {
				c.refuse(r.Pos, "", "%s overlaps the range at line %d", key, o.Pos.Line)
			}
		}
		out = append(out, plan.IDRange{Box: uint32(r.Box.Value), Host: uint32(r.Host.Value), Size: uint32(r.Size.Value)})
	}
	return out
}

func overlap(a, b, sizeA, sizeB int64) bool { return a < b+sizeB && b < a+sizeA }

func (c *compilation) mapped(ranges []plan.IDRange, id uint32, at schema.Pos, what string) {
	if !slices.ContainsFunc(ranges, func(r plan.IDRange) bool { return id >= r.Box && id-r.Box < r.Size }) {
		c.refuse(firstSet(at, c.box.IDMap.Pos), "", "%s %d of the box is in no range of idmap", what, id)
	}
}

func firstSet(list ...schema.Pos) schema.Pos {
	for _, p := range list {
		if p.IsSet() {
			return p
		}
	}
	return schema.Pos{}
}

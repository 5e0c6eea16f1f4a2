package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// defaultPids is how many processes a box may have whose pid namespace is not its own.
const defaultPids = 2048

// resources adds the box's cgroup and its limits, always in the same order.
func (c *compilation) resources() {
	r, pid := &c.box.Resources, &c.box.Namespaces.Pid
	shared := pid.Mode != "new"
	if !r.Pos.IsSet() && !shared {
		return
	}
	c.add(&plan.Cgroup{BestEffort: r.Enforce.Value == "best-effort", Ends: shared}, firstSet(r.Pos, pid.Pos), "resources")
	for _, l := range [...]struct {
		name  string
		field schema.Field[uint64]
	}{{"memory", r.Memory}, {"memory_high", r.MemoryHigh}, {"swap", r.Swap}, {"cpus", r.CPUs}, {"cpu_weight", r.CPUWeight}, {"pids", r.Pids}} {
		switch {
		case l.field.IsSet():
			c.add(&plan.Limit{Resource: l.name, Value: bound(l.field.Value)}, l.field.Pos, "resources."+l.name)
		case l.name == "swap" && r.Memory.IsSet() && !writesSwap(r):
			// the limit on memory would only move the rest of it to the disk
			c.add(&plan.Limit{Resource: l.name, Value: bound(0), Optional: true}, schema.Pos{}, "resources."+l.name)
		case l.name == "pids" && shared: // its controller is what the box ends through on v1
			c.add(&plan.Limit{Resource: l.name, Value: bound(defaultPids)}, schema.Pos{}, "resources."+l.name)
		}
	}
	if r.CPUSet.IsSet() {
		c.add(&plan.CPUSet{CPUs: r.CPUSet.Value}, r.CPUSet.Pos, "resources.cpuset")
	}
	for i, e := range r.IO {
		c.add(&plan.IO{Device: e.Device.Value, ReadBPS: said(e.ReadBPS), WriteBPS: said(e.WriteBPS), ReadIOPS: said(e.ReadIOPS), WriteIOPS: said(e.WriteIOPS), Weight: said(e.Weight)},
			e.Device.Pos, fmt.Sprintf("resources.io[%d]", i))
	}
	if r.OOM.Value == "box" {
		c.add(&plan.OOM{Kill: "box"}, r.OOM.Pos, "resources.oom")
	}
	for _, f := range sorted(r.Unified, func(f schema.CgroupFile) string { return f.File.Value }) {
		c.add(&plan.CgroupFile{File: f.File.Value, Value: f.Value.Value}, f.Value.Pos, "resources.unified."+f.File.Value)
	}
}

// writesSwap reports whether the file decides about swap through the cgroup's own files.
func writesSwap(r *schema.Resources) bool {
	return slices.ContainsFunc(r.Unified, func(f schema.CgroupFile) bool { return strings.HasPrefix(f.File.Value, "memory.swap.") })
}

// said is a bound that the file has, or nil.
func said(f schema.Field[uint64]) *uint64 {
	if !f.IsSet() {
		return nil
	}
	return &f.Value
}

// timeout adds the time after which the box ends, and how it ends when boxfile is asked to end it.
func (c *compilation) timeout() {
	b := c.box
	c.add(&plan.Stop{Signal: b.Stop.Signal.Value, Grace: b.Stop.Grace.Value}, b.Stop.Pos, "stop")
	if b.Timeout.IsSet() {
		c.add(&plan.Timeout{After: b.Timeout.Value, Signal: b.Stop.Signal.Value, Grace: b.Stop.Grace.Value}, b.Timeout.Pos, "timeout")
	}
}

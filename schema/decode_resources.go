package schema

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// minMemory is the least memory limit, in bytes, under which a box can start.
const minMemory = 1 << 20

// pageSize is what the kernel rounds limits of memory to.
const pageSize = 4096

// resources decodes the limits. raw is the document as it is written: a limit
// that was refused already is still one that the file has.
func (d *decoder) resources(raw, n *node) {
	r := &d.box.Resources
	r.OOM, r.Enforce = text(child(n, "oom"), "process"), text(child(n, "enforce"), "strict")
	if n == nil {
		return
	}
	r.Pos = keyPos(raw, "resources")
	raw = child(raw, "resources")
	if limitsNothing(raw) {
		d.fail(r.Pos, "memory: 512M, for example", "resources limits nothing")
	}
	d.memory(r, n)
	if c := child(n, "cpus"); c != nil {
		r.CPUs = d.cpus(c)
	}
	r.CPUWeight = d.count(child(n, "cpu_weight"), "cpu_weight")
	if c := child(n, "cpuset"); c != nil {
		list, wrong, fix := parseCPUSet(c.Value)
		if wrong != "" {
			d.fail(posOf(c), fix, "cpuset %q: %s", escape(short(c.Value)), wrong)
		}
		r.CPUSet = Field[string]{list, posOf(c)}
	}
	r.Pids = d.count(child(n, "pids"), "pids")
	if r.Pids.IsSet() && r.Pids.Value < 2 && d.box.Init.Value {
		d.fail(r.Pids.Pos, "write 2, or init: false", "pids is %d: boxfile's own process 1 counts, and the least is 2", r.Pids.Value)
	}
	d.io(r, child(n, "io"))
	d.unified(r, n, child(n, "unified"))
	if r.OOM.Value == "box" && child(raw, "memory") == nil {
		d.fail(r.OOM.Pos, "memory: 512M, for example", "oom: box says who ends at the memory limit, and resources has no memory")
	}
}

// limitsNothing reports whether resources has no limit among its keys.
func limitsNothing(n *node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key, value := n.Content[i].Value, n.Content[i+1]; {
		case key == "oom" || key == "enforce" || strings.HasPrefix(key, "x-"):
		case key == "swap" && value.Value == "unlimited":
		case key == "unified" && value.Kind == yaml.MappingNode && len(value.Content) == 0:
		default:
			return false
		}
	}
	return true
}

func (d *decoder) memory(r *Resources, n *node) {
	r.Memory = d.pages(child(n, "memory"), "memory")
	if m := &r.Memory; m.Value > 0 && m.Value < minMemory {
		d.fail(m.Pos, "write 1M", "memory is %d bytes: a box cannot start in less than 1M", m.Value)
	}
	r.MemoryHigh = d.pages(child(n, "memory_high"), "memory_high")
	if r.Memory.Value > 0 && r.MemoryHigh.Value > r.Memory.Value {
		d.fail(r.MemoryHigh.Pos, "", "memory_high is above memory, which ends the box before it is reached")
	}
	switch s := child(n, "swap"); {
	case s == nil:
	case s.Value == "unlimited":
		r.Swap = Field[uint64]{Unlimited, posOf(s)}
	case s.Value == "0":
		r.Swap = Field[uint64]{0, posOf(s)}
	default:
		r.Swap = d.pages(s, "swap")
	}
}

// pages reads a size that the kernel counts in pages. It would round others, and
// the plan is what the kernel is asked.
func (d *decoder) pages(n *node, name string) Field[uint64] {
	f := d.size(n, name)
	if over := f.Value % pageSize; over != 0 {
		d.fail(f.Pos, "write "+strconv.FormatUint(f.Value-over+pageSize, 10)+" (a multiple of 4096)", "%s is not a whole number of pages", name)
		f.Value -= over
	}
	return f
}

// size reads a size that is not zero. What cannot be read is 0.
func (d *decoder) size(n *node, name string) Field[uint64] {
	if n == nil {
		return Field[uint64]{}
	}
	size, wrong, fix := parseSize(n.Value)
	if wrong == "" && size == 0 {
		wrong, fix = "it cannot be 0", "leave it out for no limit"
	}
	if wrong != "" {
		d.fail(posOf(n), fix, "%s %q: %s", name, escape(short(n.Value)), wrong)
	}
	return Field[uint64]{uint64(size), posOf(n)}
}

// count reads a number whose bounds the schema has.
func (d *decoder) count(n *node, name string) Field[uint64] {
	if n == nil {
		return Field[uint64]{}
	}
	f := d.integer(n, name)
	return Field[uint64]{uint64(f.Value), f.Pos}
}

func (d *decoder) cpus(n *node) Field[uint64] {
	us, wrong, fix := parseCPUs(n.Value)
	if wrong != "" {
		d.fail(posOf(n), fix, "cpus is %s: %s", escape(short(n.Value)), wrong)
	}
	return Field[uint64]{us, posOf(n)}
}

func (d *decoder) io(r *Resources, n *node) {
	if n == nil {
		return
	}
	lines := make(map[string]int, len(n.Content))
	for _, c := range n.Content {
		e := IO{
			Pos: posOf(c), Device: text(child(c, "device"), ""),
			ReadBPS: d.size(child(c, "read_bps"), "read_bps"), WriteBPS: d.size(child(c, "write_bps"), "write_bps"),
			ReadIOPS: d.count(child(c, "read_iops"), "read_iops"), WriteIOPS: d.count(child(c, "write_iops"), "write_iops"),
			Weight: d.count(child(c, "weight"), "weight"),
		}
		d.hostPath(e.Device)
		device := e.Device.Value
		if len(device) > 1 {
			device = strings.TrimSuffix(device, "/")
		}
		if line, ok := lines[device]; ok {
			d.fail(e.Device.Pos, "write one entry", "%s already has an entry on line %d", escape(short(device)), line)
		} else {
			lines[device] = e.Device.Pos.Line
		}
		if !e.ReadBPS.IsSet() && !e.WriteBPS.IsSet() && !e.ReadIOPS.IsSet() && !e.WriteIOPS.IsSet() && !e.Weight.IsSet() {
			d.fail(e.Pos, "write_bps: 10M, for example", "the entry limits nothing")
		}
		r.IO = append(r.IO, e)
	}
}

// timeout decodes how long the box may run, and how it ends then or when boxfile is asked to end it.
func (d *decoder) timeout(raw, n, stop *node) {
	s := &d.box.Stop
	s.Signal, s.Grace = text(child(stop, "signal"), "TERM"), Field[int64]{Value: 10_000_000_000}
	if n != nil {
		after, ok := d.duration(n, "timeout")
		if d.box.Timeout = after; ok && after.Value == 0 {
			d.fail(posOf(n), "leave it out for no timeout", "timeout is 0: nothing could run")
		}
	}
	if stop == nil {
		return
	}
	s.Pos = keyPos(raw, "stop")
	if g := child(stop, "grace"); g != nil {
		s.Grace, _ = d.duration(g, "grace")
	}
	if s.Signal.IsSet() && signalNumber(s.Signal.Value) == 0 {
		d.fail(s.Signal.Pos, signalFix(s.Signal.Value), "there is no signal %q", escape(short(s.Signal.Value)))
	}
}

func (d *decoder) duration(n *node, name string) (f Field[int64], ok bool) {
	ns, wrong, fix := parseDuration(n.Value)
	if wrong != "" {
		d.fail(posOf(n), fix, "%s %q: %s", name, escape(short(n.Value)), wrong)
	}
	return Field[int64]{ns, posOf(n)}, wrong == ""
}

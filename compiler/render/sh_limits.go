package render

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// What a script does for the limits of the box as a whole.

func (s *script) Cgroup(c *plan.Cgroup) error {
	enforce := "strict"
	if c.BestEffort {
		enforce = "best-effort"
	}
	if !fileName(s.name) {
		s.refuse("a script cannot name a cgroup %s", literal(s.name))
	}
	if c.Ends {
		s.refuse("a script cannot end a box that shares its pid namespace: run boxfile up")
	}
	s.need("cgroup")
	return s.line(&s.host, "boxfile_enforce="+enforce+" boxfile_id="+s.q(s.name)+"-$$")
}

func fileName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return !plan.Bare(r) || r == '/' }) < 0
}

// need notes a controller for boxfile_make_v2. "cgroup" is none: it stands for what every cgroup has.
func (s *script) need(controller string) {
	s.limited = true
	if controller != "cgroup" && !slices.Contains(s.needs, controller) {
		s.needs = append(s.needs, controller)
	}
}

// limit is the call that writes one file of v1 or of v2; a file "-" does not exist there.
func (s *script) limit(step plan.Step, controller, v1, value1, v2, value2 string) string {
	s.need(controller)
	return strings.Join([]string{"boxfile_limit", s.q(Words(step)), s.q(controller), v1, value1, v2, value2}, " ")
}

func (s *script) Limit(l *plan.Limit) error {
	if l.Value == nil {
		return s.line(&s.host, ": # that is how a cgroup begins")
	}
	n := *l.Value
	value := number(n)
	do := ""
	switch l.Resource {
	case "memory":
		s.memory = l.Value
		do = s.limit(l, "memory", "memory.limit_in_bytes", value, "memory.max", value)
	case "memory_high":
		do = s.limit(l, "memory", "-", "-", "memory.high", value)
	case "swap":
		file, both := "-", "-"
		if s.memory != nil && n <= math.MaxUint64-*s.memory { // v1 limits memory and swap together
			file, both = "memory.memsw.limit_in_bytes", number(*s.memory+n)
		}
		do = s.limit(l, "memory", file, both, "memory.swap.max", value)
		if l.Optional {
			do = "! boxfile_swaps || " + do
		}
	case "cpus":
		do = s.limit(l, "cpu", "cpu.cfs_quota_us", value, "cpu.max", "'"+value+" 100000'")
	case "cpu_weight":
		do = s.limit(l, "cpu", "cpu.shares", number(max(2, n*1024/100)), "cpu.weight", value)
	case "pids":
		do = s.limit(l, "pids", "pids.max", value, "pids.max", value)
	default:
		s.refuse("a script has no limit %s", literal(l.Resource))
	}
	return s.line(&s.host, do)
}

func (s *script) CPUSet(c *plan.CPUSet) error {
	return s.line(&s.host, s.limit(c, "cpuset", "cpuset.cpus", s.q(c.CPUs), "cpuset.cpus", s.q(c.CPUs)))
}

func (s *script) IO(o *plan.IO) error {
	lines := []string{"if boxfile_disk " + s.source(o.Device) + "; then"}
	add := func(only *plan.IO, v1 string, n *uint64, v2, key string) {
		if n == nil {
			return
		}
		only.Device = o.Device // what is told is this bound, not all of the entry
		value := `"$boxfile_disk ` + number(*n) + `"`
		lines = append(lines, "\t"+s.limit(only, "io", v1, value, v2, `"$boxfile_disk `+key+number(*n)+`"`))
	}
	add(&plan.IO{ReadBPS: o.ReadBPS}, "blkio.throttle.read_bps_device", o.ReadBPS, "io.max", "rbps=")
	add(&plan.IO{WriteBPS: o.WriteBPS}, "blkio.throttle.write_bps_device", o.WriteBPS, "io.max", "wbps=")
	add(&plan.IO{ReadIOPS: o.ReadIOPS}, "blkio.throttle.read_iops_device", o.ReadIOPS, "io.max", "riops=")
	add(&plan.IO{WriteIOPS: o.WriteIOPS}, "blkio.throttle.write_iops_device", o.WriteIOPS, "io.max", "wiops=")
	weight := "blkio.bfq.weight_device"
	if o.Weight != nil && *o.Weight > 1000 { // which is the most of v1
		weight = "-"
	}
	add(&plan.IO{Weight: o.Weight}, weight, o.Weight, "io.weight", "")
	return s.line(&s.host, append(lines, "else", "\tboxfile_unmet "+s.q(Words(o)), "fi")...)
}

func (s *script) OOM(o *plan.OOM) error {
	if o.Kill != "box" {
		s.refuse("a script cannot have the memory limit end %s", literal(o.Kill))
	}
	return s.line(&s.host, s.limit(o, "memory", "-", "-", "memory.oom.group", "1"))
}

func (s *script) CgroupFile(f *plan.CgroupFile) error {
	controller, _, _ := strings.Cut(f.File, ".")
	if !fileName(f.File) || controller == "" {
		s.refuse("a script cannot write the file %s of a cgroup", literal(f.File))
	}
	return s.line(&s.host, s.limit(f, controller, "-", "-", s.q(f.File), s.q(f.Value)))
}

// Timeout is timeout(1) above the command, inside the box: process 1 ends with
// it, and everything else with process 1.
func (s *script) Timeout(t *plan.Timeout) error {
	if !s.init {
		s.refuse("a script cannot end a command that is process 1 of the box")
	}
	if t.After <= 0 || t.Grace < 0 || !fileName(t.Signal) {
		s.refuse("a script cannot do the timeout of this plan")
	}
	killed := t.After
	kill := ""
	if t.Signal != "KILL" {
		killed += t.Grace
		kill = " --kill-after=" + seconds(max(t.Grace, 1e6)) // 0 would be never
	}
	s.timeout = "--foreground --signal=" + s.q(t.Signal) + kill + " " + seconds(t.After)
	s.killed = fmt.Sprint(killed / 1e6)
	return nil
}

// Stop is nothing that a script does, as its head says.
func (s *script) Stop(*plan.Stop) error { return nil }

// seconds is how timeout(1) reads a duration.
func seconds(ns int64) string { return plan.Decimal(uint64(ns), 9) }

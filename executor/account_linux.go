package executor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/internal/cgroup"
	"golang.org/x/sys/unix"
)

// account makes a status of how the box ended, of what its cgroups have counted
// and of the limits that it has met.
func (r *run) account(e *ending) Status {
	s := Status{Code: e.status.ExitStatus(), Reason: ReasonExit}
	if e.status.Signaled() {
		s.Code, s.Signal, s.Reason = signalBase+int(e.status.Signal()), int(e.status.Signal()), ReasonSignal
	}
	s.Usage = Usage{Wall: time.Since(r.since), User: time.Duration(e.usage.Utime.Nano()), System: time.Duration(e.usage.Stime.Nano()), MaxRSS: uint64(e.usage.Maxrss) << 10}
	for i := range r.prog.Host {
		if g := r.cgroups[i]; g != nil {
			for _, c := range r.prog.Host[i].Cgroup.Controllers {
				s.Usage.count(g, r.prog.Host[i].Cgroup.Version, c)
			}
		}
	}
	r.reached(&s)
	switch {
	case r.ending.timedOut:
		s.Code, s.Reason = CodeTimeout, ReasonTimeout
		s.Reached = append(s.Reached, Reached{Step: r.limit.Step, Count: 1})
	case r.ending.late:
		s.Reached = append(s.Reached, Reached{Step: r.asked.Step, Count: 1})
	}
	return s
}

// counters are where v1 and v2 keep what is reported of each controller. v1
// counts events where the process is, v2 where the limit is.
var counters = [...]struct {
	what   string
	v1, v2 counterAt
}{
	{"peak", counterAt{"memory.max_usage_in_bytes", ""}, counterAt{"memory.peak", ""}},
	{"oom", counterAt{cgroup.Leaf + "/memory.oom_control", "oom_kill"}, counterAt{"memory.events", "oom_kill"}},
	{"throttled", counterAt{"cpu.stat", "throttled_time"}, counterAt{"cpu.stat", "throttled_usec"}},
	{"refused", counterAt{cgroup.Leaf + "/pids.events", "max"}, counterAt{"pids.events", "max"}},
}

// counterAt is a file, and how the line with the number begins.
type counterAt struct{ file, key string }

// count reads what one controller has counted.
func (u *Usage) count(g *cgroup.Group, version int, controller string) {
	get := func(name string) *uint64 {
		var at counterAt
		for i := range counters {
			if c := &counters[i]; c.what == name {
				at = [...]counterAt{1: c.v1, 2: c.v2}[version]
			}
		}
		n := counter(g, at.file, at.key)
		if n != nil && *n == 0 && version == 1 && strings.HasPrefix(at.file, cgroup.Leaf) { // the box may have made cgroups below
			for _, dir := range g.Below() {
				if more := counter(g, dir+strings.TrimPrefix(at.file, cgroup.Leaf), at.key); more != nil {
					*n += *more
				}
			}
		}
		return n
	}
	unit := [...]time.Duration{1: time.Nanosecond, 2: time.Microsecond}[version]
	switch controller {
	case "memory":
		u.PeakMemory, u.OOMKills = get("peak"), get("oom")
	case "cpu":
		if n := get("throttled"); n != nil {
			t := time.Duration(*n) * unit
			u.Throttled = &t
		}
	case "pids":
		u.PidsRefused = get("refused")
	case "io":
		u.ReadBytes, u.WriteBytes = transferred(g, version)
	}
}

// reached finds the limits that the box has met, and the one that ended it.
func (r *run) reached(s *Status) {
	if n := s.Usage.OOMKills; n != nil && *n > 0 {
		at := Reached{Step: r.stepOf("memory", "memory.max"), Count: *n}
		if !r.full() { // the kernel chose a process of the box's for want of memory elsewhere
			at.Step = -1
		}
		s.Reached = append(s.Reached, at)
		if s.Code != 0 {
			s.Reason = ReasonOOM
		}
	}
	if n := s.Usage.PidsRefused; n != nil && *n > 0 {
		s.Reached = append(s.Reached, Reached{Step: r.stepOf("pids", "pids.max"), Count: *n})
		if s.Code != 0 && s.Reason != ReasonOOM {
			s.Reason = ReasonPids
		}
	}
}

// full says whether the box's own memory limit was met. v2 counts that; on v1 the
// count stays at nothing where swap has the same limit, but the peak tells.
func (r *run) full() bool {
	for i, g := range r.cgroups {
		c := r.prog.Host[i].Cgroup
		if !slices.Contains(c.Controllers, "memory") {
			continue
		}
		if c.Version == 2 {
			n := counter(g, "memory.events", "oom")
			return n != nil && *n > 0
		}
		peak, limit := counter(g, "memory.max_usage_in_bytes", ""), counter(g, "memory.limit_in_bytes", "")
		return peak != nil && limit != nil && *peak >= *limit-*limit/16
	}
	return false
}

// stepOf finds the step that set a limit, by its resource or by its file on v2.
func (r *run) stepOf(resource, file string) int {
	for i, s := range r.prog.Plan.Steps {
		switch s := s.(type) { // the two kinds that set limits by name
		case *plan.Limit:
			if s.Resource == resource {
				return i
			}
		case *plan.CgroupFile:
			if s.File == file {
				return i
			}
		}
	}
	return -1
}

// SignalName is the signal that ended the command as a Boxfile writes it, without
// SIG, or "" for none.
func (s *Status) SignalName() string {
	if s.Signal == 0 {
		return ""
	}
	if name, ok := strings.CutPrefix(unix.SignalName(unix.Signal(s.Signal)), "SIG"); ok {
		return name
	}
	return fmt.Sprint(s.Signal) // a real-time signal
}

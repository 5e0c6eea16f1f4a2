package render

import (
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The words of the steps that limit the box as a whole.

func (v *words) Cgroup(s *plan.Cgroup) error {
	if s.BestEffort {
		return v.say("make a cgroup for the box; what cannot be enforced is told and left out")
	}
	_ = v.say("make a cgroup for the box; what cannot be enforced stops the run")
	if s.Ends {
		v.last(";")
		return v.say("all that is in it ends with the command, and with boxfile")
	}
	return nil
}

func (v *words) Limit(s *plan.Limit) error {
	if s.Resource == "memory_high" && s.Value != nil {
		v.words = append(v.words, strings.Fields("memory is reclaimed above "+plan.Bytes(*s.Value))...)
		return nil
	}
	v.words = append(v.words, strings.Fields(s.String())...)
	if s.Resource == "cpus" && s.Value != nil {
		v.say("(%s ms in each 100 ms)", plan.Decimal(*s.Value, 3))
	}
	if s.Optional {
		v.say("(where the host has %s)", literal(s.Resource))
	}
	return nil
}

func (v *words) CPUSet(s *plan.CPUSet) error { return v.say("CPU %s only", literal(s.CPUs)) }

func (v *words) IO(s *plan.IO) error {
	if strings.HasPrefix(s.Device, "/dev/") {
		v.say("io of %s:", literal(s.Device))
	} else {
		v.say("io of the disk below %s:", literal(s.Device))
	}
	var list []string
	for _, b := range [...]struct {
		before string
		n      *uint64
		write  func(uint64) string
		after  string
	}{{"read ", s.ReadBPS, plan.Bytes, "/s"}, {"write ", s.WriteBPS, plan.Bytes, "/s"}, {"read ", s.ReadIOPS, number, " operations/s"}, {"write ", s.WriteIOPS, number, " operations/s"}, {"weight ", s.Weight, number, ""}} {
		if b.n != nil {
			list = append(list, b.before+b.write(*b.n)+b.after)
		}
	}
	v.words = append(v.words, strings.Fields(strings.Join(list, ", "))...)
	return nil
}

func (v *words) OOM(s *plan.OOM) error {
	if s.Kill == "box" {
		return v.say("the memory limit ends the whole box")
	}
	return v.say("the memory limit ends %s", literal(s.Kill))
}

func (v *words) CgroupFile(s *plan.CgroupFile) error {
	return v.say("%s = %s (cgroup v2)", literal(s.File), literal(s.Value))
}

func (v *words) Stop(s *plan.Stop) error {
	return v.say("pass on TERM as %s, INT as INT; %s later KILL all of the box", literal(s.Signal), plan.Duration(s.Grace))
}

func (v *words) Timeout(s *plan.Timeout) error {
	v.say("end the box after %s: %s", plan.Duration(s.After), literal(s.Signal))
	if s.Signal == "KILL" {
		return nil
	}
	v.last(",")
	return v.say("after %s KILL", plan.Duration(s.Grace))
}

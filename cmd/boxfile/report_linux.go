package main

import (
	"time"

	"github.com/boxfile/boxfile/executor"
)

// went puts into the report how the command ended and what the box has used.
func (r *report) went(s *executor.Status) {
	if r == nil {
		return
	}
	why := string(s.Reason)
	r.Reason = &why
	if name := s.SignalName(); name != "" {
		r.Signal = &name
	}
	for i := range s.Reached {
		l := &s.Reached[i]
		r.Reached = append(r.Reached, reportLimit{Step: r.step(l.Step), Count: &l.Count})
	}
	if n := len(s.Reached); n > 0 && s.Reason != executor.ReasonExit && s.Reason != executor.ReasonSignal {
		r.Step = r.step(ending(s).Step)
		message := wordReached(r.compiled.source.name, r.compiled.plan, *ending(s))
		r.Message = &message
	}
	u := &s.Usage
	r.Usage = &reportUsage{
		Wall: u.Wall.Seconds(), User: u.User.Seconds(), System: u.System.Seconds(), MaxRSS: u.MaxRSS, PeakMemory: u.PeakMemory,
		Throttled: seconds(u.Throttled), ReadBytes: u.ReadBytes, WriteBytes: u.WriteBytes, OOMKills: u.OOMKills, PidsRefused: u.PidsRefused,
	}
}

// published notes a port of the host.
func (r *report) published(p *executor.Published) {
	if r != nil {
		r.Ports = append(r.Ports, reportPort{r.step(p.Step), p.Protocol, p.Address, p.Host, p.Box})
	}
}

// ending is the limit that ended the command: the timeout comes last, memory first.
func ending(s *executor.Status) *executor.Reached {
	if s.Reason == executor.ReasonTimeout || s.Reason == executor.ReasonPids {
		return &s.Reached[len(s.Reached)-1]
	}
	return &s.Reached[0]
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := d.Seconds()
	return &s
}

//go:build linux

package program

import (
	"runtime"
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// Rehearse makes of a plan a program that does all that the plan's own would do,
// up to the command: it looks for that and ends. It makes no source and keeps nothing:
// what a missing source would be mounted as is an empty directory or file, and what
// would be kept is written to memory. The error is a *Refusal, the plan's own.
func Rehearse(p *plan.Plan, f host.Facts) (*Program, error) {
	q := &plan.Plan{Name: p.Name, File: p.File, Positions: p.Positions, Steps: slices.Clone(p.Steps)}
	missing := map[string]string{}
	for i, s := range q.Steps {
		switch s := s.(type) { // the kinds that make something, or mount what was made
		case *plan.CreateSource:
			if f.Paths[s.Path].Type == host.Missing && f.Paths[s.Path].Err == nil {
				missing[s.Path] = s.Type
			}
		case *plan.Rootfs:
			c := *s
			c.Write, c.Keep = forgotten(s.Write, s.Keep)
			q.Steps[i] = &c
		case *plan.System:
			c := *s
			c.Write, c.Keep = forgotten(s.Write, s.Keep)
			q.Steps[i] = &c
		case *plan.Mount:
			q.Steps[i] = standIn(s, missing[s.Source])
		}
	}
	prog, err := Lower(q, f)
	if err != nil {
		return nil, err
	}
	prog.Rehearsal = true
	prog.Plan = p // messages are about what will be done
	for i := range prog.Host {
		switch h := &prog.Host[i]; h.Kind {
		case MakeDir, MakeFile, KeepDir, Relay:
			h.Rehearsed = true
		default: // what the run itself takes back
		}
	}
	prog.endBeforeCommand()
	return prog, nil
}

// forgotten keeps in memory what would be kept in a directory.
func forgotten(write, keep string) (newWrite, newKeep string) {
	if write == "keep" {
		return "discard", ""
	}
	return write, keep
}

// standIn is what is mounted instead of a source that would be created.
func standIn(s *plan.Mount, created string) plan.Step {
	switch {
	case s.Type == "bind" && created == "dir":
		return &plan.Mount{Type: "tmpfs", Target: s.Target, Options: s.Options, Perms: "0755"}
	case s.Type == "bind" && created == "file":
		return &plan.File{Target: s.Target, Perms: "0644", ReadOnly: true}
	}
	c := *s
	c.Write, c.Keep = forgotten(s.Write, s.Keep)
	return &c
}

// endBeforeCommand asks for every attempt to execute only whether it would be
// permitted. After the first that is, the list ends, and with it the process. A
// filter of system calls, which need not let anything be asked, comes last, or
// where it cannot, nothing is asked.
func (p *Program) endBeforeCommand() {
	attempts := slices.IndexFunc(p.Command, func(o Op) bool { return o.Call == callExecve })
	if attempts < 0 {
		return
	}
	if p.deaf() {
		p.Command = p.Command[:attempts]
		return
	}
	end := len(p.Command)
	if attempts > 0 && p.Command[attempts-1].Call == callSeccomp {
		filter := p.Command[attempts-1]
		p.Command = append(slices.Delete(slices.Clone(p.Command), attempts-1, attempts), filter)
		attempts, end = attempts-1, end-1
		p.Command[end-1].Try = false // the search ends there, and not with the list
	}
	for i := attempts; i < end; i++ {
		o := &p.Command[i]
		o.Call, o.Args, o.Then = callFaccessat, []Arg{cwd(), o.Args[0], named(unix.X_OK, accessModes)}, end-1-i
	}
}

// deaf reports whether a filter that the plan has in force early, because
// no_new_privs is not set, refuses the question.
func (p *Program) deaf() bool {
	early, refuses := true, false
	for _, s := range p.Plan.Steps {
		switch s := s.(type) { // the two kinds that it depends on
		case *plan.NoNewPrivs:
			early = false
		case *plan.Seccomp:
			refuses = s.Digest == "" && !s.Allows(callFaccessat.Name, runtime.GOARCH)
		}
	}
	return early && refuses
}

// Executes reports whether the op executes the command, or asks whether it could.
func (o *Op) Executes() bool {
	return o.Call.Name == callExecve.Name || o.Call.Name == callFaccessat.Name
}

//go:build linux

package program

import (
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
	prog.Plan = p // messages are about what will be done
	for i := range prog.Host {
		switch h := &prog.Host[i]; h.Kind {
		case MakeDir, MakeFile, KeepDir:
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
// permitted. After the first that is, the list ends, and with it the process.
func (p *Program) endBeforeCommand() {
	for i := range p.Command {
		o := &p.Command[i]
		if o.Call != callExecve {
			continue
		}
		o.Call, o.Args = callFaccessat, []Arg{cwd(), o.Args[0], named(unix.X_OK, accessModes)}
		o.Then = len(p.Command) - 1 - i
	}
}

// Executes reports whether the op executes the command, or asks whether it could.
func (o *Op) Executes() bool { return o.Call == callExecve || o.Call == callFaccessat }

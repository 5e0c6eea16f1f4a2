//go:build linux

package doctor

import (
	"errors"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/executor/program"
)

// Machine is where plans are rehearsed.
type Machine struct {
	Probe func(host.Needs) (host.Facts, error)
	Run   func(*program.Program, executor.Options) (executor.Status, error)
}

// This is the machine that the caller is on.
func This() Machine { return Machine{host.Probe, executor.Run} }

// Examine rehearses a plan and says what of it works. folder is the absolute
// path of the Boxfile's folder, secrets are the values of secret inputs. The
// error is that the machine could not be looked at.
func (m Machine) Examine(p *plan.Plan, folder string, secrets map[string]string) ([]Check, error) {
	e := examination{machine: m, plan: p, steps: slices.Clone(p.Steps), folder: folder, secrets: secrets}
	for range 2*len(p.Steps) + 1 { // a step fails at most twice
		at, err := e.rehearse()
		if err != nil {
			return nil, err
		}
		if at == nil || !e.without(at) {
			e.end = at
			break
		}
	}
	return e.checks(), nil
}

// examination is one plan under way.
type examination struct {
	machine Machine
	plan    *plan.Plan
	folder  string
	secrets map[string]string

	steps    []plan.Step // of the plan; nil: left out
	standIns bool        // some of them are not the plan's own
	program  *program.Program
	kept     []int // the steps of the program, as indices of the plan's
	failed   []Check
	end      *failure // without which nothing more can be tried, or nil
}

// failure is what one rehearsal ended with.
type failure struct {
	step int // of the plan, or -1
	op   int // of the box side, or -1
	ran  bool
	Check
}

// rehearse tries what is left of the plan. It returns nil where all of that works.
func (e *examination) rehearse() (*failure, error) {
	p := &plan.Plan{Name: e.plan.Name, File: e.plan.File}
	e.kept = e.kept[:0]
	for i, s := range e.steps {
		if s != nil {
			p.Add(s, e.plan.Positions[i])
			e.kept = append(e.kept, i)
		}
	}
	facts, err := e.machine.Probe(program.NeedsOf(p, e.folder)) // again: the run before may have moved this process to another cgroup
	if err != nil {
		return nil, err
	}
	facts.Caller.Secrets = e.secrets
	e.program, err = program.Rehearse(p, facts)
	var no *program.Refusal
	if errors.As(err, &no) {
		return &failure{step: e.original(no.Step), op: -1, Check: Check{Found: no.Message, Cause: no.Cause, Fix: no.Fix}}, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = e.machine.Run(e.program, executor.Options{NotEnforced: func(step int, why string) {
		at := e.original(step)
		if !e.has(at) {
			e.failed = append(e.failed, Check{Part: partOf(e.plan, at), Answer: NotEnforced, Step: at, Found: "not enforced, which the file lets go", Cause: why})
		}
	}})
	var f *executor.Failure
	if errors.As(err, &f) {
		return &failure{step: e.original(f.Step), op: f.Op, ran: true, Check: Check{Found: f.Message, Cause: f.Cause, Fix: f.Fix, Detail: f.Detail, Undo: f.Undo}}, nil
	}
	return nil, err
}

func (e *examination) original(step int) int {
	if step < 0 || step >= len(e.kept) {
		return -1
	}
	return e.kept[step]
}

// has reports whether a step has failed before.
func (e *examination) has(step int) bool {
	return slices.ContainsFunc(e.failed, func(c Check) bool { return c.Step == step })
}

// dispensable are the kinds of steps without which the rest of a plan can still be rehearsed.
var dispensable = [...]string{"limit", "cpuset", "io", "oom", "cgroup_file", "create_source", "keep", "publish", "outbound", "mount", "file",
	"symlink", "dir", "device", "mask", "readonly", "rlimit", "env", "workdir", "exec"}

// without notes a failure and leaves its step out, if that can be done.
func (e *examination) without(f *failure) bool {
	again := e.has(f.step)
	f.Answer, f.Step = Fails, f.step
	if f.step >= 0 {
		f.Part = partOf(e.plan, f.step)
	}
	kind := ""
	if f.step >= 0 {
		kind = plan.InfoOf(e.plan.Steps[f.step]).Name
	}
	if lost := (kind == "exec" || kind == "workdir") && e.standIns; !again && !lost { // it may be in what is not mounted
		e.failed = append(e.failed, f.Check)
	}
	if !slices.Contains(dispensable[:], kind) {
		return false
	}
	e.steps[f.step] = nil
	if f.Part == proc {
		e.withoutMasks()
	}
	m, ok := e.plan.Steps[f.step].(*plan.Mount)
	if ok && !again && m.Type != proc { // what is mounted below it still finds a directory
		e.steps[f.step], e.standIns = &plan.Mount{Type: "tmpfs", Target: m.Target, Options: m.Options, Perms: "0755"}, true
	}
	return true
}

// withoutMasks leaves out what the plan covers of a /proc that is not there.
func (e *examination) withoutMasks() {
	for i, s := range e.steps {
		switch s := s.(type) { // the two kinds that cover
		case *plan.Mask:
			if s.Optional {
				e.steps[i] = nil
			}
		case *plan.Readonly:
			if s.Optional {
				e.steps[i] = nil
			}
		}
	}
}

// checks puts together what was found out.
func (e *examination) checks() []Check {
	var out []Check
	rows := rowsOf(e.plan)
	for _, r := range rows {
		var bad []Check
		for _, c := range e.failed {
			if c.Part == r.name && c.Step >= 0 {
				bad = append(bad, c)
			}
		}
		switch {
		case len(bad) > 0:
			out = append(out, bad...)
		case len(r.steps) == 0:
			out = append(out, Check{Part: r.name, Answer: NotNeeded, Step: -1})
		case !e.reached(r.steps):
			out = append(out, Check{Part: r.name, Answer: NotTried, Step: -1, Found: "not tried, because it builds on what fails"})
		case r.name == resources && slices.ContainsFunc(rows, func(o row) bool { return strings.HasPrefix(o.name, resources+".") }):
			// its keys say it all
		default:
			out = append(out, Check{Part: r.name, Answer: Works, Step: -1, Found: e.found(r.steps)})
		}
	}
	for _, c := range e.failed {
		if c.Step < 0 { // of no step: the machine as a whole
			c.Part = "box"
			out = append([]Check{c}, out...)
		}
	}
	return out
}

// reached says whether all of a part's steps were done before the failure that ended
// it all. The host side's come before the box is made, but for those at its sync point.
func (e *examination) reached(steps []int) bool {
	if slices.ContainsFunc(steps, func(s int) bool { return e.steps[s] == nil }) { // it has no failure: see without
		return false
	}
	if e.end == nil {
		return true
	}
	if !e.end.ran {
		return false
	}
	for _, s := range steps {
		info := plan.InfoOf(e.plan.Steps[s])
		atSync := info.Name == "idmap_ranges" || info.Name == "outbound"
		onHost := e.end.op < 0 && e.end.step >= 0 && plan.InfoOf(e.plan.Steps[e.end.step]).Side == plan.Host
		switch {
		case info.Side == plan.Host && !atSync:
			if onHost && s > e.end.step {
				return false
			}
		case e.end.op < 0, e.lastOp(s) >= e.end.op:
			return false
		}
	}
	return true
}

// lastOp is the number of the last op of a step, as executor.Failure counts them.
func (e *examination) lastOp(step int) int {
	last, n := -1, 0
	for _, list := range [...][]program.Op{e.program.Enter, e.program.Command, e.program.Init} {
		for i := range list {
			if e.original(list[i].Step) == step {
				last = n
			}
			n++
		}
	}
	return last
}

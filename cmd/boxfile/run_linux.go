package main

import (
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/executor/program"
)

// lower looks at this machine and makes the plan its program.
func lower(c *compiled) (*program.Program, error) {
	folder, err := filepath.Abs(c.source.folder)
	if err != nil {
		return nil, &problem{text: "cannot tell the folder this runs in: " + reason(err)}
	}
	facts, err := host.Probe(program.NeedsOf(c.plan, folder))
	if err != nil {
		return nil, &problem{text: "cannot look at this machine: " + err.Error()}
	}
	facts.Caller.Secrets = c.secrets // they are the caller's, as its environment is
	p, err := program.Lower(c.plan, facts)
	var refusal *program.Refusal
	if errors.As(err, &refusal) {
		return nil, &refused{problem{
			at: stepAt(c.source.name, c.plan, refusal.Step), text: refusal.Message, cause: refusal.Cause, fix: refusal.Fix,
			detail: stepDetail(c.plan, refusal.Step, ""), step: refusal.Step + 1,
		}, refusal.Code}
	}
	return p, err
}

// refused is a problem whose exit code is up's; for plan it is just a no.
type refused struct {
	problem
	upCode int
}

func (r *refused) Unwrap() error { return &r.problem }

func writeProgram(w io.Writer, c *compiled) error {
	p, err := lower(c)
	if err != nil {
		return err
	}
	return p.WriteText(w)
}

// runBox carries the plan out. The code is the command's own.
func (t *terminal) runBox(c *compiled, verbose bool, r *report) (int, error) {
	since := time.Now()
	p, err := lower(c)
	var no *refused
	if errors.As(err, &no) {
		no.code = no.upCode
	}
	if err != nil {
		return exitCannot, err
	}
	status, err := executor.Run(p, executor.Options{Progress: t.progress(verbose, c, since), NotEnforced: func(step int, why string) {
		t.message(wordNotEnforced(c.source.name, c.plan, step, why))
		r.notEnforced(step, why)
	}, Published: func(p executor.Published) {
		if p.Chosen { // nobody knows it otherwise
			t.message("boxfile: " + wordPublished(&p) + "\n")
		}
		r.published(&p)
	}})
	var failure *executor.Failure
	switch {
	case errors.As(err, &failure):
		return exitCannot, &problem{
			at: stepAt(c.source.name, c.plan, failure.Step), text: failure.Message, cause: failure.Cause, fix: failure.Fix,
			detail: stepDetail(c.plan, failure.Step, failure.Detail), undo: failure.Undo, code: failure.Code,
			step: failure.Step + 1,
		}
	case err != nil:
		return exitCannot, err
	}
	for _, l := range status.Reached {
		t.message("boxfile: " + printable(wordReached(c.source.name, c.plan, l)) + "\n")
	}
	if status.Left != nil {
		t.warn(wordLeft(status.Left))
	}
	r.went(&status)
	return status.Code, nil
}

// progress is what the executor calls on its way under -v; nil otherwise.
func (t *terminal) progress(verbose bool, c *compiled, since time.Time) func(step int) {
	if !verbose {
		return nil
	}
	say := func(event string) { t.message(wordProgress(event, time.Since(since))) }
	say(wordPlanned(c.plan))
	return func(step int) {
		if step == executor.Started {
			say(wordStarted())
			return
		}
		say(wordStep(c.source.name, c.plan, step, program.Words(c.plan.Steps[step])))
	}
}

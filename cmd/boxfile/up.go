package main

import (
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// up runs the box, or prints its plan under --dry-run, and returns the exit code
// of the command.
func (t *terminal) up(call *cli.Call, stdin io.Reader) (int, error) {
	if call.Has(cli.DryRun) { // the executor is not even made, and no report
		c, err := t.admitted(call, stdin)
		if err != nil {
			return exitCannot, err
		}
		return exitOK, t.text(c)
	}
	r, err := openReport(call.Value(cli.Report), call.Operands)
	if err != nil {
		return exitCannot, err
	}
	code, err := t.upReported(call, stdin, r)
	if fault := r.write(code, err); fault != nil {
		t.warn(fault)
	}
	return code, err
}

func (t *terminal) upReported(call *cli.Call, stdin io.Reader, r *report) (int, error) {
	c, err := t.admitted(call, stdin)
	if c != nil {
		r.about(c)
	}
	if err != nil {
		return exitCannot, err
	}
	return t.runBox(c, call.Has(cli.Verbose), r)
}

// admitted compiles, and holds the plan to what --expect and --locked say. The plan is
// there even if they refuse it.
func (t *terminal) admitted(call *cli.Call, stdin io.Reader) (*compiled, error) {
	c, err := expected(call, stdin)
	if err != nil || !call.Has(cli.Locked) {
		return c, err
	}
	return c, t.holds(c)
}

// expected compiles, and refuses a plan that is not the one that --expect names.
// What differs is said where the expected one is at hand.
func expected(call *cli.Call, stdin io.Reader) (*compiled, error) {
	e, err := expectation(call.Value(cli.Expect))
	if err != nil {
		return nil, err
	}
	c, err := compile(call, stdin)
	if err != nil || e == nil {
		return c, err
	}
	digest, err := c.plan.Digest()
	if err != nil || digest == e.digest {
		return c, err
	}
	refusal := &problem{
		at: c.source.name, text: "is not the plan that is expected; nothing ran", code: exitCannot,
		detail: "expected " + e.digest + ", this is " + digest,
	}
	if e.side == nil {
		e.side = beside(c, e.digest)
	}
	if e.side == nil {
		refusal.fix = "boxfile plan " + c.source.name + ", and expect its digest once it is approved"
		return c, refusal
	}
	refusal.fix = "approve what is listed here, and expect the new plan"
	if refusal.more, err = difference(e.side, c); err != nil {
		return c, err
	}
	return c, refusal
}

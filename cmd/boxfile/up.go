package main

import (
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// up runs the box, or prints its plan under --dry-run, and returns the exit code
// of the command.
func (t *terminal) up(call *cli.Call, stdin io.Reader) (int, error) {
	if call.Has(cli.DryRun) { // the executor is not even made, and no report
		c, err := t.compileLocked(call, stdin)
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
	c, err := t.compileLocked(call, stdin)
	if c != nil {
		r.about(c)
	}
	if err != nil {
		return exitCannot, err
	}
	return t.runBox(c, call.Has(cli.Verbose), r)
}

// compileLocked is compile, held to the lock under --locked. The plan is there even
// if the lock refuses it.
func (t *terminal) compileLocked(call *cli.Call, stdin io.Reader) (*compiled, error) {
	c, err := compile(call, stdin)
	if err != nil || !call.Has(cli.Locked) {
		return c, err
	}
	return c, t.holds(c)
}

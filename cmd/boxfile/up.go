package main

import (
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// up runs the box, or prints its plan under --dry-run, and returns the exit code
// of the command.
func (t *terminal) up(call *cli.Call, stdin io.Reader) (int, error) {
	c, err := compile(call, stdin)
	if err != nil {
		return exitCannot, err
	}
	if call.Has(cli.DryRun) { // the executor is not even made
		return exitOK, t.text(c)
	}
	return t.runBox(c, call.Has(cli.Verbose))
}

package main

import (
	"bytes"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// help prints the list of verbs, or the help of one.
func (t *terminal) help(call *cli.Call) error {
	name := ""
	if len(call.Operands) > 0 {
		name = call.Operands[0]
	}
	var b bytes.Buffer
	if err := cli.WriteHelp(&b, name); err != nil {
		return err
	}
	return t.result(b.Bytes())
}

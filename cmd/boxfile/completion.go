package main

import (
	"bytes"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// completion prints the completion script of a shell.
func (t *terminal) completion(call *cli.Call) error {
	var b bytes.Buffer
	if err := cli.WriteCompletion(&b, call.Operands[0]); err != nil {
		return err
	}
	return t.result(b.Bytes())
}

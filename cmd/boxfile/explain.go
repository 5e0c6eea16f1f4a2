package main

import (
	"bytes"
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/explain"
)

// explain answers what was asked about the plan of a file or a revision of one, or about
// a saved plan, in that order. Nothing is printed unless all of it can be answered.
func (t *terminal) explain(call *cli.Call, stdin io.Reader) error {
	inputs, err := readInputs(call.Values(cli.Input), call.Value(cli.InputFile))
	if err != nil {
		return err
	}
	of, err := readSide(call.Operands[0], inputs, stdin)
	if err != nil {
		return err
	}
	if err := undeclared(inputs, of); err != nil {
		return err
	}
	var b bytes.Buffer
	for i, question := range call.Operands[1:] {
		if i > 0 {
			b.WriteByte('\n')
		}
		a, err := explain.Ask(of.plan, question)
		if err != nil {
			return wordUnknown(of.name, err)
		}
		if err := a.Write(&b, of.plan); err != nil {
			return err
		}
	}
	return t.result(b.Bytes())
}

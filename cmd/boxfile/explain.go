package main

import (
	"bytes"
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/explain"
)

// explain answers what was asked about a file's plan, in that order. Nothing is printed
// unless all of it can be answered.
func (t *terminal) explain(call *cli.Call, stdin io.Reader) error {
	c, err := compile(call, stdin)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for i, question := range call.Operands[1:] {
		if i > 0 {
			b.WriteByte('\n')
		}
		a, err := explain.Ask(c.plan, question)
		if err != nil {
			return wordUnknown(c.source.name, err)
		}
		if err := a.Write(&b, c.plan); err != nil {
			return err
		}
	}
	return t.result(b.Bytes())
}

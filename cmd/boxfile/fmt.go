package main

import (
	"bytes"
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/cmd/boxfile/internal/lines"
	"github.com/boxfile/boxfile/schema/format"
)

// format prints files in their canonical form, or what would change, or writes them
// back. One that is wrong is told, and the others go on.
func (t *terminal) format(call *cli.Call, stdin io.Reader) (int, error) {
	if err := formatUsage(call); err != nil {
		return exitUsage, err
	}
	code := exitOK
	for _, name := range call.Operands {
		src, err := readBoxfile(name, stdin)
		if err != nil {
			code = t.fail(cli.Format, err)
			continue
		}
		text, err := format.Format(src.name, src.data)
		switch {
		case err != nil:
		case call.Has(cli.Write):
			if !bytes.Equal(text, src.data) {
				err = replaceFile(src.name, src.data, text)
			}
		case call.Has(cli.Diff):
			if d := lines.Diff(src.name, src.data, src.name, text); d != nil {
				code = exitWrong
				err = t.result(d)
			}
		default:
			err = t.result(text)
		}
		if err != nil {
			code = t.fail(cli.Format, err)
		}
	}
	return code, nil
}

// formatUsage tells what the table of verbs cannot.
func formatUsage(call *cli.Call) error {
	switch {
	case call.Has(cli.Write) && call.Has(cli.Diff):
		return &problem{text: "--diff and --write cannot both be given", fix: "keep one of them", code: exitUsage}
	case call.Has(cli.Write):
		for _, name := range call.Operands {
			if name == "-" {
				return &problem{text: "standard input cannot be written back", fix: "leave out --write", code: exitUsage}
			}
		}
	}
	return nil
}

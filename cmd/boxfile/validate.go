package main

import (
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler"
)

// validate reads every file and prints what is wrong with each. It is silent
// about those that are right. A file that cannot be compiled is wrong too.
func (t *terminal) validate(call *cli.Call, stdin io.Reader) (int, error) {
	inputs, err := readInputs(call.Values(cli.Input), call.Value(cli.InputFile))
	if err != nil {
		return exitWrong, err
	}
	code := exitOK
	for _, name := range call.Operands {
		if err := validateFile(name, inputs, stdin); err != nil {
			code = t.fail(cli.Validate, err)
		}
	}
	return code, nil
}

func validateFile(name string, inputs map[string]string, stdin io.Reader) error {
	src, err := readBoxfile(name, stdin)
	if err != nil {
		return err
	}
	b, err := parse(src, inputs)
	if err != nil {
		return err
	}
	_, err = compiler.Compile(b, src.other)
	return err
}

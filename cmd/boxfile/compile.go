package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// compiled is a Boxfile on its way: what was read, and the plan it became.
type compiled struct {
	source  *source
	plan    *plan.Plan
	secrets map[string]string // values of the secret inputs; they are in no plan
}

// compile takes a verb's file and flags as far as the plan. A command behind "--"
// replaces the file's own before that, so it makes another plan.
func compile(call *cli.Call, stdin io.Reader) (*compiled, error) {
	name := ""
	if len(call.Operands) > 0 {
		name = call.Operands[0]
	}
	inputs, err := readInputs(call.Values(cli.Input), call.Value(cli.InputFile))
	if err != nil {
		return nil, err
	}
	if plan := call.Value(cli.SavedPlan); plan != "" {
		switch {
		case name != "":
			return nil, &problem{text: "a saved plan takes the place of the Boxfile, and there are both", fix: "leave out " + name + " or --plan", code: exitUsage}
		case call.Command != nil:
			return nil, &problem{text: "a command behind -- would make another plan than the saved one", fix: "leave out one of the two", code: exitUsage}
		}
		return saved(plan, inputs)
	}
	src, err := readBoxfile(name, stdin)
	if err != nil {
		return nil, err
	}
	b, err := parse(src, inputs)
	if err != nil {
		return nil, err
	}
	if call.Command != nil {
		replaceCommand(b, call.Command)
	}
	p, err := compiler.Compile(b, src.other)
	if err != nil {
		return nil, err
	}
	return &compiled{source: src, plan: p, secrets: secretsOf(b, inputs)}, nil
}

// parse reads the document, and holds the inputs that were given against those it declares.
func parse(src *source, inputs map[string]string) (*schema.Boxfile, error) {
	b, err := schema.Parse(src.name, src.data, inputs)
	if err != nil {
		return nil, err
	}
	declared := map[string]bool{}
	var names []string
	for _, in := range b.Inputs {
		declared[in.Name.Value] = true
		names = append(names, in.Name.Value)
	}
	for name := range inputs {
		if !declared[name] {
			p := &problem{at: src.name, text: fmt.Sprintf("declares no input %s", quote(name)), fix: "declare it under inputs:"}
			if len(names) > 0 {
				p.fix = "use one of those it declares: " + strings.Join(names, ", ")
			}
			return nil, p
		}
	}
	return b, nil
}

// replaceCommand makes words from the command line the box's command. They have
// no position in the file.
func replaceCommand(b *schema.Boxfile, words []string) {
	b.Shell = schema.Field[string]{}
	b.Command = schema.Command{}
	for _, w := range words {
		b.Command.Args = append(b.Command.Args, schema.Field[string]{Value: w})
	}
}

func secretsOf(b *schema.Boxfile, inputs map[string]string) map[string]string {
	secrets := map[string]string{}
	for _, in := range b.Inputs {
		if !in.Secret.Value {
			continue
		}
		value, ok := inputs[in.Name.Value]
		if !ok {
			value = in.Default.Value
		}
		secrets[in.Name.Value] = value
	}
	return secrets
}

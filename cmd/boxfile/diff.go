package main

import (
	"bytes"
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/render"
)

// diff prints how the plans of two sides differ, and under --exit-code says it with the exit code.
func (t *terminal) diff(call *cli.Call, stdin io.Reader) (int, error) {
	fail, err := parseFailOn(call)
	if err != nil {
		return exitUsage, err
	}
	inputs, err := readInputs(call.Values(cli.Input), call.Value(cli.InputFile))
	if err != nil {
		return exitWrong, err
	}
	from, err := readSide(call.Operands[0], inputs, stdin)
	if err != nil {
		return exitWrong, err
	}
	to, err := readSide(call.Operands[1], inputs, stdin)
	if err != nil {
		return exitWrong, err
	}
	if err := undeclared(inputs, from, to); err != nil {
		return exitWrong, err
	}
	r, err := review(from, to)
	if err != nil {
		return exitWrong, err
	}
	var b bytes.Buffer
	if err := writeReview(&b, call.Value(cli.Output), r); err != nil {
		return exitWrong, err
	}
	if err := t.result(b.Bytes()); err != nil {
		return exitWrong, err
	}
	if t.newRisks(from, to, fail) {
		return exitWrong, nil
	}
	if !call.Has(cli.ExitCode) {
		return exitOK, nil
	}
	return codeOf(r.Overall()), nil
}

// review compares two sides.
func review(from, to *side) (*render.Review, error) {
	d, err := diff.Compare(from.plan, to.plan)
	if err != nil {
		return nil, err
	}
	uri := to.uri
	if len(to.plan.Steps) == 0 { // annotations of a box that is gone are where it was
		uri = from.uri
	}
	locks, err := lockNotes(from, to)
	return &render.Review{Diff: d, OldName: from.name, NewName: to.name, URI: uri, Today: today(), Locks: locks}, err
}

func writeReview(w io.Writer, form string, r *render.Review) error {
	switch form {
	case "json":
		return render.DiffJSON(w, r)
	case "markdown":
		return render.DiffMarkdown(w, r)
	case "sarif":
		return render.DiffSARIF(w, r)
	}
	return render.DiffText(w, r)
}

func codeOf(d diff.Direction) int {
	switch d {
	case "":
		return exitOK
	case diff.Widens:
		return exitWidened
	}
	return exitChanged
}

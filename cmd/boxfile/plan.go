package main

import (
	"bytes"
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/render"
)

// plan prints the plan in the form that was asked for. Only the form program
// looks at this machine, and it reads no more of it than up would.
func (t *terminal) plan(call *cli.Call, stdin io.Reader) error {
	c, err := compile(call, stdin)
	if err != nil {
		return err
	}
	if out := call.Value(cli.PlanOut); out != "" {
		if call.Has(cli.SavedPlan) {
			return &problem{text: "--plan-out saves a plan, and --plan has one that is saved", fix: "leave out one of the two", code: exitUsage}
		}
		if err := writePlan(out, c); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	switch call.Value(cli.Output) {
	case "json":
		err = render.JSON(&b, c.plan)
	case "markdown":
		err = render.Markdown(&b, c.plan)
	case "sh":
		err = render.Sh(&b, c.plan)
	case "program":
		err = writeProgram(&b, c)
	default:
		return t.text(c)
	}
	if err != nil {
		return err
	}
	return t.result(b.Bytes())
}

// text prints the plan for people; up --dry-run prints the same.
func (t *terminal) text(c *compiled) error {
	var b bytes.Buffer
	if err := render.Text(&b, c.plan); err != nil {
		return err
	}
	return t.result(b.Bytes())
}

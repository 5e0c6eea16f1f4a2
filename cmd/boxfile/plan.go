package main

import (
	"bytes"
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/render"
)

// plan prints the plan in the form that was asked for. Only the form program
// looks at this machine, and it reads no more of it than up would.
func (t *terminal) plan(call *cli.Call, stdin io.Reader) (int, error) {
	fail, err := parseFailOn(call)
	if err != nil {
		return exitUsage, err
	}
	c, err := compile(call, stdin)
	if err != nil {
		return exitWrong, err
	}
	if out := call.Value(cli.PlanOut); out != "" {
		if call.Has(cli.SavedPlan) {
			return exitUsage, &problem{text: "--plan-out saves a plan, and --plan has one that is saved", fix: "leave out one of the two", code: exitUsage}
		}
		if err := writePlan(out, c); err != nil {
			return exitWrong, err
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
		err = render.Text(&b, c.plan)
	}
	if err == nil {
		err = t.result(b.Bytes())
	}
	if err != nil {
		return exitWrong, err
	}
	return t.risks(c, fail), nil
}

// text prints the plan for people, as up --dry-run does.
func (t *terminal) text(c *compiled) error {
	var b bytes.Buffer
	if err := render.Text(&b, c.plan); err != nil {
		return err
	}
	return t.result(b.Bytes())
}

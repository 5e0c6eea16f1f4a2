package main

import (
	_ "embed" // the schema of reports

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/schema"
)

//go:embed report.schema.json
var reportSchema []byte

// schema prints the JSON Schema of the language, or of a report.
func (t *terminal) schema(call *cli.Call) error {
	if len(call.Operands) > 0 && call.Operands[0] == cli.Report {
		return t.result(reportSchema)
	}
	return t.result(schema.JSON())
}

package main

import (
	_ "embed" // the schemas of what is printed

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/seccomp"
	"github.com/boxfile/boxfile/schema"
)

//go:embed report.schema.json
var reportSchema []byte

//go:embed doctor.schema.json
var doctorSchema []byte

//go:embed lsns.schema.json
var lsnsSchema []byte

//go:embed diff.schema.json
var diffSchema []byte

// schema prints the JSON Schema of the language, of a report, of what doctor
// or lsns finds or of a difference, or the default profile of seccomp.
func (t *terminal) schema(call *cli.Call) error {
	of := ""
	if len(call.Operands) > 0 {
		of = call.Operands[0]
	}
	switch of {
	case cli.Report:
		return t.result(reportSchema)
	case cli.Doctor:
		return t.result(doctorSchema)
	case cli.LSNS:
		return t.result(lsnsSchema)
	case cli.Diff:
		return t.result(diffSchema)
	case cli.Seccomp:
		return t.result(seccomp.JSON())
	}
	return t.result(schema.JSON())
}

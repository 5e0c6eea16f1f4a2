// Package render shows a plan: as text for the person who reviews it, as JSON
// for programs, and as a shell script for whoever wants to see the same thing
// done by util-linux.
//
// Its input is a plan.Plan and nothing else, so that the same plan reads the
// same on every machine. It neither makes plans nor runs them, and it resolves
// nothing: a secret is shown by its name, the caller's identity as a word.
package render

import (
	"io"

	"github.com/boxfile/boxfile/compiler/plan"
)

// JSON writes the plan in the form that plan.Decode reads.
func JSON(w io.Writer, p *plan.Plan) error { return p.Encode(w) }

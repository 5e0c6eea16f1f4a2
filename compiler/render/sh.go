package render

import (
	"errors"
	"io"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Sh writes the plan as a shell script.
func Sh(io.Writer, *plan.Plan) error { return errors.New("the form sh is not built yet") }

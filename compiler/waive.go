package compiler

import (
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
)

// waivers are what the file says of known risks. Whether the plan has them is not
// an error of the file: a risk that is gone must not stop the box.
func (c *compilation) waivers() []plan.Waiver {
	var out []plan.Waiver
	for i := range c.box.Waive {
		w := &c.box.Waive[i]
		if !slices.Contains(risk.IDs(), w.Risk.Value) {
			c.refuse(w.Risk.Pos, "boxfile plan lists the risks of the file", "there is no risk %s", w.Risk.Value)
		}
		out = append(out, plan.Waiver{Risk: w.Risk.Value, Reason: w.Reason.Value, Until: w.Until.Value, Line: w.Risk.Pos.Line, Col: w.Risk.Pos.Col})
	}
	return out
}

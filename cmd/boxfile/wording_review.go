package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
)

func unknownRisk(word, verb string) *problem {
	p := &problem{text: "--fail-on: there is no risk " + quote(word) + "; expected high, medium, all, or ids as in BX002,BX024", fix: "boxfile help " + verb, code: exitUsage}
	if upper := strings.ToUpper(word); slices.Contains(risk.IDs(), upper) {
		p.fix = "write " + upper
	}
	return p
}

// wordRisk is a risk as a message: the line that brings it, what it is, and what can be done.
func wordRisk(path string, p *plan.Plan, f *risk.Finding) *problem {
	return &problem{
		at: stepAt(path, p, f.Step), text: f.ID + ": " + f.Info().Title + ": " + f.Detail(printable),
		fix: "docs/risks.md#" + strings.ToLower(f.ID) + " says what to write instead; if it is meant, waive: [{risk: " + f.ID + ", reason: ...}]",
	}
}

// wordExpired is what is said of a waiver that has ended.
func wordExpired(path string, w plan.Waiver) *problem {
	return &problem{
		at: fmt.Sprintf("%s:%d:%d", path, w.Line, w.Col), text: "the waiver of " + w.Risk + " has ended on " + w.Until + ": the risk counts again",
		fix: "remove the risk, or look at it again and write another day",
	}
}

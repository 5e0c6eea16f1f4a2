package render

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
)

// writeRisks lists the risks of a plan (docs/risks.md), and what the file says of
// them. There is no clock here, so that the text is the same on every day: whether a
// waiver has ended is told by its date.
func writeRisks(b *bufio.Writer, p *plan.Plan) {
	found := risk.Judge(p, "")
	fmt.Fprintf(b, "\nrisks: %s\n", riskCount(&found))
	for i := range found.Open {
		writeRisk(b, p, &found.Open[i], nil)
	}
	for i := range found.Waived {
		writeRisk(b, p, &found.Waived[i].Finding, &found.Waived[i].Waiver)
	}
	for _, w := range found.Unused {
		v := new(words)
		v.say("waived, but not a risk of this plan")
		writeStep(b, riskHead(literal(w.Risk), "-"), v, waiverPlace(p.File, &w))
	}
}

// markdownRisks is writeRisks for a page.
func markdownRisks(b *bufio.Writer, p *plan.Plan) {
	found := risk.Judge(p, "")
	fmt.Fprintf(b, "\n### Risks: %s\n", riskCount(&found))
	var rows [][2]string
	for _, f := range found.Open {
		rows = append(rows, [2]string{(&reviewRisk{Finding: f}).says(), place(p.File, f.Position)})
	}
	for _, w := range found.Waived {
		rows = append(rows, [2]string{(&reviewRisk{w.Finding, &w.Waiver}).says(), place(p.File, w.Position)})
	}
	for _, w := range found.Unused {
		rows = append(rows, [2]string{saysWaiver(&w) + ", but it is not a risk of this plan", waiverPlace(p.File, &w)})
	}
	if len(rows) > 0 {
		fmt.Fprint(b, "\n| | from |\n| --- | --- |\n")
	}
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s |\n", code(r[0]), code(r[1]))
	}
}

// riskCount is the headline: "2 high, 1 low; 1 waived".
func riskCount(found *risk.Verdict) string {
	var parts []string
	for s := risk.High; s >= risk.Low; s-- {
		n := 0
		for i := range found.Open {
			if found.Open[i].Info().Severity == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	count := strings.Join(parts, ", ")
	if count == "" {
		count = "none known"
	}
	if n := len(found.Waived); n > 0 {
		count += fmt.Sprintf("; %d waived", n)
	}
	return count
}

func riskHead(id, severity string) string { return fmt.Sprintf("%9s  %-6s  ", id, severity) }

func writeRisk(b *bufio.Writer, p *plan.Plan, f *risk.Finding, waiver *plan.Waiver) {
	v := new(words)
	v.say(f.Info().Title + ":")
	format, operands := f.Words()
	v.say(format, literals(operands)...)
	writeStep(b, riskHead(f.ID, f.Info().Severity.String()), v, place(p.File, f.Position))
	if waiver == nil {
		return
	}
	v = new(words)
	v.say("waived")
	if waiver.Until != "" {
		v.say("until %s", literal(waiver.Until))
	}
	v.last(":")
	v.words = append(v.words, literal(waiver.Reason))
	writeStep(b, riskHead("", ""), v, waiverPlace(p.File, waiver))
}

func waiverPlace(file string, w *plan.Waiver) string {
	return lineOf(file, w.Line, w.Col)
}

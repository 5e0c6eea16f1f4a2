package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/boxfile/boxfile/compiler/plan"
)

// width is how many columns the words of a step take before they are wrapped.
const width = 68

// Text writes the plan for the person who reviews it: what it is, each step with
// its number, kind, words and the place in the file that asked for it, and its risks.
func Text(w io.Writer, p *plan.Plan) error {
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	kinds := 0
	for _, k := range plan.Kinds() {
		kinds = max(kinds, len(k.Name))
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "box     %s\nfile    %s\ndigest  %s\n", literal(p.Name), literal(p.File), literal(digest))
	var side plan.Side
	for i, s := range p.Steps {
		k := plan.InfoOf(s)
		if k.Side != side {
			side = k.Side
			fmt.Fprintf(b, "\n%s side\n", side)
		}
		writeStep(b, fmt.Sprintf("%4d  %-*s  ", i+1, kinds, k.Name), describe(s), provenance(p, i))
	}
	writeRisks(b, p)
	return b.Flush()
}

// Steps writes some steps of the plan, given by their places in it, as Text does. Of
// a default it says which key would change it.
func Steps(w io.Writer, p *plan.Plan, which []int) error {
	kinds := 0
	for _, i := range which {
		kinds = max(kinds, len(plan.InfoOf(p.Steps[i]).Name))
	}
	b := bufio.NewWriter(w)
	for _, i := range which {
		from := provenance(p, i)
		if i < len(p.Positions) && p.Positions[i].IsDefault() && p.Positions[i].Key != "" {
			from += " (" + literal(p.Positions[i].Key) + ")"
		}
		writeStep(b, fmt.Sprintf("%4d  %-*s  ", i+1, kinds, plan.InfoOf(p.Steps[i]).Name), describe(p.Steps[i]), from)
	}
	return b.Flush()
}

func writeStep(b *bufio.Writer, head string, v *words, from string) {
	margin := strings.Repeat(" ", len(head))
	for i, line := range wrap(v.words, width) {
		if i > 0 {
			fmt.Fprintf(b, "%s%s\n", margin, line)
			continue
		}
		pad := max(0, width-utf8.RuneCountInString(line))
		fmt.Fprintf(b, "%s%s%s  %s\n", head, line, strings.Repeat(" ", pad), from)
	}
	if v.block == "" {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(v.block, "\n"), "\n") {
		fmt.Fprintf(b, "%s| %s\n", margin, line)
	}
}

// provenance is the place that asked for a step.
func provenance(p *plan.Plan, i int) string {
	if i >= len(p.Positions) {
		return "default"
	}
	return place(p.File, p.Positions[i])
}

// place is a position in a file.
func place(file string, at plan.Position) string {
	if at.IsDefault() {
		return "default"
	}
	return lineOf(file, at.Line, at.Col)
}

func lineOf(file string, line, col int) string {
	return fmt.Sprintf("%s:%d:%d", literal(file), line, col)
}

// wrap fills lines with words. A word longer than a line has one of its own:
// breaking it would hide where it begins and ends.
func wrap(words []string, columns int) []string {
	lines, line, n := []string{}, "", 0
	for _, w := range words {
		c := utf8.RuneCountInString(w)
		if line != "" && n+1+c > columns {
			lines, line, n = append(lines, line), "", 0
		}
		if line != "" {
			line, n = line+" ", n+1
		}
		line, n = line+w, n+c
	}
	return append(lines, line)
}

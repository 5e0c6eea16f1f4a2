package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
)

// code shows text in Markdown so that nothing in it is Markdown, HTML, a link or a
// mention: all but letters, digits and a few marks that are none of these on their
// own are written as their numbers. Spaces behind a space are some that a page does not
// take for one: two paths may differ in nothing else.
func code(s string) string {
	var b strings.Builder
	b.WriteString("<code>")
	for i, r := range s {
		switch {
		case r == ' ' && i > 0 && s[i-1] == ' ':
			b.WriteString("&#160;")
		case r < 0x80 && !letter(r) && !strings.ContainsRune(" /-,", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}

func letter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// Markdown writes the plan for a page or a comment: a picture, what the box is
// given, its risks, and every step.
func Markdown(w io.Writer, p *plan.Plan) error {
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	d, err := diff.Compare(&plan.Plan{File: p.File}, p)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## Box %s\n\n%s, %d steps, %s\n\n", code(literal(p.Name)), code(literal(p.File)), len(p.Steps), code(digest))
	drawPicture(b, p, nil)
	fmt.Fprint(b, "\n### What it is given\n\n| | |\n| --- | --- |\n")
	for i := range d.Changes {
		if c := &d.Changes[i]; c.Direction == diff.Widens {
			fmt.Fprintf(b, "| %s | %s |\n", code(strings.TrimSpace(c.About+" "+c.New)), code(provenance(p, c.To.Step-1)))
		}
	}
	markdownRisks(b, p)
	for _, s := range []plan.Side{plan.Host, plan.Box} {
		fmt.Fprintf(b, "\n<details><summary>Steps on the %s side</summary>\n\n| | step | | from |\n| ---: | --- | --- | --- |\n", s)
		for i, step := range p.Steps {
			if k := plan.InfoOf(step); k.Side == s {
				fmt.Fprintf(b, "| %d | %s | %s | %s |\n", i+1, code(k.Name), code(Words(step)), code(provenance(p, i)))
			}
		}
		fmt.Fprint(b, "\n</details>\n")
	}
	return b.Flush()
}

// mostMarkdown is how large a comment may grow before no more lines are added: GitHub
// takes 65,536 characters.
const mostMarkdown = 59000

// Of which notes take no more than this, so that there is room for the changes.
const (
	mostNotes   = 40
	mostOfNotes = mostMarkdown / 2
)

// cut keeps a line of a table short. Its end stays: there it says "read-write".
func cut(s string) string {
	const begin, end = 200, 100
	if r := []rune(s); len(r) > begin+end {
		return string(r[:begin]) + "…" + string(r[len(r)-end:])
	}
	return s
}

// DiffMarkdown writes what has changed for a comment: widening changes first, the
// others folded, and a picture of the new box.
func DiffMarkdown(w io.Writer, r *Review) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n", markdownHeadline(r))
	if notes := r.notes(); len(notes) > 0 {
		fmt.Fprintf(&b, "\n| %s | where |\n| --- | --- |\n", r.aboutNotes())
		for i, n := range notes {
			line := fmt.Sprintf("| %s | %s |\n", code(cut(n[0])), code(n[1]))
			if i == mostNotes || b.Len()+len(line) > mostOfNotes {
				fmt.Fprintf(&b, "| and %d more | |\n", len(notes)-i)
				break
			}
			b.WriteString(line)
		}
	}
	left := 0
	for _, d := range directions {
		if !r.Has(d) {
			continue
		}
		if d == diff.Widens {
			fmt.Fprint(&b, "\n")
		} else {
			fmt.Fprintf(&b, "\n<details><summary>%s (%d)</summary>\n\n", d, r.Count(d))
		}
		fmt.Fprintf(&b, "| %s | where |\n| --- | --- |\n", d)
		for i := range r.Changes {
			if c := &r.Changes[i]; c.Direction == d {
				line := fmt.Sprintf("| %s | %s |\n", code(c.What()), code(r.where(c)))
				if b.Len()+len(line) > mostMarkdown {
					left++
					continue
				}
				b.WriteString(line)
			}
		}
		if d != diff.Widens {
			fmt.Fprint(&b, "\n</details>\n")
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n**%d more changes do not fit here**: see `boxfile diff`.\n", left)
	}
	if len(r.Changes) > 0 && !gone(r.New) {
		var picture strings.Builder
		drawPicture(&picture, r.New, r)
		if b.Len()+picture.Len() <= mostMarkdown {
			fmt.Fprintf(&b, "\n<details><summary>Picture of the new box</summary>\n\n%s\n</details>\n", picture.String())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownHeadline is the headline with what comes from outside as code.
func markdownHeadline(r *Review) string {
	of, says := r.headline()
	if r.Has(diff.Widens) {
		says = "⚠️ " + says
	}
	return code(cut(of)) + ": " + says
}

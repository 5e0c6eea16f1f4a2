package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
)

// Review is a difference with the names of its two sides, as the reader calls them.
type Review struct {
	*diff.Diff
	OldName, NewName string
	URI              string // of the file that annotations are shown at, below the repository's top
	Locks            []LockNote
	Today            string // as in "2027-01-31": waivers that ended before count no more; "" is never
}

// LockNote is something that the locks of the two sides hold otherwise, and where. Both strings are escaped.
type LockNote struct{ What, Where string }

// gone reports whether a side is a file that is not there.
func gone(p *plan.Plan) bool { return len(p.Steps) == 0 }

// headline says it all in one line: of what, and how many changes have which direction.
func (r *Review) headline() (of, says string) {
	of = literal(r.NewName)
	switch {
	case len(r.Changes) == 0 && gone(r.New):
		return of, "no box on either side"
	case len(r.Changes) == 0:
		return of, "no difference"
	case gone(r.Old):
		return of, "a new box"
	case gone(r.New):
		return literal(r.OldName), "the box is gone"
	case r.OldName != r.NewName:
		of = literal(r.OldName) + " → " + of
	}
	verbs := map[diff.Direction][2]string{diff.Widens: {"widens", "widen"}, diff.Narrows: {"narrows", "narrow"}, diff.Neutral: {"is neutral", "are neutral"}}
	var parts []string
	for _, d := range directions {
		n := r.Count(d)
		if n == 0 {
			continue
		}
		noun, verb := "", verbs[d][min(n-1, 1)]
		if len(parts) == 0 {
			noun = [...]string{" change", " changes"}[min(n-1, 1)]
		}
		parts = append(parts, fmt.Sprintf("%d%s %s", n, noun, verb))
	}
	return of, strings.Join(parts, ", ")
}

var directions = [...]diff.Direction{diff.Widens, diff.Narrows, diff.Neutral}

// DiffText writes what has changed for the person who reviews it, widening changes first.
func DiffText(w io.Writer, r *Review) error {
	b := bufio.NewWriter(w)
	of, says := r.headline()
	fmt.Fprintf(b, "%s: %s\n", of, says)
	for _, d := range directions {
		if !r.Has(d) {
			continue
		}
		fmt.Fprintf(b, "\n%s\n", d)
		for i := range r.Changes {
			if c := &r.Changes[i]; c.Direction == d {
				writeChange(b, c.What(), r.where(c))
			}
		}
	}
	if notes := r.notes(); len(notes) > 0 {
		fmt.Fprintf(b, "\n%s\n", r.aboutNotes())
		for _, n := range notes {
			writeChange(b, n[0], n[1])
		}
	}
	return b.Flush()
}

func writeChange(b *bufio.Writer, what, where string) {
	for i, line := range wrap(unquoted(what), width) {
		if i > 0 {
			fmt.Fprintf(b, "      %s\n", line)
			continue
		}
		pad := max(0, width-utf8.RuneCountInString(line))
		fmt.Fprintf(b, "  %s%s  %s\n", line, strings.Repeat(" ", pad), where)
	}
}

// unquoted divides a line at the spaces that are not part of a quoted string.
func unquoted(s string) []string {
	var words []string
	begin, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ' ' && !quoted:
			words = append(words, s[begin:i])
			begin = i + 1
		}
	}
	return append(words, s[begin:])
}

// where is the place of a change in both files.
func (r *Review) where(c *diff.Change) string {
	from, to := side(c.From), side(c.To)
	switch {
	case to == "":
		return "was " + literal(r.OldName) + from
	case from == "":
		return literal(r.NewName) + to
	case from == to && to == isDefault:
		return "default"
	case from == to && r.OldName == r.NewName:
		return literal(r.NewName) + to
	case to != isDefault:
		to = literal(r.NewName) + to
	}
	return strings.TrimPrefix(to, ":") + ", was " + strings.TrimPrefix(from, ":")
}

const isDefault = ":default"

func side(p *diff.Place) string {
	switch {
	case p == nil:
		return ""
	case p.Step == 0:
		return ":name"
	case p.At.IsDefault():
		return isDefault
	}
	return fmt.Sprintf(":%d:%d", p.At.Line, p.At.Col)
}

package schema

import (
	"fmt"
	"strings"
)

// shown is how many diagnostics Render writes; more help nobody.
const shown = 50

// Render writes the diagnostics of an error as a terminal or a CI log shows
// them: the message, the line with a caret, and the fix. Other errors are written
// as they are. Control characters of the file never reach the terminal.
func Render(err error, color bool) string {
	list := Diagnostics(err)
	if list == nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for i, d := range list {
		if i == shown {
			fmt.Fprintf(&b, "and at least %d more\n", len(list)-shown)
			break
		}
		d.render(&b, color)
	}
	return b.String()
}

func (d *Diagnostic) render(b *strings.Builder, color bool) {
	bold, red, off := "", "", ""
	if color {
		bold, red, off = "\x1b[1m", "\x1b[31m", "\x1b[0m"
	}
	place := escape(d.File)
	if d.Pos.IsSet() {
		place = fmt.Sprintf("%s:%d:%d", place, d.Pos.Line, d.Pos.Col)
	}
	fmt.Fprintf(b, "%s%s:%s %s\n", bold, place, off, escape(d.Message))
	if d.Pos.IsSet() && strings.TrimSpace(d.Source) != "" {
		line, caret := excerpt([]rune(d.Source), d.Pos.Col-1)
		fmt.Fprintf(b, "  %s\n  %s%s^%s\n", line, strings.Repeat(" ", caret), red, off)
	}
	if d.Fix != "" {
		fmt.Fprintf(b, "  fix: %s\n", escape(d.Fix))
	}
}

// excerpt cuts a line to what fits a screen around a column, and returns where
// the column stands in it.
func excerpt(line []rune, col int) (string, int) {
	const width = 100
	col = max(0, min(col, len(line)))
	from := 0
	if col > width*3/4 {
		from = col - width/2
	}
	to := min(len(line), from+width)
	before, after := escape(string(line[from:col])), escape(string(line[col:to]))
	lead, tail := "", ""
	if from > 0 {
		lead = "…"
	}
	if to < len(line) {
		tail = "…"
	}
	return lead + before + after + tail, columns(lead + before)
}

// columns is how wide text is on a terminal: East Asian characters take two, marks none.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r >= 0x300 && r < 0x370 || r >= 0x200b && r <= 0x200d || r == 0xfe0f:
		case r >= 0x1100 && r < 0x1160 || r >= 0x2e80 && r < 0xa4d0 || r >= 0xac00 && r < 0xd7a4 || r >= 0xf900 && r < 0xfb00 || r >= 0xfe30 && r < 0xfe70 ||
			r >= 0xff00 && r < 0xff61 || r >= 0x1f300 && r < 0x1f650 || r >= 0x1f900 && r < 0x1fa00 || r >= 0x20000 && r < 0x3fffe:
			n += 2
		default:
			n++
		}
	}
	return n
}

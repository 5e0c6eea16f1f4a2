package format

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const step = 2 // spaces for a level

// writer puts the lines of a model into their new places.
type writer struct {
	*model
	out  bytes.Buffer
	lead string // what the next line begins with instead of spaces: dashes
	open bool   // the text before ends with empty lines that are its own
}

func (w *writer) document(root *block) {
	w.comments(w.header, 0)
	w.block(root, 0)
	w.comments(w.footer, 0)
}

// flowDocument is a document in brackets: its lines stay.
func flowDocument(m *model) []byte { return []byte(strings.Join(m.lines, "\n") + "\n") }

// line writes a line at a column. Space at its end is left only where more of a value follows.
func (w *writer) line(col int, text string) { w.part(col, strings.TrimRight(text, " \t")) }

func (w *writer) part(col int, text string) {
	lead := strings.Repeat(" ", col)
	if w.lead != "" {
		lead, w.lead = w.lead, ""
	}
	if strings.TrimLeft(text, " \t") != "" {
		w.out.WriteString(lead + text)
	}
	w.out.WriteString("\n")
	w.open = false
}

func (w *writer) comments(lines []string, col int) {
	for _, l := range lines {
		if l != "" || !w.open {
			w.line(col, l)
		}
	}
}

func (w *writer) block(b *block, col int) {
	for i, e := range b.entries {
		if i > 0 && e.blank && !w.open {
			w.out.WriteString("\n")
		}
		w.comments(e.heads, col)
		w.entry(e, col)
	}
	w.comments(b.feet, col)
}

func (w *writer) entry(e *entry, col int) {
	switch {
	case e.inline:
		if w.lead == "" {
			w.lead = strings.Repeat(" ", col)
		}
		w.lead += "- "
		w.block(e.inner, col+step)
	case e.inner != nil:
		w.line(col, w.remark(e.prefix, col, e.line, e.behind))
		w.block(e.inner, col+step)
	case e.leaf.line > e.line: // a value below its key
		w.line(col, w.remark(e.prefix, col, e.line, e.behind))
		for at := e.line + 1; at < e.leaf.line; at++ {
			w.line(col+step, strings.TrimSpace(w.lines[at]))
		}
		w.leaf(e, "", col, col+step)
	default:
		prefix := e.prefix
		if e.leaf.end > e.leaf.col || e.leaf.last > e.leaf.line {
			prefix += " "
		}
		w.leaf(e, prefix, col, col)
	}
}

// leaf writes a value that begins at a column, behind a prefix. parent is the new column of its key or dash.
func (w *writer) leaf(e *entry, prefix string, parent, col int) {
	f := e.leaf
	if f.last == f.line {
		w.line(col, w.remark(prefix+w.lines[f.line][f.col:f.end], col, f.line, f.end))
	} else {
		w.part(col, prefix+w.lines[f.line][f.col:])
	}
	if f.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		w.textBlock(f, parent)
		return
	}
	shift, least := parent-e.col, parent+step
	if f.line > e.line {
		shift = col - f.col
	}
	if f.flow {
		least = 0
		if strings.TrimLeft(w.lines[f.line][f.col+1:], " \t") != "" { // what follows is aligned with the first value
			shift = col + len(prefix) - f.col
		}
	}
	for at := f.line + 1; at <= f.last; at++ {
		l := w.lines[at]
		in := indentOf(l)
		to := in + shift
		if in+shift < least && (f.flow || in <= e.col+shift || in+shift <= parent) {
			to = least
		}
		if at < f.last {
			w.part(to, l[in:])
		} else {
			w.line(to, w.remark(l[in:f.end], to, at, f.end))
		}
	}
}

// textBlock moves the lines of a block of text as one.
func (w *writer) textBlock(f *leaf, parent int) {
	to := parent + step
	if f.given > 0 {
		to = parent + f.given
	}
	for _, l := range w.lines[f.line+1 : f.after] {
		if len(l) > f.indent {
			w.out.WriteString(strings.Repeat(" ", to) + l[f.indent:])
		}
		w.out.WriteString("\n")
		w.open = f.keep
	}
}

// remark adds the comment that stands behind byte end of a line to its new text. It keeps its
// column where it can, because others may stand below it.
func (w *writer) remark(text string, col, line, end int) string {
	rest := w.lines[line][end:]
	remark := strings.TrimSpace(rest)
	if remark == "" {
		return text
	}
	gap := len(rest) - len(strings.TrimLeft(rest, " \t"))
	if gap > 1 {
		old := utf8.RuneCountInString(w.lines[line][:end]) + gap
		gap = max(1, old-col-utf8.RuneCountInString(text))
	}
	return text + strings.Repeat(" ", gap) + remark
}

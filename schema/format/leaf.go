package format

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// leaf is a value that is not taken apart: a scalar, or a map or list in brackets.
type leaf struct {
	style     yaml.Style
	flow      bool
	line, col int // where it begins
	last, end int // its last line, and the byte behind its end there; of a block of text: those of its header
	after     int // the first line that is no longer its
	indent    int // of a block of text: what every line begins with
	given     int // of a block of text: the same above its parent, where the header says it; else 0
	keep      bool
}

func (m *model) leaf(e *entry, n *yaml.Node) (*leaf, *refusal) {
	f := &leaf{style: n.Style, flow: n.Kind != yaml.ScalarNode, line: n.Line - 1, col: m.byteCol(n)}
	ok := true
	switch {
	case f.flow:
		f.last, f.end, ok = m.brackets(f.line, f.col)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		f.last, f.end, ok = m.quoted(f.line, f.col)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		m.textBlock(e, f)
	case n.Value == "": // nothing: it has no place of its own
		f.line, f.col, f.last, f.end = e.line, e.behind, e.line, e.behind
	default:
		f.last, f.end = m.plain(f.line, f.col, e.col)
	}
	if f.after == 0 {
		f.after = f.last + 1
	}
	if !ok || f.line < e.line || f.line == e.line && f.col < e.behind || f.end > len(m.lines[f.last]) {
		return nil, &refusal{e.line, e.col, "the end of the value was not found", ""}
	}
	if rest := strings.TrimLeft(m.lines[f.last][f.end:], " \t"); rest != "" && rest[0] != '#' {
		return nil, &refusal{f.last, f.end, "it is not clear what stands behind the value", ""}
	}
	return f, nil
}

// quoted finds the end of a quoted scalar.
func (m *model) quoted(line, col int) (last, end int, ok bool) {
	quote := m.lines[line][col]
	for col++; line < len(m.lines); line, col = line+1, 0 {
		for l := m.lines[line]; col < len(l); col++ {
			switch {
			case l[col] == '\\' && quote == '"':
				col++
			case l[col] == quote && quote == '\'' && col+1 < len(l) && l[col+1] == quote:
				col++
			case l[col] == quote:
				return line, col + 1, true
			}
		}
	}
	return 0, 0, false
}

// plain finds the end of a scalar without quotes. It goes on over lines that are
// indented more than the key or dash, until a comment.
func (m *model) plain(line, col, parent int) (last, end int) {
	for at := line; at < len(m.lines); at++ {
		l := m.lines[at]
		if at > line {
			col = indentOf(l)
			if strings.TrimSpace(l) == "" {
				continue
			}
			if col <= parent || l[col] == '#' {
				break
			}
		}
		text := l[col:]
		cut := comment(text)
		last, end = at, col+len(strings.TrimRight(text[:cut], " \t"))
		if cut < len(text) {
			break
		}
	}
	return last, end
}

// comment is where a comment begins in text, else its length.
func comment(text string) int {
	for i := 1; i < len(text); i++ {
		if text[i] == '#' && (text[i-1] == ' ' || text[i-1] == '\t') {
			return i
		}
	}
	return len(text)
}

// brackets finds the end of a map or list in brackets. A quote is one only where a value begins.
func (m *model) brackets(line, col int) (last, end int, ok bool) {
	depth, begins := 0, true
	for ; line < len(m.lines); line, col = line+1, 0 {
		for col < len(m.lines[line]) {
			l := m.lines[line]
			c := l[col]
			switch {
			case c == '#' && (col == 0 || l[col-1] == ' ' || l[col-1] == '\t'):
				col = len(l)
				continue
			case begins && (c == '"' || c == '\''):
				if line, col, ok = m.quoted(line, col); !ok {
					return 0, 0, false
				}
				begins = false
				continue
			case c == '[' || c == '{':
				depth, begins = depth+1, true
			case c == ']' || c == '}':
				begins = false
				if depth--; depth == 0 {
					return line, col + 1, true
				}
			case c == ',', c == ':' && (col+1 == len(l) || strings.IndexByte(" \t[{", l[col+1]) >= 0 || col > 0 && (l[col-1] == '"' || l[col-1] == '\'')):
				begins = true
			case c != ' ' && c != '\t':
				begins = false
			}
			col++
		}
	}
	return 0, 0, false
}

// textBlock finds the lines of a scalar that begins with | or >.
func (m *model) textBlock(e *entry, f *leaf) {
	header := m.lines[f.line][f.col:]
	size := len(header) - len(strings.TrimLeft(header, "|>+-0123456789"))
	f.last, f.end = f.line, f.col+size
	f.keep = strings.Contains(header[:size], "+")
	if at := strings.IndexAny(header[:size], "123456789"); at >= 0 {
		f.given = int(header[at] - '0')
		f.indent = e.col + f.given
	} else {
		f.indent = e.col + 1
		for _, l := range m.lines[f.line+1:] {
			f.indent = max(f.indent, indentOf(l))
			if strings.TrimSpace(l) != "" {
				break
			}
		}
	}
	f.after = f.line + 1
	for at := f.line + 1; at < len(m.lines); at++ {
		l := m.lines[at]
		switch in := indentOf(l); {
		case len(l) > in && in < f.indent:
			return
		case len(l) > f.indent || f.keep:
			f.after = at + 1
		}
	}
}

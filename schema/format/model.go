package format

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/schema"
	"gopkg.in/yaml.v3"
)

// block is a map or a list in lines of its own.
type block struct {
	col     int // where its keys or dashes stand
	list    bool
	entries []*entry
	feet    []string // comments behind the last entry; "" is an empty line
}

// entry is a key with its value, or a dash with its item. It has either a block or a leaf.
type entry struct {
	line, col int
	at        int    // its place in the text, among the entries of its block
	rank      int    // of the key, where the schema has one
	prefix    string // "key:" or "-"
	behind    int    // the byte behind the prefix in its line
	blank     bool   // an empty line stands before it and its heads
	heads     []string
	after     int // the first line that is not its own

	inner  *block
	inline bool // inner begins on the line of the dash
	leaf   *leaf
}

// model finds the lines of a document: which belong together, and which comments are
// about what. Lines and bytes are counted from 0.
type model struct {
	outline *schema.Outline
	lines   []string
	next    int      // the first line that belongs to nothing yet
	chain   []*block // those that are open, from the document's own
	header  []string // what stands before the first entry is about the file
	footer  []string // from a line "..." on
}

func newModel(o *schema.Outline) *model {
	return &model{outline: o, lines: strings.Split(strings.TrimSuffix(string(o.Text), "\n"), "\n")}
}

// document is the block of the whole file; nil where that is a map in brackets.
func (m *model) document() (*block, *refusal) {
	if m.outline.Root.Style&yaml.FlowStyle != 0 {
		return nil, nil
	}
	root, err := m.block(m.outline.Root)
	if err != nil {
		return nil, err
	}
	for at := m.next; at < len(m.lines); at++ {
		if isMark(m.lines[at], "...") {
			m.footer = gather(m.lines[at:])
			m.lines = m.lines[:at]
		}
	}
	return root, m.gap(nil, m.chain)
}

func (m *model) block(n *yaml.Node) (*block, *refusal) {
	b := &block{list: n.Kind == yaml.SequenceNode, col: m.byteCol(n)}
	m.chain = append(m.chain, b)
	depth := len(m.chain)
	step := 2
	if b.list {
		step = 1
	}
	for i := 0; i+step <= len(n.Content); i += step {
		e, err := m.entry(b, n.Content[i:i+step])
		if err != nil {
			return nil, err
		}
		b.entries = append(b.entries, e)
		if e.line >= m.next || e.line < 0 { // not the line of a dash that is told already
			closed := m.chain[depth:]
			m.chain = m.chain[:depth]
			if err := m.gap(e, closed); err != nil {
				return nil, err
			}
			m.next = e.line + 1
		}
		m.chain = m.chain[:depth]
		if err := m.value(e, n.Content[i+step-1]); err != nil {
			return nil, err
		}
		e.after = m.next
	}
	return b, nil
}

// entry finds a key or a dash.
func (m *model) entry(b *block, of []*yaml.Node) (*entry, *refusal) {
	e := &entry{col: b.col, line: of[0].Line - 1, at: len(b.entries)}
	if b.list {
		for ; e.line >= 0; e.line-- { // the item may stand on a line below its dash
			if l := m.lines[e.line]; len(l) > b.col && l[b.col] == '-' && strings.Trim(l[:b.col], " -") == "" {
				break
			}
		}
		if e.line < 0 {
			return nil, &refusal{text: "a list was not found in its lines"}
		}
		e.prefix, e.behind = "-", b.col+1
		return e, nil
	}
	key, l := of[0], m.lines[e.line]
	end := b.col + len(key.Value)
	if quote := key.Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle); quote != 0 {
		line, at, ok := m.quoted(e.line, b.col)
		if !ok || line != e.line {
			return nil, &refusal{e.line, b.col, "a key over several lines", "write it in one"}
		}
		end = at
	}
	if m.byteCol(key) != b.col || strings.Trim(l[:b.col], " -") != "" || end > len(l) {
		return nil, &refusal{e.line, b.col, "a key in an unusual place", "write it as KEY: VALUE"}
	}
	rest := strings.TrimLeft(l[end:], " \t")
	if !strings.HasPrefix(rest, ":") {
		return nil, &refusal{e.line, b.col, "a key in an unusual place", "write it as KEY: VALUE"}
	}
	e.rank, e.prefix, e.behind = m.outline.Rank(key), l[b.col:end]+":", len(l)-len(rest)+1
	return e, nil
}

// value finds what an entry holds, and the lines it takes.
func (m *model) value(e *entry, n *yaml.Node) (err *refusal) {
	if n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0 {
		e.inline = n.Line-1 == e.line
		e.inner, err = m.block(n)
		return err
	}
	if e.leaf, err = m.leaf(e, n); err == nil {
		m.next = e.leaf.after
	}
	return err
}

// gap hands out the lines between two entries. A comment that is indented more than the
// entry below it is about the end of what is above; any other is about what is below.
func (m *model) gap(e *entry, closed []*block) *refusal {
	end := len(m.lines)
	if e != nil {
		end = e.line
	}
	first := len(m.chain) == 1 && len(m.chain[0].entries) == 1 && e != nil
	blank, heads := false, &m.header
	switch {
	case e == nil:
		heads = nil
	case !first:
		heads = &e.heads
	}
	for ; m.next < end; m.next++ {
		text := strings.TrimSpace(m.lines[m.next])
		switch {
		case text == "":
			blank = true
			continue
		case text[0] != '#' && !(first && isMark(text, "---")):
			return &refusal{m.next, indentOf(m.lines[m.next]), "it is not clear what this line belongs to", ""}
		}
		to := heads
		if foot := footOf(e, closed, indentOf(m.lines[m.next])); foot >= 0 && (e == nil || len(*heads) == 0) {
			to, closed = &closed[foot].feet, closed[:foot+1]
		} else if len(*heads) == 0 && !first {
			e.blank, blank = blank, false
		}
		if blank && !(first && len(*to) == 0) {
			*to = append(*to, "")
		}
		*to = append(*to, text)
		blank = false
	}
	if blank && e != nil && len(*heads) > 0 {
		*heads = append(*heads, "")
	} else if blank && e != nil && !first {
		e.blank = true
	}
	return nil
}

// footOf is the block, of those that end here, whose last line a comment is; -1: none.
func footOf(e *entry, closed []*block, indent int) int {
	if e != nil && indent <= e.col {
		return -1
	}
	best := -1
	for i, b := range closed {
		if b.col <= indent && (best < 0 || b.col > closed[best].col) {
			best = i
		}
	}
	if best < 0 && e == nil {
		return 0
	}
	return best
}

// arrange puts the keys of all maps into the order of the schema. One that the schema has
// no place for stays below the key it stands below.
func (b *block) arrange() {
	rank := 0
	for _, e := range b.entries {
		if e.inner != nil {
			e.inner.arrange()
		}
		if e.rank == 0 {
			e.rank = rank
		}
		rank = e.rank
		if e.inline { // comments on what comes first behind a dash stand above the dash
			first := e.inner.entries[0]
			e.heads = append(e.heads, first.heads...)
			first.heads = nil
		}
	}
	was := slices.Clone(b.entries)
	slices.SortStableFunc(b.entries, func(x, y *entry) int { return x.rank - y.rank })
	blanks := make([]bool, len(was))
	for i := 1; i < len(was); i++ {
		blanks[i] = parted(was, b.entries[i-1], b.entries[i])
	}
	for i, e := range b.entries {
		e.blank = blanks[i]
	}
}

// parted reports whether an empty line comes between two entries. Where they were not
// neighbours it does when one of them had one on this side; for two of a line each, when both had.
func parted(was []*entry, above, below *entry) bool {
	if above.at+1 == len(was) {
		return below.blank
	}
	behind := was[above.at+1].blank
	switch {
	case below.at == above.at+1:
		return below.blank
	case above.short() && below.short():
		return behind && below.blank
	}
	return behind || below.blank
}

// short reports whether an entry is one line, with no comment above.
func (e *entry) short() bool { return len(e.heads) == 0 && e.after-e.line == 1 }

// gather is lines of comments without space around them, and no two empty ones in a row.
func gather(lines []string) []string {
	var out []string
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" || len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, l)
		}
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// isMark reports whether a line is "---" or "...", perhaps with a comment.
func isMark(line, mark string) bool {
	rest, ok := strings.CutPrefix(line, mark)
	rest = strings.TrimLeft(rest, " \t")
	return ok && (rest == "" || rest[0] == '#')
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// byteCol is a node's column in bytes; the parser counts characters.
func (m *model) byteCol(n *yaml.Node) int {
	line, chars := m.lines[n.Line-1], 0
	for i := range line {
		if chars++; chars == n.Column {
			return i
		}
	}
	return len(line)
}

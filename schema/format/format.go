// Package format gives the text of a Boxfile its canonical form: keys in the order of the
// schema, two spaces for each level, one space behind a colon and a dash, at most one empty
// line between entries, plain line ends.
//
// It moves lines and changes the space in front of them; it writes no value anew.
// Quotes, blocks of text and what stands in brackets stay as they are, and a comment goes
// with what it is about. It takes a file's bytes and returns others. It knows no files,
// and it is no check: a wrong Boxfile is refused with what is wrong.
package format

import (
	"github.com/boxfile/boxfile/schema"
)

// Format returns the canonical text of a Boxfile, which is the same document: its plan and
// its digest do not change. name is what messages call the file. The error is that of
// schema.Parse, or names the line that cannot be moved; inputs need no values.
func Format(name string, data []byte) ([]byte, error) {
	o, err := schema.NewOutline(name, data)
	if err != nil {
		return nil, err
	}
	out, err := text(name, o)
	if err != nil {
		return nil, err
	}
	return out, check(name, o, out)
}

// text is the canonical text of what was read. It is not checked yet.
func text(name string, o *schema.Outline) ([]byte, error) {
	m := newModel(o)
	root, err := m.document()
	if err != nil {
		c := schema.NewCollector(name, o.Text)
		c.Add(schema.Pos{Line: err.line + 1, Col: err.col + 1}, err.fix, "cannot format it: %s", err.text)
		return nil, c.ErrorOrNil()
	}
	if root == nil {
		return flowDocument(m), nil
	}
	root.arrange()
	w := writer{model: m}
	w.document(root)
	return w.out.Bytes(), nil
}

// refusal is why a text is left alone, and where: line and byte counted from 0.
type refusal struct {
	line, col int
	text, fix string
}

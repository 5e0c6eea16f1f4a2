package schema

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits against files that were made to take long.
const (
	MaxSize    = 256 << 10 // bytes
	maxWritten = 8 << 20   // bytes of a document that a program has written
	maxNesting = 64
)

// checkText refuses what no YAML reader should see. It returns the text as the
// parser gets it: without a byte order mark, with plain line ends.
func checkText(name string, data []byte, most int) ([]byte, *Collector) {
	c := NewCollector(name, nil)
	if len(data) > most {
		c.Add(Pos{}, "", "the file has more than %d KiB; a Boxfile has at most that", most>>10)
		return nil, c
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		c.Add(Pos{1, 1}, "save it as UTF-8", "the file is UTF-16; a Boxfile is UTF-8")
		return nil, c
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	c = NewCollector(name, data)
	if len(bytes.TrimSpace(data)) == 0 {
		c.Add(Pos{}, "begin with: boxfile: 1", "the file is empty")
		return nil, c
	}
	checkCharacters(c, data, most <= MaxSize)
	if c.ErrorOrNil() == nil {
		checkNesting(c, data)
	}
	return data, c
}

// checkCharacters refuses what an editor or a page obeys or hides. read means that people
// read the text: then marks that change the order of what is shown are refused too, also in
// comments, because the lines of a review could say something else than they do (CVE-2021-42574).
func checkCharacters(c *Collector, data []byte, read bool) {
	line, col := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at := Pos{line, col}
		switch {
		case r == utf8.RuneError && size <= 1:
			c.Add(at, "save the file as UTF-8", "byte %#02x is not valid UTF-8", data[i])
			return
		case r == 0:
			c.Add(at, "", "a NUL character")
			return
		case r == '%' && col == 1:
			c.Add(at, "remove the line", "YAML directives are not allowed")
			return
		case r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			c.Add(at, `write it as an escape in double quotes, as "\x1b"`, "control character U+%04X", r)
			return
		case read && reorders(r):
			c.Add(at, fmt.Sprintf(`remove it, or write it as an escape in double quotes: "\u%04x"`, r), "U+%04X has what follows shown in another order than it is read in", r)
			return
		}
		i += size
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
}

// checkNesting bounds the depth before the parser, whose time grows with the
// square of it. Brackets in quotes and comments are not told apart from others:
// a file with that many of them open is no Boxfile either way.
func checkNesting(c *Collector, data []byte) {
	depth, line, col := 0, 1, 0
	leading := 0 // dashes and question marks that a line begins with
	for _, b := range data {
		col++
		switch {
		case b == '[' || b == '{':
			if depth++; depth > maxNesting*4 {
				c.Add(Pos{line, col}, "", "more than %d brackets are open here; a Boxfile nests at most %d deep", maxNesting*4, maxNesting)
				return
			}
		case b == ']' || b == '}':
			depth = max(depth-1, 0)
		case b == '\n':
			line, col, leading = line+1, 0, 0
		case leading >= 0 && (b == '-' || b == '?'):
			if leading++; leading > maxNesting*4 && col > leading+maxNesting { // not a ruler of dashes
				c.Add(Pos{line, col}, "", "the line nests too deep; a Boxfile nests at most %d deep", maxNesting)
				return
			}
		case b != ' ':
			leading = -1
		}
	}
	deepest := 0
	for l := range bytes.Lines(data) {
		deepest = max(deepest, len(l)-len(bytes.TrimLeft(l, " ")))
	}
	if deepest > 4096 {
		c.Add(Pos{}, "", "a line is indented by %d spaces; a Boxfile nests at most %d deep", deepest, maxNesting)
	}
}

// escape makes text safe to print: no control character reaches a terminal.
func escape(s string) string {
	if !strings.ContainsFunc(s, dangerous) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if dangerous(r) {
			b.WriteString(strings.Trim(strings.ReplaceAll(quoteRune(r), "'", ""), "\""))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// reorders reports the marks that have text shown in another order, up to a line's end.
func reorders(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// dangerous are controls, and the marks that reorder text on a screen.
func dangerous(r rune) bool {
	return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || reorders(r) || r == 0x200e || r == 0x200f
}

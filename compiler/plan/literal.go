package plan

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Literal shows a string of a Boxfile so that it reads only one way: bare where
// every byte is harmless, otherwise quoted with Go's escapes. What a terminal
// would obey or hide (escape sequences, line ends, text that runs backwards,
// letters without a shape) is always escaped: a Boxfile must not paint over its review.
func Literal(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !Bare(r) }) < 0 {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !Blank(r) {
			q := strconv.Quote(s[i : i+size])
			b.WriteString(q[1 : len(q)-1])
			continue
		}
		q := strconv.QuoteToASCII(s[i : i+size])
		b.WriteString(q[1 : len(q)-1])
	}
	b.WriteByte('"')
	return b.String()
}

// Literals shows a list, each element on its own.
func Literals(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = Literal(s)
	}
	return out
}

// Bare reports letters that mean nothing to a terminal, a shell or a table.
func Bare(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:=@%,", r)
}

// Blank reports letters and symbols that count as printable but leave nothing to see, or
// nothing of their own: variation selectors, and marks that belong to no script, with
// which é is written in two ways, and text is struck out.
func Blank(r rune) bool {
	return strings.ContainsRune("\u00ad\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U00016fe4\U0001d159", r) || r >= 0x300 && unicode.Is(unicode.Inherited, r)
}

package render

import (
	"errors"
	"strings"
)

var errNUL = errors.New("a shell word cannot hold a NUL")

// quote writes a string as one word of a POSIX shell that means exactly its
// bytes. It refuses what no word can hold rather than write something else.
func quote(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", errNUL
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// safe is what means itself anywhere in a command. "=" and "~" do not: before the
// command they are an assignment and a home.
func safe(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-,:", r)
}

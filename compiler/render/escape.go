package render

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/boxfile/boxfile/compiler/plan"
)

// literal shows a string of a Boxfile so that it reads only one way.
func literal(s string) string { return plan.Literal(s) }

// plain reports whether text can be shown line by line as it is.
func plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r != '\n' && r != '\t' && (!strconv.IsPrint(r) || plan.Blank(r))
	}) < 0
}

// literals shows a list, each element on its own.
func literals(list []string) []string { return plan.Literals(list) }

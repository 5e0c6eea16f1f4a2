package main

import (
	"strings"

	"github.com/boxfile/boxfile/executor"
)

// gc removes what killed boxes left behind, and prints what that was.
func (t *terminal) gc() error {
	gone, err := executor.GC()
	if err != nil {
		return &problem{text: "cannot look for what is left behind: " + reason(err)}
	}
	var b strings.Builder
	for _, path := range gone {
		b.WriteString("removed " + printable(path) + "\n")
	}
	return t.result([]byte(b.String()))
}

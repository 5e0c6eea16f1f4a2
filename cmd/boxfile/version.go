package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/boxfile/boxfile/compiler/plan"
)

// languageVersion is the value of the key boxfile that this tool reads.
const languageVersion = 1

// version prints what this binary is and which forms it speaks.
func (t *terminal) version() error {
	tool, commit := "(unknown)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		tool = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " commit " + s.Value
			}
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "boxfile %s%s\nlanguage %d, plan format %d\n%s %s/%s\n",
		tool, commit, languageVersion, plan.FormatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return t.result(b.Bytes())
}

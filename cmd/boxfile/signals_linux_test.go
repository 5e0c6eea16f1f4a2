package main

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Before there is a box, and in verbs that make none, signals end boxfile as they end
// every program, without a word.
func TestSignalsEndEveryVerb(t *testing.T) {
	for _, verb := range []string{"up", "plan", "doctor"} {
		endsBy(t, verb, syscall.SIGQUIT)
	}
	for _, s := range append(fatal[:], syscall.SIGTERM) { // HUP and INT may be ignored where the tests run
		endsBy(t, "validate", s)
	}
}

// endsBy sends a signal to a verb that reads a Boxfile from a pipe.
func endsBy(t *testing.T, verb string, s syscall.Signal) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -c 0; exec "$0" "$@"`, filepath.Join(bin, "boxfile"), verb, "-")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil { // more than a pipe holds: it is written when boxfile has begun to read
		_, err = io.WriteString(in, strings.Repeat("#", 1<<16+1))
	}
	if err == nil {
		err = cmd.Process.Signal(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status says it; standard input stays open until then
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() || w.Signal() != s || said.Len() > 0 {
		t.Errorf("%s, %v: it ended with %v and said %q", verb, s, cmd.ProcessState, said.String())
	}
}

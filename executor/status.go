package executor

import "fmt"

// Options change what is told about a run, never what is done.
type Options struct {
	// Progress, if set, is called on the way with a phrase such as "started".
	Progress func(event string)
}

// Status is how the command ended.
type Status struct {
	Code   int // the command's exit code, or 128 plus the signal
	Signal int // the signal that ended it, or 0
}

// Failure is why there was no box, or no command in it. Everything done for it was undone.
type Failure struct {
	Step    int    // index into the plan's steps, or -1
	Message string // what cannot be done, in the file's words
	Cause   string // only what was found on this host
	Fix     string // one command or key
	Detail  string // the op and its error
	Code    int    // exit code: 125, or 126 and 127 for the command itself
	Err     error  // the errno
	Undo    error  // what could not be undone, or nil
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Message, f.Err) }

// Unwrap returns the errno.
func (f *Failure) Unwrap() error { return f.Err }

// Exit codes of a box that could not be made or entered, as in docker-run(1) and env(1).
const (
	CodeBoxfile       = 125
	CodeNotExecutable = 126
	CodeNotFound      = 127
	signalBase        = 128
)

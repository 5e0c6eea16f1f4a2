package executor

import (
	"fmt"
	"time"
)

// Options change what is told about a run, never what is done.
type Options struct {
	// Progress, if set, is called when a step of the plan begins, with its index, and
	// at last with Started. Steps come in the order in which they are done, each
	// of them once: a mount is attached long after it was opened. What a step asks of
	// execve(2) alone, as a variable, comes just before the command.
	Progress func(step int)
	// NotEnforced, if set, is called for every limit that the file lets go because
	// this machine does not enforce it: the step of the plan, and why.
	NotEnforced func(step int, why string)
	// Published, if set, is called for every port that boxfile listens at, before the box is made.
	Published func(Published)
}

// Started is what Progress is called with once the command has been executed.
const Started = -1

// Published is a port of the host, and the port of the box that it leads to.
type Published struct {
	Step      int // index into the plan's steps
	Protocol  string
	Address   string
	Host, Box uint16
	Chosen    bool // the plan leaves it to the kernel
}

// Reason says why a command is over.
type Reason string

// The reasons, as a report names them.
const (
	ReasonExit    Reason = "exit"    // it ended by itself
	ReasonSignal  Reason = "signal"  // a signal that no limit has sent
	ReasonOOM     Reason = "oom"     // the memory limit: the kernel killed a process of the box
	ReasonTimeout Reason = "timeout" // the timeout, whatever the command made of its signal
	ReasonPids    Reason = "pids"    // it failed after the pids limit had refused a process
)

// Status is how the command ended.
type Status struct {
	Code    int // the command's exit code, 128 plus the signal, or 124 for the timeout
	Signal  int // the signal that ended it, or 0
	Reason  Reason
	Reached []Reached // limits that were met, in the order of the plan
	Usage   Usage
	Left    error // what could not be removed of the box's cgroups, or nil
}

// Reached is a limit that the box has met.
type Reached struct {
	Step  int    // index into the plan's steps; -1 for memory that ran out outside of the box's own limit
	Count uint64 // processes killed, or processes refused; 1 for the timeout
}

// Usage is what the box has used. What no cgroup has counted is nil.
type Usage struct {
	Wall, User, System time.Duration
	MaxRSS             uint64  // bytes of the largest process, getrusage(2)
	PeakMemory         *uint64 // bytes of the whole box
	Throttled          *time.Duration
	ReadBytes          *uint64 // from disks
	WriteBytes         *uint64
	OOMKills           *uint64
	PidsRefused        *uint64
}

// Failure is why there was no box, or no command in it. Everything done for it was undone.
type Failure struct {
	Step    int    // index into the plan's steps, or -1
	Op      int    // of the box side, counted as Program.WriteText does, or -1
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

// Exit codes of a box that ran out of time, and of one that could not be made or
// entered, as in timeout(1), docker-run(1) and env(1).
const (
	CodeTimeout       = 124
	CodeBoxfile       = 125
	CodeNotExecutable = 126
	CodeNotFound      = 127
	signalBase        = 128
)

// The runtime would follow changes of the CPU quota of its cgroup with a
// goroutine of its own; a start is over before any could come.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command boxfile turns a YAML file into an isolated run.
//
// It parses the command line, reads files, hands them from room to room (schema,
// compiler, executor) and prints what comes back. It decides nothing about boxes.
// Each verb has a file of its own; every word a person reads in a message, and
// every exit code, is in wording.go.
package main

import (
	"io"
	"os"
	"runtime/debug"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	_ "github.com/boxfile/boxfile/cmd/boxfile/internal/stack" // grows it once instead of four times
)

func main() {
	endBySignals()
	// A start allocates a third of a MiB, far from a collection; telling the runtime
	// so makes it 2 to 3 % shorter (docs/architecture.md). A hostile file is collected at the limit.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(64 << 20)
	t := &terminal{out: os.Stdout, err: os.Stderr, colour: wantsColour}
	os.Exit(t.run(os.Args[1:], os.Stdin))
}

// run carries out one command line and returns the exit code.
func (t *terminal) run(words []string, stdin io.Reader) int {
	if err := refusePrivilege(); err != nil {
		return t.fail(cli.Up, err)
	}
	call, err := cli.Parse(words)
	if err != nil {
		return t.fail("", err)
	}
	if call.Help {
		call = &cli.Call{Verb: cli.Help, Operands: []string{call.Verb}}
	}
	code, err := t.verb(call, stdin)
	if err != nil {
		return t.fail(call.Verb, err)
	}
	return code
}

func (t *terminal) verb(call *cli.Call, stdin io.Reader) (int, error) {
	switch call.Verb {
	case cli.Up:
		return t.up(call, stdin)
	case cli.Plan:
		return t.plan(call, stdin)
	case cli.Diff:
		return t.diff(call, stdin)
	case cli.Validate:
		return t.validate(call, stdin)
	case cli.Lock:
		return t.lock(call, stdin)
	case cli.Explain:
		return exitOK, t.explain(call, stdin)
	case cli.Format:
		return t.format(call, stdin)
	case cli.Doctor:
		return t.doctor(call, stdin)
	case cli.GC:
		return exitOK, t.gc()
	case cli.LSNS:
		return exitOK, t.lsns(call)
	case cli.Schema:
		return exitOK, t.schema(call)
	case cli.Version:
		return exitOK, t.version()
	case cli.Completion:
		return exitOK, t.completion(call)
	default:
		return exitOK, t.help(call)
	}
}

package executor_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/executor/program"
)

// Under up -v the run is the program, too: all that comes in between is the child's
// word that a step begins, once for each, just before the step's first op.
func TestTraceOfSteps(t *testing.T) {
	needStrace(t)
	for _, init := range []bool{true, false} {
		if init && os.Getuid() != 0 {
			continue // an ordinary user's strace cannot read the memory of a process 1 that cannot be dumped
		}
		b := newBox(t)
		b.env = []string{"BOXFILE_TEST_PROGRESS=1"}
		p := withInit(t, init, "exit", "0")
		prog, trace := b.trace(p)
		if matchAll(prog, trace) == nil {
			t.Error("the words go unnoticed")
		}
		one, _, err := boxSide(prog, trace)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for pid, calls := range trace {
			rest, n := withoutWords(t, prog, calls, controlDescriptor(prog, one))
			trace[pid], told = rest, told+n
		}
		if err := matchAll(prog, trace); err != nil {
			t.Error(err)
		}
		if want := stepsWithOps(prog); told != want {
			t.Errorf("init %v: %d steps are told, %d have ops", init, told, want)
		}
	}
}

// withoutWords takes the messages that a step begins out of a process's calls, and
// looks that the next call is the op that each announces.
func withoutWords(t *testing.T, prog *program.Program, calls []program.Traced, control int64) (rest []program.Traced, told int) {
	t.Helper()
	const doing = `"\x07\x00\x00\x00` // the kind of the message
	ops := append(append(append([]program.Op{}, prog.Enter...), prog.Command...), prog.Init...)
	for i, c := range calls {
		if c.Name != "write" || c.Args[0] != strconv.FormatInt(control, 10) || !strings.HasPrefix(c.Args[1], doing) {
			rest = append(rest, c)
			continue
		}
		told++
		var tag [4]byte
		if _, err := fmt.Sscanf(strings.ReplaceAll(c.Args[1][len(doing):], `\x`, " 0x"), " %v %v %v %v", &tag[0], &tag[1], &tag[2], &tag[3]); err != nil || i+1 >= len(calls) {
			t.Fatalf("%s: %v", c.Text, err)
		}
		n := int(tag[0]) | int(tag[1])<<8
		if n >= len(ops) || calls[i+1].Name != ops[n].Call.Name {
			t.Errorf("op %d is announced, and %s follows", n, calls[i+1].Text)
		}
	}
	return rest, told
}

func stepsWithOps(prog *program.Program) int {
	seen := map[int]bool{}
	for _, list := range [][]program.Op{prog.Enter, prog.Command, prog.Init} {
		for i := range list {
			if list[i].Step >= 0 && reached(list, i) {
				seen[list[i].Step] = true
			}
		}
	}
	return len(seen)
}

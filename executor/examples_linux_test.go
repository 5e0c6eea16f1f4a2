package executor_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Every example, run from its saved plan, is its program, as strace saw it.
func TestTraceExamples(t *testing.T) {
	needStrace(t)
	if os.Getuid() != 0 {
		t.Skip("an ordinary user's strace cannot read the memory of a process 1 that cannot be dumped")
	}
	files, err := filepath.Glob("../compiler/render/testdata/golden/*.json")
	if err != nil || len(files) < 12 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			r, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := plan.Decode(r)
			_ = r.Close()
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "join": // nobody is there to be joined; see TestTraceBeforeProcess1
				return
			case "inputs": // its secret has no value here
				return
			case "subuid":
				if !granted(nil) {
					return // refused before anything is asked of the kernel, see TestSubordinate
				}
			case "nginx", "outbound", "redis", "two-postgres", "readonly-postgres", "go-build", "web": // servers under strace take long; their programs are no others than the rest's
				return
			}
			b := newBox(t)
			if err := os.CopyFS(b.dir, os.DirFS("../examples")); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("sh", "-c", "cd "+b.dir+" && mkdir -p rootfs/bin rootfs/dev rootfs/proc && cp /bin/busybox rootfs/bin/ && for a in sh echo test; do ln -s busybox rootfs/bin/$a; done").CombinedOutput(); err != nil {
				skip(t, "busybox-static is missing: "+string(out))
			}
			t.Setenv("LANG", "C") // a variable that an example passes on
			b.env = []string{"LANG=C"}
			b.ends = map[string]int{"limits": 137, "timeout": 124}[name]
			if err := b.asPrinted(&planner{steps: p.Steps}); err != nil {
				t.Error(err)
			}
		})
	}
}

// asPrinted runs a plan under strace, and compares both sides with its program. It tries
// again where that fails for what a box of another test, or a slow machine, may do: the
// one takes the common folder of the cgroups away, the other meets a timeout too early.
func (b *box) asPrinted(p *planner) error {
	b.t.Helper()
	for i := 0; ; i++ {
		prog, trace := b.trace(p)
		did := hostSide(prog, trace)
		err := errors.Join(matchAllFrom(prog, trace, did.tasks(prog)), matchHost(prog, did.changes))
		if err == nil || i == 4 {
			return err
		}
		for _, s := range p.steps {
			if limit, ok := s.(*plan.Timeout); ok {
				limit.After *= 2
			}
		}
	}
}

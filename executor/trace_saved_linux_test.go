package executor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/program"
)

// savedBox is a Boxfile with something of most rooms in it: sources, files, masks, a
// filter, and what the command gets.
const savedBox = `boxfile: 1
name: saved
mounts:
  - ./src:/src
  - {source: ./out, target: /src/out, mode: rw}
  - {type: tmpfs, target: /tmp, size: 1M}
  - {type: file, target: /etc/motd, content: "hello\n"}
security: {mask: [/src/secret], readonly: [/src/out/kept]}
env: {A: b}
umask: "0077"
shell: echo done > /src/out/done
`

// The program that people install, given a plan that it has saved, asks the kernel for
// what that plan is lowered to here, by another process: nothing more on the way from the
// file to the box, and nothing else.
func TestTraceOfUpWithASavedPlan(t *testing.T) {
	needStrace(t)
	boxfile := theProgram(t)
	text := savedBox
	if os.Getuid() != 0 { // an ordinary user's strace cannot read the memory of a process 1 that cannot be dumped
		text += "init: false\n"
	}
	dir := newBox(t).dir
	for _, d := range []string{"src/out/kept", "src/secret", "out/kept"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file, saved, out := filepath.Join(dir, "dev.yaml"), filepath.Join(dir, "dev.plan.json"), filepath.Join(dir, "trace.txt")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	runs(t, boxfile, "plan", file, "--plan-out", saved)
	if err := os.Remove(file); err != nil { // it is not needed any more
		t.Fatal(err)
	}
	runs(t, "strace", append(append([]string{}, program.TraceFlags...), "-o", out, boxfile, "up", "--plan", saved)...)
	if _, err := os.Stat(filepath.Join(dir, "out", "done")); err != nil {
		t.Error("the command has not run: ", err)
	}
	matchSaved(t, saved, out, dir)
}

// matchSaved compares a trace with what a saved plan is lowered to here.
func matchSaved(t *testing.T, saved, trace, dir string) {
	t.Helper()
	r, err := os.Open(saved)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := plan.Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	prog, err := lower(p, dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := program.ParseTrace(string(text))
	if err != nil {
		t.Fatal(err)
	}
	did := hostSide(prog, calls)
	if err := matchAllFrom(prog, calls, did.tasks(prog)); err != nil {
		t.Error(err)
	}
	if err := matchHost(prog, did.changes); err != nil {
		t.Error(err)
	}
	for i := range prog.Enter { // and the comparison can fail
		if changed := prog.Enter[i]; mutations["another text"](&changed) {
			prog.Enter[i] = changed
			if matchAllFrom(prog, calls, did.tasks(prog)) == nil {
				t.Errorf("a changed op goes unnoticed: %s", &changed)
			}
			return
		}
	}
}

// runs runs a program that has to end well, without a terminal.
func runs(t *testing.T, name string, words ...string) {
	t.Helper()
	cmd := exec.Command(name, words...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, words, err, out)
	}
}

// theProgram is boxfile itself: the one that BOXFILE_TEST_BINARY names, or one that is built.
func theProgram(t *testing.T) string {
	t.Helper()
	if ready := os.Getenv("BOXFILE_TEST_BINARY"); ready != "" {
		return ready
	}
	to := filepath.Join(newBox(t).dir, "boxfile")
	cmd := exec.Command("go", "build", "-trimpath", "-o", to, "../cmd/boxfile")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		skip(t, "boxfile cannot be built, and BOXFILE_TEST_BINARY names none: "+string(out))
	}
	return to
}

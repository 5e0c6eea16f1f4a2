package executor_test

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/executor/program"
)

// The test binary is three programs. Whatever enters namespaces does so in a
// process of its own: "up" runs a saved plan, "probe" is the command inside.
const modeEnv = "BOXFILE_TEST_MODE"

func TestMain(m *testing.M) {
	switch os.Getenv(modeEnv) {
	case "up":
		os.Exit(upMain())
	case "probe":
		os.Exit(probeMain())
	}
	if os.Getenv("BOXFILE_TEST_PLAN") != "" {
		fmt.Fprintln(os.Stderr, "a box of the tests runs the tests: "+modeEnv+" got lost")
		os.Exit(1)
	}
	// Tests that were started with SIGHUP ignored, as by nohup(1), would pass that on.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	if err := copySelf(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, c := range []string{copyName(), copyName() + staticCopy} {
		_ = os.Remove(c) // in the temporary folder either way
	}
	os.Exit(code)
}

// upMain runs the plan on standard input's file, as boxfile up does, with one
// op spoilt or held where the test asks for it.
func upMain() int {
	f, err := os.Open(os.Getenv("BOXFILE_TEST_PLAN"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	p, err := plan.Decode(f)
	f.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	prog, err := lower(p, os.Getenv("BOXFILE_TEST_FOLDER"))
	var refusal *program.Refusal
	if errors.As(err, &refusal) {
		fmt.Fprintf(os.Stderr, "REFUSED %+v\n", *refusal)
		return refusal.Code
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 125
	}
	if n := os.Getenv("BOXFILE_TEST_SPOIL"); n != "" {
		spoil(prog, n)
	}
	if n, err := strconv.Atoi(os.Getenv("BOXFILE_TEST_SPOIL_HOST")); err == nil {
		if n >= len(prog.Host) {
			return noSuchOp
		}
		fmt.Fprintf(os.Stderr, "SPOILT %s %s %v\n", prog.Host[n].Kind, prog.Kind(prog.Host[n].Step), prog.Host[n].IfThere)
		spoilHost(&prog.Host[n])
	}
	if n := os.Getenv("BOXFILE_TEST_HOLD"); n != "" {
		hold(prog, n)
	}
	if os.Getenv("BOXFILE_TEST_PANIC") != "" {
		prog.Plan = &plan.Plan{} // the first failure that is told is of a step that is not there
	}
	status, err := runAs(prog, executor.Options{NotEnforced: func(step int, why string) {
		fmt.Fprintf(os.Stderr, "NOT ENFORCED %s: %s\n", prog.Kind(step), why)
	}, Published: func(p executor.Published) {
		fmt.Fprintf(os.Stderr, "PUBLISHED %s %s\n", p.Protocol, net.JoinHostPort(p.Address, strconv.Itoa(int(p.Host))))
	}})
	if file := os.Getenv("BOXFILE_TEST_STATUS"); file != "" {
		out, _ := json.Marshal(status)
		if err := os.WriteFile(file, out, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if status.Left != nil {
		fmt.Fprintln(os.Stderr, "LEFT", status.Left)
	}
	var failure *executor.Failure
	if errors.As(err, &failure) {
		step := "none"
		if failure.Step >= 0 {
			step = prog.Kind(failure.Step)
		}
		out, _ := json.Marshal(map[string]any{"step": step, "message": failure.Message, "fix": failure.Fix, "cause": failure.Cause, "detail": failure.Detail, "undo": fmt.Sprint(failure.Undo)})
		fmt.Fprintf(os.Stderr, "FAILURE %s\n", out)
	}
	return status.Code
}

func lower(p *plan.Plan, folder string) (*program.Program, error) {
	facts, err := host.Probe(program.NeedsOf(p, folder))
	if err != nil {
		return nil, err
	}
	facts.Caller.Terminal = theTerminal()
	switch h := os.Getenv("BOXFILE_TEST_HELPER"); {
	case h == "slirp4netns":
		facts.Outbound.Pasta = ""
	case strings.HasPrefix(h, "/"):
		facts.Outbound.Pasta = h
	}
	if os.Getenv("BOXFILE_TEST_REHEARSE") != "" {
		return program.Rehearse(p, facts)
	}
	return program.Lower(p, facts)
}

// opNumber returns the list that op n of WriteText's count is in, and its place there.
func opNumber(prog *program.Program, n string) (*[]program.Op, int) {
	i, _ := strconv.Atoi(n)
	for _, list := range []*[]program.Op{&prog.Stage, &prog.Enter, &prog.Command, &prog.Init} {
		if i < len(*list) {
			return list, i
		}
		i -= len(*list)
	}
	panic("no op " + n)
}

// spoil makes an op a call that no kernel has, so that it fails where it stands.
func spoil(prog *program.Program, n string) {
	list, i := opNumber(prog, n)
	o := (*list)[i]
	o.Call = &program.Call{Name: o.Call.Name, Nr: 0xffff}
	o.Errs, o.Try = [2]program.Skip{}, false
	(*list)[i] = o
}

// noSuchOp is the exit code of a run that was to spoil an op which it does not have.
const noSuchOp = 98

// spoilHost makes an op of the host side fail.
func spoilHost(h *program.HostOp) {
	switch h.Kind {
	case program.MakeCgroup:
		h.Cgroup.Parent += "/nosuch"
	case program.SetLimit:
		h.Path = "nosuch.file"
	default:
		h.Path = "/proc/nosuch/nosuch"
	}
}

// hold has the child stop before an op until the supervisor dies: it reads the
// control socket, or standard input where it still holds the other end itself,
// and goes on with the rest when that ends.
func hold(prog *program.Program, n string) {
	list, i := opNumber(prog, n)
	from := program.Arg{Reg: program.Control}
	if list == &prog.Stage || list == &prog.Enter && i <= lastClose(prog.Enter) {
		from = program.Arg{Num: 0}
	}
	wait := program.Op{Step: -1, Call: &program.Call{Name: "read", Nr: syscall.SYS_READ},
		Args: []program.Arg{from, {Kind: program.Buffer, More: &program.More{Buffer: 8}}, {Num: 8}}}
	rest := append([]program.Op{wait}, (*list)[i:]...)
	*list = append((*list)[:i:i], rest...)
}

// lastClose is the place of the op with which the child lets go of descriptors.
func lastClose(list []program.Op) int {
	last := 0
	for i := range list {
		if list[i].Call.Name == "close_range" {
			last = i
		}
	}
	return last
}

// box is a run of a plan in a test.
type box struct {
	t        *testing.T
	dir      string
	user     *syscall.Credential // nil: the tester's own
	env      []string
	prefix   []string // a program to run it under, as strace
	ends     int      // the exit code of a traced run
	stdin    *os.File
	terminal *os.File     // its standard input and output, or nil
	shown    bytes.Buffer // there
}

type result struct {
	code           int
	stdout, stderr string
}

func newBox(t *testing.T) *box {
	t.Helper()
	dir := t.TempDir()
	for d := dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &box{t: t, dir: dir}
}

// command prepares the run. The program runs under a bound, in a process group of its own.
func (b *box) command(p *plan.Plan) *exec.Cmd {
	b.t.Helper()
	var buf bytes.Buffer
	if err := p.Encode(&buf); err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.dir, "plan.json")
	if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
	args := append(append([]string{}, b.prefix...), selfCopy(b.t))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append([]string{modeEnv + "=up", "BOXFILE_TEST_PLAN=" + file, "BOXFILE_TEST_FOLDER=" + b.dir, "PATH=" + os.Getenv("PATH")}, b.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: b.user}
	cmd.WaitDelay = 5 * time.Second
	if b.stdin != nil {
		cmd.Stdin = b.stdin
	}
	return cmd
}

// bound is what no run takes, on a slow machine and under strace(1) either.
const bound = 4 * time.Minute

func (b *box) run(p *plan.Plan) result {
	b.t.Helper()
	cmd := b.command(p)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if b.terminal != nil {
		cmd.Stdin, cmd.Stdout, cmd.SysProcAttr = b.terminal, b.terminal, terminalAttr(b.user)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	timer := time.AfterFunc(bound, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	_ = cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	return result{code, out.String(), errs.String()}
}

// probeCopy is the test binary as it can run in an empty root: where this one is
// linked against the host's libraries, as with cgo or the race detector, a static one is built.
func probeCopy(t *testing.T) string {
	t.Helper()
	self := selfCopy(t)
	f, err := elf.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return self
	}
	static := self + staticCopy
	buildStatic.Do(func() {
		cmd := exec.Command("go", "test", "-c", "-o", static, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
	return static
}

const staticCopy = "-static"

var buildStatic sync.Once //nolint:gochecknoglobals // once for the package

// selfCopy is the test binary at a place that every user can read.
func selfCopy(t *testing.T) string {
	t.Helper()
	return copyName()
}

func copyName() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("boxfile-executor-test-%d", os.Getpid()))
}

// copySelf writes the copy before any test runs: a file that is still open for
// writing in some child cannot be executed.
func copySelf() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(copyName(), data, 0o755)
}

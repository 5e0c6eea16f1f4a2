package executor_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/internal/fork"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// The run is the program: what strace saw the kernel being asked equals the
// printed ops, one by one, in process 1 and in the command.
func TestTrace(t *testing.T) {
	needStrace(t)
	for name, p := range tracePlans(t) {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			prog, trace := b.trace(p)
			if err := matchAll(prog, trace); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// So it is on a terminal.
func TestTtyTrace(t *testing.T) {
	needStrace(t)
	for name, p := range map[string]*planner{"without init": ttyPlan(t, "exit", "0").without("init"), "with ports": ttyPortPlan(t).without("init"), "with init": ttyPlan(t, "exit", "0")} {
		t.Run(name, func(t *testing.T) {
			if name == "with init" && os.Getuid() != 0 {
				t.Skip("an ordinary user's strace cannot read the memory of a process 1 that cannot be dumped")
			}
			b := newBox(t)
			b.atTerminal()
			prog, trace := b.trace(p)
			if err := matchAll(prog, trace); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// ttyPortPlan hands over sockets and a terminal.
func ttyPortPlan(t *testing.T) *planner {
	t.Helper()
	return portPlan(t).before("init", &plan.TTY{Required: true})
}

// portPlan is a box with ports of every kind that ends by itself.
func portPlan(t *testing.T) *planner {
	t.Helper()
	udp := &plan.Publish{Address: "::1", Box: 7000, Count: 1, Protocol: "udp"}
	six := &plan.Publish{Address: "::1", Box: 7000, Count: 2, Protocol: "tcp"}
	return published(t, []*plan.Publish{tcp(7000), six, udp}).replace(&plan.Exec{Args: []string{"/probe", "exit", "0"}})
}

// The check itself can fail: any op that is changed after the run shows.
func TestTraceCanFail(t *testing.T) {
	needStrace(t)
	p := portPlan(t)
	if os.Getuid() != 0 {
		p.without("init")
	}
	b := newBox(t)
	prog, trace := b.trace(p)
	if err := matchAll(prog, trace); err != nil {
		t.Fatal(err)
	}
	for li, list := range [][]program.Op{prog.Stage, prog.Enter, prog.Command, prog.Init} {
		for i := range list {
			if !reached(list, i) {
				continue
			}
			for how, change := range mutations {
				old := list[i]
				list[i].Args = append([]program.Arg{}, old.Args...)
				if !change(&list[i]) {
					list[i] = old
					continue
				}
				if matchAll(prog, trace) == nil {
					t.Errorf("list %d op %d: %s goes unnoticed: %s is now %s", li, i, how, &old, &list[i])
				}
				list[i] = old
			}
		}
	}
}

// mutations change an op, or report that they do not apply to it.
var mutations = map[string]func(*program.Op) bool{
	"another call": func(o *program.Op) bool {
		o.Call = &program.Call{Name: "getpid", Nr: unix.SYS_GETPID}
		return true
	},
	"another number": func(o *program.Op) bool {
		for i, a := range o.Args {
			if a.Kind == program.Number && a.Reg == 0 {
				o.Args[i].Num ^= 1 << 3
				return true
			}
		}
		return false
	},
	"another text": func(o *program.Op) bool {
		for i, a := range o.Args {
			if a.Kind == program.Text {
				o.Args[i].Text += "x"
				return true
			}
		}
		return false
	},
	"another structure": func(o *program.Op) bool {
		for i, a := range o.Args {
			if a.Kind != program.Struct || a.More.Fields[0].Name == "" {
				continue
			}
			m := *a.More
			m.Fields = append([]program.Field{}, m.Fields...)
			m.Fields[0].Num ^= 1
			if m.Fields[0].Text != "" {
				m.Fields[0].Text += "x"
			}
			o.Args[i].More = &m
			return true
		}
		return false
	},
	"another structure that is pointed to": func(o *program.Op) bool {
		for i, a := range o.Args {
			if a.Kind != program.Struct {
				continue
			}
			m := *a.More
			m.Fields = append([]program.Field{}, m.Fields...)
			for j, f := range m.Fields {
				if f.To == nil {
					continue
				}
				to := *f.To
				to.Fields = append([]program.Field{}, to.Fields...)
				last := len(to.Fields) - 1
				for to.Fields[last].Name == "" {
					last--
				}
				to.Fields[last].Num ^= 1
				if text := []byte(to.Fields[last].Text); len(text) > 0 {
					text[len(text)/2] ^= 1
					to.Fields[last].Text = string(text)
				}
				m.Fields[j].To = &to
				o.Args[i].More = &m
				return true
			}
		}
		return false
	},
}

func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		skip(t, "strace is not installed")
	}
}

// trace runs a plan under strace and lowers it once more, separately.
func (b *box) trace(p *planner) (*program.Program, program.Trace) {
	b.t.Helper()
	out := b.path("trace.txt")
	b.prefix = append(append([]string{"strace"}, program.TraceFlags...), "-o", out)
	if r := b.run(p.plan()); r.code != b.ends {
		b.t.Fatalf("exit %d under strace\n%s", r.code, r.stderr)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		b.t.Fatal(err)
	}
	trace, err := program.ParseTrace(string(text))
	if err != nil {
		b.t.Fatal(err)
	}
	prog, err := lower(p.plan(), b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	return prog, trace
}

// matchAll finds the box side's processes in a trace and compares their calls with the program.
func matchAll(prog *program.Program, trace program.Trace) error {
	return matchAllFrom(prog, trace, map[program.Reg]int64{})
}

// matchAllFrom does so for a program with registers that are set before the start.
func matchAllFrom(prog *program.Program, trace program.Trace, regs map[program.Reg]int64) error {
	one, command, err := boxSide(prog, trace)
	if err != nil {
		return err
	}
	regs[program.Control] = controlDescriptor(prog, one)
	doors(prog, trace, regs)
	if prog.Stage != nil {
		rest, err := program.Match(prog.Stage, before(trace, one), regs)
		if err != nil {
			return err
		}
		if len(rest) != 3 || rest[0].Name != "clone" || rest[1].Name != "write" || rest[2].Name != "exit_group" {
			return &program.Mismatch{Op: "clone of process 1", Cause: "the process before it does something else"}
		}
	}
	rest, err := program.Match(prog.Enter, one, regs)
	if err != nil {
		return err
	}
	loop := " write signalfd4 wait4 ppoll read kill exit_group "
	if prog.Ends {
		loop += "getpid openat close "
	}
	if !prog.HasInit {
		_, err = program.Match(prog.Command, rest, regs)
		return err
	}
	if len(rest) == 0 || rest[0].Name != "clone" {
		return &program.Mismatch{Op: "clone of the command", Cause: "process 1 does something else"}
	}
	if _, err := program.Match(prog.Command, command, regs); err != nil {
		return err
	}
	rest, err = program.Match(prog.Init, rest[1:], regs)
	if err != nil {
		return err
	}
	for _, c := range rest { // init's own loop
		if !strings.Contains(loop, " "+c.Name+" ") {
			return &program.Mismatch{Op: "init", Call: c.Text, Cause: "init does not make such calls"}
		}
	}
	return nil
}

// boxSide finds the child that clone3 made with the program's flags, and its own child.
func boxSide(prog *program.Program, trace program.Trace) (one, command []program.Traced, err error) {
	for _, calls := range trace {
		for _, c := range calls {
			if c.Name != "clone3" || c.Errno != 0 || !cloneFlags(c, prog.Flags) {
				continue
			}
			one = trace[int(c.Result)]
		}
	}
	if prog.Stage != nil { // and is over when process 1 is there
		for _, c := range one {
			if c.Name == "clone" {
				one = trace[int(c.Result)]
			}
		}
	}
	if one == nil {
		return nil, nil, &program.Mismatch{Op: "clone3", Cause: "no clone3 with the program's flags"}
	}
	for _, calls := range trace { // what the command starts itself begins otherwise
		if len(calls) > 0 && &calls[0] != &one[0] && calls[0].Name == prog.Command[0].Call.Name {
			command = calls
		}
	}
	return one, command, nil
}

// doors finds the descriptors of the namespaces that are joined: boxfile opens each
// last of all, in the order of the host ops.
func doors(prog *program.Program, trace program.Trace, regs map[program.Reg]int64) {
	var opened []program.Traced
	for _, calls := range trace {
		for i := range calls {
			if c := &calls[i]; c.Name == "openat" && c.Errno == 0 && strings.HasPrefix(untraced(c.Args[1]), "/proc/self/fd/") {
				opened = append(opened, *c)
			}
		}
	}
	slices.SortFunc(opened, func(a, b program.Traced) int { return a.Line - b.Line })
	for i := len(prog.Host) - 1; i >= 0 && len(opened) > 0; i-- {
		if h := &prog.Host[i]; h.Kind == program.OpenNS {
			regs[h.Join.Door] = opened[len(opened)-1].Result
			opened = opened[:len(opened)-1]
		}
	}
}

// before is the process that forked process 1.
func before(trace program.Trace, one []program.Traced) []program.Traced {
	for _, calls := range trace {
		for _, c := range calls {
			if c.Name == "clone" && len(trace[int(c.Result)]) > 0 && &trace[int(c.Result)][0] == &one[0] {
				return calls
			}
		}
	}
	return nil
}

func cloneFlags(c program.Traced, flags uint64) bool {
	want := "flags=0x" + hexDigits(flags|unix.CLONE_CLEAR_SIGHAND|unix.CLONE_PIDFD|unix.CLONE_SETTLS)
	return strings.Contains(c.Text, want+",")
}

func hexDigits(n uint64) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hexDigits(n>>4) + digits[n&15:n&15+1]
}

// controlDescriptor reads the control socket's number off the second close_range, which begins after it.
func controlDescriptor(prog *program.Program, calls []program.Traced) int64 {
	kept := int64(0)
	if prog.Ends {
		kept = 2
	}
	seen := 0
	for _, c := range calls {
		if c.Name == "close_range" {
			if seen++; seen == 2 {
				n := int64(0)
				for _, d := range c.Args[0] {
					n = n*10 + int64(d-'0')
				}
				return n - 1 - kept
			}
		}
	}
	return -1
}

func tracePlans(t *testing.T) map[string]*planner {
	t.Helper()
	out := map[string]*planner{"without init": fullPlan(t, "exit", "0").without("init"), "with ports": portPlan(t).without("init"), "with Landlock": walled(t, "exit", "0").without("init")}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil {
		f.Close()
		if _, err := exec.LookPath("slirp4netns"); err == nil {
			out["with a way out"] = outbound(t, "exit", "0").without("init")
		}
	}
	if os.Getuid() == 0 { // an ordinary user's strace cannot read the memory of a process 1 that cannot be dumped
		out["with init"] = fullPlan(t, "exit", "0")
	}
	return out
}

var _ = fork.Control // the register's number is the interpreter's; program.Control has to be the same

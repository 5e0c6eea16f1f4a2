//go:build linux

package program

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// WriteText prints the program, a line for each op, in the words of strace(1).
// Values of secrets and of the caller's variables are not printed.
func (p *Program) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "program of box %s (%s)\n", p.Plan.Name, p.Plan.File)
	fmt.Fprintf(b, "\nhost side\n")
	for i, h := range p.Host {
		fmt.Fprintf(b, "%4d  %s%s\n", i, h, p.origin(h.Step))
	}
	fmt.Fprintf(b, "      clone3({flags=%s|CLONE_CLEAR_SIGHAND|CLONE_PIDFD|CLONE_SETTLS, exit_signal=0})\n", namespaceFlags.Print(p.Flags))
	n := 0
	for _, u := range p.Unenforced {
		fmt.Fprintf(b, "      # %s: not enforced: %s\n", p.heading(u.Step), u.Why)
	}
	for _, step := range p.skipped {
		fmt.Fprintf(b, "      # %s: not on this host\n", p.heading(step))
	}
	part := func(title string, ops []Op) {
		fmt.Fprintf(b, "\n%s\n", title)
		step := -2
		for i := range ops {
			o := &ops[i]
			if o.Step != step {
				step = o.Step
				fmt.Fprintf(b, "      # %s\n", p.heading(step))
			}
			fmt.Fprintf(b, "%4d  %s\n", n, o)
			n++
		}
	}
	if p.Stage != nil {
		part("box side: the process before process 1", p.Stage)
		fmt.Fprintf(b, "      clone(CLONE_PARENT)\n")
	}
	if !p.HasInit {
		part("box side", p.Enter)
		part("the command", p.Command)
		return b.Flush()
	}
	part("box side: process 1", p.Enter)
	fmt.Fprintf(b, "      clone(CLONE_VFORK|SIGCHLD)\n")
	part("box side: the command", p.Command)
	part("box side: process 1, once the command has started", p.Init)
	return b.Flush()
}

func (p *Program) heading(step int) string {
	if step < 0 {
		return "every program"
	}
	return fmt.Sprintf("%d %s%s", step+1, p.Kind(step), p.origin(step))
}

func (p *Program) origin(step int) string {
	if step < 0 {
		return ""
	}
	at := p.Plan.Positions[step]
	if at.IsDefault() {
		return "  (default)"
	}
	return fmt.Sprintf("  (%s:%d:%d)", p.Plan.File, at.Line, at.Col)
}

// Skips reports whether a step asks nothing of this host.
func (p *Program) Skips(step int) bool { return slices.Contains(p.skipped, step) }

// Kind is the kind of a step of the plan, and "" for what every program does.
func (p *Program) Kind(step int) string {
	if step < 0 {
		return ""
	}
	return plan.InfoOf(p.Plan.Steps[step]).Name
}

// String is the host op in words.
func (h HostOp) String() string {
	switch h.Kind {
	case WriteMap:
		how := "write"
		if h.Maps.UIDTool != "" {
			how = "have " + h.Maps.UIDTool + " and " + h.Maps.GIDTool + " write"
		}
		return fmt.Sprintf("%s uid_map %s, gid_map %s", how, idLines(h.Maps.UIDs), idLines(h.Maps.GIDs))
	case AskScope:
		return fmt.Sprintf("ask systemd at %q for a scope of boxfile's own, SCOPE, with Delegate=yes", h.Path)
	case MakeCgroup:
		return h.Cgroup.String()
	case SetLimit:
		return fmt.Sprintf("write %q to %s of cgroup %d%s", h.Value, h.Path, h.Group, h.notes())
	case EndAfter:
		return fmt.Sprintf("after %s signal %s to the command, after %s more kill the box", h.After, unix.SignalName(unix.Signal(h.Signal)), h.Grace)
	case EndWhenAsked:
		return fmt.Sprintf("on TERM signal %s and on INT signal INT to the command, after %s more kill the box; on a second INT at once", strings.TrimPrefix(unix.SignalName(unix.Signal(h.Signal)), "SIG"), h.Grace)
	case Attach:
		return fmt.Sprintf("run %s %s, until the box is gone", h.Helper.Path, strings.Join(h.Helper.Args, " "))
	case Listen:
		return h.Ports.String()
	case OpenNS:
		return fmt.Sprintf("open namespace %s, of type %s, as %s", strconv.Quote(h.Path), namespaceFlags.Print(h.Join.Type), h.Join.Door)
	case Relay:
		return h.Terminal.String()
	case KeepDir:
		return fmt.Sprintf("keep %s %q", strconv.Quote(h.Path), h.Dirs)
	}
	return fmt.Sprintf("%s %s", h.Kind, strconv.Quote(h.Path))
}

func (h *HostOp) notes() string {
	s := ""
	for _, n := range [...]struct {
		is   bool
		text string
	}{{h.Pages, "down to pages"}, {h.IfThere, "not there: go on"}, {h.BestEffort, "best effort"}, {h.Own, "and give it to nobody"}} {
		if n.is {
			s += "  [" + n.text + "]"
		}
	}
	return s
}

func idLines(l []IDLine) string {
	out := make([]string, len(l))
	for i, v := range l {
		out[i] = fmt.Sprintf("%d %d %d", v.Box, v.Host, v.Size)
	}
	return `"` + strings.Join(out, ", ") + `"`
}

// String is the op as strace(1) prints a call, with registers in place of
// values that only the run knows, and what happens after a foreseen error.
func (o *Op) String() string {
	args := make([]string, len(o.Args))
	for i, a := range o.Args {
		args[i] = a.String()
	}
	s := o.Call.Name + "(" + strings.Join(args, ", ") + ")"
	if o.Save != 0 {
		s += " = " + o.Save.String()
	}
	if o.HasWant {
		s += fmt.Sprintf(" = %d", o.Want)
	}
	for _, e := range o.Errs {
		if e.Errno != 0 {
			s += fmt.Sprintf("  [%s: %s]", errnoName(unix.Errno(e.Errno)), passOver(int(e.N)))
		}
	}
	if o.Then > 0 {
		s += fmt.Sprintf("  [then %s]", passOver(o.Then))
	}
	if o.Try {
		s += "  [not found: go on]"
	}
	return s
}

func passOver(n int) string {
	if n == 0 {
		return "go on"
	}
	return "pass over " + strconv.Itoa(n)
}

func (r Reg) String() string {
	if r == Control {
		return "control"
	}
	return "r" + strconv.Itoa(int(r))
}

func (a Arg) String() string {
	switch a.Kind {
	case Text:
		return strconv.Quote(a.Text)
	case Texts:
		out := make([]string, len(a.More.Texts))
		for i, t := range a.More.Texts {
			out[i] = strconv.Quote(t)
			if h, ok := a.More.Hidden[i]; ok {
				out[i] = h
			}
		}
		return "[" + strings.Join(out, ", ") + "]"
	case Struct:
		return a.More.String()
	case Buffer:
		return fmt.Sprintf("[%d bytes]", a.More.Buffer)
	case Number:
	}
	if a.Reg == 0 {
		return a.Names.Print(a.Num)
	}
	if a.Num == 0 {
		return a.Reg.String()
	}
	return fmt.Sprintf("%s%+d", a.Reg, int64(a.Num))
}

// String is the structure as {name=value, …}.
func (m *More) String() string {
	out := make([]string, 0, len(m.Fields))
	for i := range m.Fields {
		if m.Fields[i].Name != "" {
			out = append(out, m.Fields[i].String())
		}
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// String is the field as name=value.
func (f Field) String() string {
	if f.To != nil {
		return f.Name + "=" + f.To.String()
	}
	if a, ok := netip.AddrFromSlice([]byte(f.Text)); ok && f.Names != nil && f.Names.Address {
		return f.Name + "=" + a.String()
	}
	if f.Names != nil && f.Names.Filter {
		sum := plan.SHA256([]byte(f.Text))
		return f.Name + "=" + hex.EncodeToString(sum[:])
	}
	if f.Text != "" {
		return f.Name + "=" + strconv.Quote(f.Text)
	}
	return f.Name + "=" + f.Names.Print(f.Num)
}

//go:build linux

package program

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// TraceFlags are the options of strace(1) that ParseTrace reads the output of:
// numbers and hexadecimal strings, nothing abbreviated.
var TraceFlags = []string{"-f", "-qq", "-xx", "-v", "-X", "raw", "-s", "10000000"}

// Traced is one system call of a trace.
type Traced struct {
	Name   string
	Args   []string
	Result int64
	Errno  syscall.Errno
	Text   string
	Line   int // of the trace, where it returned
}

// Trace is the calls of each process, in order.
type Trace map[int][]Traced

// ParseTrace reads strace's output. Calls that never returned are left out,
// but for execve and exit_group.
func ParseTrace(text string) (Trace, error) {
	t := Trace{}
	pending, n := map[int]string{}, 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		pidText, rest, ok := strings.Cut(line, " ")
		pid, err := strconv.Atoi(pidText)
		if !ok || err != nil {
			return nil, fmt.Errorf("trace line without a pid: %q", line)
		}
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") {
			continue
		}
		if head, ok := strings.CutSuffix(rest, "<unfinished ...>"); ok {
			pending[pid] = strings.TrimRight(head, " ")
			continue
		}
		if strings.HasPrefix(rest, "<... ") {
			_, tail, _ := strings.Cut(rest, " resumed>")
			rest = pending[pid] + tail
		}
		call, err := parseCall(rest)
		if err != nil {
			return nil, err
		}
		call.Line = n
		t[pid] = append(t[pid], call)
	}
	return t, nil
}

func parseCall(line string) (Traced, error) {
	open := strings.IndexByte(line, '(')
	end := strings.LastIndex(line, ") ")
	eq := strings.LastIndex(line, "= ")
	if open < 0 || end < open || eq < end {
		return Traced{}, fmt.Errorf("not a call: %q", line)
	}
	c := Traced{Name: line[:open], Args: splitTop(line[open+1 : end]), Text: line}
	result := strings.Fields(line[eq+2:])
	if len(result) > 0 && result[0] != "?" {
		n, err := number(result[0])
		if err != nil {
			return Traced{}, fmt.Errorf("result of %q: %w", line, err)
		}
		c.Result = n
		if n == -1 && len(result) > 1 {
			c.Errno = errnoByName(result[1])
		}
	}
	return c, nil
}

func errnoByName(name string) syscall.Errno {
	for e := syscall.Errno(1); e < 200; e++ {
		if unix.ErrnoName(e) == name {
			return e
		}
	}
	return 0
}

// splitTop splits at the commas that are in no bracket and no string.
func splitTop(s string) []string {
	var out []string
	depth, from, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted // -xx leaves no quotes inside strings
		case quoted:
		case c == '{' || c == '[' || c == '(':
			depth++
		case c == '}' || c == ']' || c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(s[from:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// Mismatch is where a trace leaves its program.
type Mismatch struct {
	Op    string
	Call  string
	Cause string
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("the program says\n\t%s\nthe kernel was asked\n\t%s\n%s", m.Op, m.Call, m.Cause)
}

// Match walks a list of ops along the calls of one process and returns the
// calls that are left. regs holds the values of registers by number, and is
// filled on the way as the child fills its own.
func Match(ops []Op, calls []Traced, regs map[Reg]int64) ([]Traced, error) {
	for i := 0; i < len(ops); i++ {
		o := &ops[i]
		var c Traced
		for again := true; again; { // retries are the same op once more
			if len(calls) == 0 {
				return nil, &Mismatch{Op: o.String(), Cause: "the trace has ended"}
			}
			c, calls = calls[0], calls[1:]
			if err := o.match(&c, regs); err != nil {
				return nil, &Mismatch{Op: o.String(), Call: c.Text, Cause: err.Error()}
			}
			again = o.Retry && (c.Errno == unix.EINTR || c.Errno == unix.EAGAIN)
		}
		next, err := o.after(&c)
		if err != nil {
			return nil, &Mismatch{Op: o.String(), Call: c.Text, Cause: err.Error()}
		}
		if next < 0 {
			return calls, nil
		}
		if c.Errno == 0 && o.Save != 0 {
			regs[o.Save] = c.Result
		}
		i += next
	}
	return calls, nil
}

// after is how many ops to pass over, or -1 after the end of a list.
func (o *Op) after(c *Traced) (int, error) {
	if c.Errno == 0 {
		if o.Call == callExecve {
			return -1, nil
		}
		if o.HasWant && c.Result != o.Want {
			return 0, errors.New("the program goes on only after another result")
		}
		return o.Then, nil
	}
	for _, e := range o.Errs {
		if e.Errno != 0 && syscall.Errno(e.Errno) == c.Errno {
			return int(e.N), nil
		}
	}
	if o.Try {
		return 0, nil
	}
	return 0, errors.New("the program does not go on after this error")
}

func (o *Op) match(c *Traced, regs map[Reg]int64) error {
	if c.Name != o.Call.Name {
		return fmt.Errorf("%s is not %s", c.Name, o.Call.Name)
	}
	for i := range o.Args {
		a := &o.Args[i]
		if i >= len(c.Args) {
			if a.Kind == Number && a.Num == 0 && a.Reg == 0 { // strace leaves out what the call does not look at
				continue
			}
			return fmt.Errorf("argument %d is missing", i+1)
		}
		if o.Call == callCapset && a.Kind == Struct && len(a.More.Fields) == 6 {
			if err := matchCapabilities(a.More.Fields, c.Args[i]); err != nil {
				return fmt.Errorf("argument %d: %w", i+1, err)
			}
			continue
		}
		if err := a.match(c.Args[i], regs); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	for i := len(o.Args); i < len(c.Args); i++ {
		if n, err := number(c.Args[i]); err == nil && n != 0 {
			return fmt.Errorf("argument %d is %s, and the program has none", i+1, c.Args[i])
		}
	}
	return nil
}

// number reads strace's numbers: decimal, hexadecimal, octal, NULL, or such joined by "|".
func number(s string) (int64, error) {
	if s == "NULL" {
		return 0, nil
	}
	var sum int64
	for part := range strings.SplitSeq(s, "|") {
		n, err := strconv.ParseInt(part, 0, 64)
		if err != nil {
			u, err := strconv.ParseUint(part, 0, 64)
			if err != nil {
				return 0, fmt.Errorf("%s is not a number", s)
			}
			n = int64(u)
		}
		sum |= n
	}
	return sum, nil
}

//go:build linux

package program

import (
	"bytes"
	"encoding/hex"
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

func (a *Arg) match(got string, regs map[Reg]int64) error {
	switch a.Kind {
	case Number:
		want := int64(a.Num)
		if a.Reg != 0 {
			v, ok := regs[a.Reg]
			if !ok {
				return fmt.Errorf("register %s has no value", a.Reg)
			}
			want += v
		}
		n, err := number(got)
		if err != nil {
			return err
		}
		if n != want && uint32(n) != uint32(want) || n != want && n>>32 != 0 && n>>32 != -1 {
			return fmt.Errorf("%s is not %d", got, want)
		}
		return nil
	case Text:
		return matchText(got, a.Text)
	case Texts:
		items := splitTop(strings.Trim(got, "[]"))
		if len(items) != len(a.More.Texts) {
			return fmt.Errorf("%d texts, the program has %d", len(items), len(a.More.Texts))
		}
		for i, t := range a.More.Texts {
			if err := matchText(items[i], t); err != nil {
				return err
			}
		}
		return nil
	case Struct:
		return a.matchStruct(got)
	case Buffer:
	}
	return nil
}

func matchText(got, want string) error {
	b, err := hexString(got)
	if err != nil {
		return err
	}
	if string(b) != want {
		return fmt.Errorf("%q is not %q", b, want)
	}
	return nil
}

func hexString(s string) ([]byte, error) {
	inner, ok := strings.CutPrefix(s, `"`)
	inner, ok2 := strings.CutSuffix(inner, `"`)
	if !ok || !ok2 {
		return nil, fmt.Errorf("%s is not a whole string", s)
	}
	return hex.DecodeString(strings.ReplaceAll(inner, `\x`, ""))
}

func (a *Arg) matchStruct(got string) error {
	want := a.More.Bytes()
	switch {
	case strings.HasPrefix(got, `"`): // bytes that are written
		b, err := hexString(got)
		if err == nil && !bytes.Equal(b, want) {
			err = fmt.Errorf("%x is not %x", b, want)
		}
		return err
	case strings.HasPrefix(got, "["): // a signal set, a list of ids
		items := strings.FieldsFunc(strings.Trim(got, "[]"), func(r rune) bool { return r == ',' || r == ' ' })
		if len(items) == 0 && len(bytes.Trim(want, "\x00")) == 0 {
			return nil
		}
		if len(items) != len(a.More.Fields) {
			return fmt.Errorf("%s has not %d members", got, len(a.More.Fields))
		}
		for i, f := range a.More.Fields {
			if n, err := number(items[i]); err != nil || uint64(n) != f.Num {
				return fmt.Errorf("%s is not %d", items[i], f.Num)
			}
		}
		return nil
	case strings.HasPrefix(got, "{"):
		return matchFields(a.More.Fields, got)
	}
	return fmt.Errorf("%s is not a structure", got)
}

func matchFields(fields []Field, got string) error {
	left := map[string]*Field{}
	for i := range fields {
		if fields[i].Name != "" && (fields[i].Num != 0 || fields[i].Text != "" || fields[i].To != nil) {
			left[fields[i].Name] = &fields[i]
		}
	}
	for _, part := range splitTop(strings.Trim(got, "{}")) {
		name, value, _ := strings.Cut(part, "=")
		f := left[name]
		delete(left, name)
		switch {
		case f == nil:
			if n, err := number(value); err == nil && n != 0 {
				return fmt.Errorf("%s, and the program has 0", part)
			}
		case f.To != nil:
			if err := f.To.match(value); err != nil {
				return err
			}
		case f.Text != "":
			if err := matchText(value, f.Text); err != nil {
				return err
			}
		default:
			if n, err := number(value); err != nil || uint64(n) != f.Num {
				return fmt.Errorf("%s is not %d", part, f.Num)
			}
		}
	}
	for name := range left {
		return fmt.Errorf("%s is missing in %s", name, got)
	}
	return nil
}

// match compares what a member points to: bytes, or a list of one structure.
func (m *More) match(got string) error {
	if strings.HasPrefix(got, `"`) {
		return (&Arg{Kind: Struct, More: m}).matchStruct(got)
	}
	inner, ok := strings.CutPrefix(got, "[")
	inner, ok2 := strings.CutSuffix(inner, "]")
	if !ok || !ok2 {
		return fmt.Errorf("%s is not a list", got)
	}
	head, data, ok := strings.Cut(strings.Trim(inner, "{}"), ", cmsg_data=[")
	if !ok {
		return matchFields(m.Fields, inner)
	}
	var fds []string // strace lists them without names
	var others []Field
	for _, f := range m.Fields {
		if strings.HasPrefix(f.Name, "fd") {
			fds = append(fds, strconv.FormatUint(f.Num, 10))
		} else {
			others = append(others, f)
		}
	}
	if want := strings.Join(fds, ", "); strings.TrimSuffix(data, "]") != want {
		return fmt.Errorf("[%s is not [%s]", data, want)
	}
	return matchFields(others, "{"+head+"}")
}

// matchCapabilities joins the two halves of each set, as strace does.
func matchCapabilities(f []Field, got string) error {
	joined := make([]Field, 3)
	for i := range joined {
		joined[i] = Field{Name: f[i].Name, Num: f[i].Num | f[i+3].Num<<32}
	}
	return matchFields(joined, got)
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

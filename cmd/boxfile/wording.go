package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// Exit codes. "up" ends with the executor's: its command's own, 128 and a
// signal's number, 126 or 127.
const (
	exitOK      = 0
	exitWrong   = 1   // the file is wrong, or the answer is no
	exitChanged = 2   // diff --exit-code: there are changes, and none widens
	exitWidened = 3   // diff --exit-code: a change widens what the box may do
	exitUsage   = 64  // EX_USAGE of sysexits(3)
	exitCannot  = 125 // up: nothing ran
)

// problem is a message about anything but the text of a Boxfile. Its first line
// makes sense alone.
type problem struct {
	at     string // "dev.yaml:14:5", a file, or "" for boxfile itself
	text   string
	cause  string // only what was found on this machine
	fix    string // one command or one key
	detail string // step, system call, error name
	undo   error  // what could not be undone
	more   string // lines that follow, escaped by now
	code   int    // 0: what the verb says
	step   int    // of the plan, counted from 1; 0: none
}

func (p *problem) Error() string { return p.at + ": " + p.text }

// terminal is where results and messages go.
type terminal struct {
	out, err io.Writer
	colour   func() bool // whether messages are coloured; asked only when there is one
}

// wantsColour: only people want it, and not those who set NO_COLOR (no-color.org).
func wantsColour() bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := os.Stderr.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}

// result writes what a verb was asked for. It comes in one piece, so that a
// reader that goes away early is one error at most.
func (t *terminal) result(text []byte) error {
	if _, err := t.out.Write(text); err != nil {
		return &problem{text: "cannot write to standard output: " + reason(err), code: exitWrong}
	}
	return nil
}

// exitCode is that of a verb that met an error.
func exitCode(verb string, err error) int {
	var usage *cli.UsageError
	var p *problem
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &p) && p.code != 0:
		return p.code
	case verb == cli.Up:
		return exitCannot
	}
	return exitWrong
}

// fail prints an error and returns the exit code of a verb that met it.
func (t *terminal) fail(verb string, err error) int {
	var usage *cli.UsageError
	var p *problem
	switch {
	case errors.As(err, &usage):
		p = wordUsage(usage)
	case errors.As(err, &p):
	case schema.Diagnostics(err) != nil:
		t.message(schema.Render(err, t.colour()))
		return exitCode(verb, err)
	default:
		p = &problem{text: err.Error()}
	}
	t.message(p.lines(t.colour()))
	return exitCode(verb, err)
}

// warn prints what went wrong beside a box that has run.
func (t *terminal) warn(err error) {
	_ = t.fail(cli.Up, err) // the exit code stays the command's
}

// lines is the problem as schema.Render shows those of a document.
func (p *problem) lines(colour bool) string {
	bold, reset := "", ""
	if colour {
		bold, reset = "\x1b[1m", "\x1b[0m"
	}
	at := p.at
	if at == "" {
		at = "boxfile"
	}
	var b strings.Builder
	b.WriteString(bold + printable(at) + ":" + reset + " " + printable(p.text) + "\n")
	for _, l := range []struct{ name, text string }{{"cause", p.cause}, {"fix", p.fix}, {"detail", p.detail}} {
		if l.text != "" {
			b.WriteString("  " + l.name + ": " + printable(l.text) + "\n")
		}
	}
	if p.undo != nil {
		b.WriteString("  left behind: " + printable(p.undo.Error()) + "\n")
	}
	if p.more != "" {
		b.WriteString("\n" + p.more)
	}
	return b.String()
}

// message prints lines, which are escaped by now, to standard error.
func (t *terminal) message(text string) {
	io.WriteString(t.err, text) //nolint:errcheck // there is nowhere left to say it
}

// printable escapes what could paint over a terminal: control characters and
// those that change the direction of text.
func printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == unicode.ReplacementChar && text[i] != "\uFFFD"[0]:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r != '\u2028' && r != '\u2029' && !unicode.In(r, unicode.Cc, unicode.Bidi_Control):
			b.WriteRune(r)
		default:
			q := strconv.QuoteToASCII(string(r))
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// reason is the last word of an error: "no such file or directory" and not the
// operation and path that the message says anyway.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	var link *os.LinkError // of a rename
	if errors.As(err, &link) {
		return link.Err.Error()
	}
	return err.Error()
}

func wordUsage(e *cli.UsageError) *problem {
	p := &problem{fix: strings.TrimSpace("boxfile help " + e.Verb)}
	of := " of boxfile " + e.Verb
	switch e.Fault {
	case cli.NoVerb:
		p.text = "no verb; expected one of " + strings.Join(e.Words, ", ")
	case cli.UnknownVerb:
		p.text = "there is no verb " + quote(e.Word)
	case cli.UnknownFlag:
		p.text = quote(e.Word) + " is no flag" + of
	case cli.NeedsValue:
		p.text = e.Word + of + " needs a value"
	case cli.TakesNoValue:
		p.text = e.Word + ": this flag" + of + " takes no value"
	case cli.GivenTwice:
		p.text = e.Word + of + " is given twice"
	case cli.NotAWord:
		p.text = e.Word + ": expected one of " + strings.Join(e.Words, ", ")
	case cli.TooFew:
		p.text = "boxfile " + e.Verb + " needs a " + e.Word
	case cli.TooMany:
		p.text = "boxfile " + e.Verb + " has no use for " + quote(e.Word)
		if e.Verb == cli.Up || e.Verb == cli.Plan {
			p.fix = "a command for the box goes behind --: boxfile " + e.Verb + " FILE -- " + e.Word
		}
	case cli.TakesNoCommand:
		p.text = "boxfile " + e.Verb + " takes no command behind --"
	case cli.EmptyCommand:
		p.text = "the command behind -- is empty"
	}
	if e.Near != "" {
		p.text += fmt.Sprintf("; did you mean %s?", quote(e.Near))
	}
	return p
}

func quote(s string) string { return strconv.Quote(s) }

// stepAt is where a message about a step of the plan points: the line that asked
// for the step, or the file when the step is a default.
func stepAt(path string, p *plan.Plan, step int) string {
	if step < 0 || step >= len(p.Positions) || p.Positions[step].IsDefault() {
		return path
	}
	at := p.Positions[step]
	return fmt.Sprintf("%s:%d:%d", path, at.Line, at.Col)
}

// stepName is a step as messages count it: "step 4 of 31 (mount)".
func stepName(p *plan.Plan, step int) string {
	if step < 0 || step >= len(p.Steps) {
		return "before the first step"
	}
	return fmt.Sprintf("step %d of %d (%s)", step+1, len(p.Steps), plan.InfoOf(p.Steps[step]).Name)
}

// stepDetail is the line that says which step, and which system call, failed.
func stepDetail(p *plan.Plan, step int, call string) string {
	if step < 0 {
		return call
	}
	if call == "" {
		return stepName(p, step)
	}
	return stepName(p, step) + ": " + call
}

// place is where a step comes from, in brackets.
func place(path string, p *plan.Plan, step int) string {
	if p.Positions[step].IsDefault() {
		return "(default)"
	}
	return "(" + stepAt(path, p, step) + ")"
}

// wordLimit is a limit as the file has it: "memory limit 64 MiB (dev.yaml:31:11)".
func wordLimit(path string, p *plan.Plan, step int) string {
	name := plan.InfoOf(p.Steps[step]).Name
	if s, ok := p.Steps[step].(fmt.Stringer); ok {
		name = s.String()
	}
	return name + " " + place(path, p, step)
}

// wordNotEnforced is what is said of a limit that the file lets go.
func wordNotEnforced(path string, p *plan.Plan, step int, why string) string {
	return "boxfile: not enforced: " + printable(wordLimit(path, p, step)+": "+why) + "\n"
}

// wordLeft is what is said when the cgroups of a box that has run could not be removed.
func wordLeft(err error) *problem {
	return &problem{text: "left behind: " + err.Error(), fix: "boxfile gc"}
}

// wordStep is what up -v says when a step begins: "step 23 mount ./src at /src (dev.yaml:14:5)".
func wordStep(path string, p *plan.Plan, step int, words string) string {
	return fmt.Sprintf("step %d %s %s", step+1, words, place(path, p, step))
}

// wordStarted is what up -v says when the command runs.
func wordStarted() string { return "started" }

// wordPlanned is the first line of up -v.
func wordPlanned(p *plan.Plan) string {
	digest, err := p.Digest()
	if err != nil {
		digest = err.Error()
	}
	return fmt.Sprintf("planned: %d steps, %s", len(p.Steps), digest)
}

// wordProgress is a line of up -v.
func wordProgress(event string, since time.Duration) string {
	return fmt.Sprintf("boxfile: %8.3f ms  %s\n", float64(since.Microseconds())/1000, printable(event))
}

// wordMachine is the first line of doctor.
func wordMachine(m *machine) string {
	s := fmt.Sprintf("Linux %s, user %d; no Landlock", m.Kernel, m.UID)
	if m.Landlock > 0 {
		s = fmt.Sprintf("Linux %s, user %d; Landlock ABI %d", m.Kernel, m.UID, m.Landlock)
	}
	if m.Filter {
		s += "; under a seccomp filter"
	}
	if m.AppArmor != nil {
		s += "; under the AppArmor profile " + printable(*m.AppArmor)
	}
	return s
}

// wordDiagnosis is the last lines of doctor.
func wordDiagnosis(d *diagnosis) string {
	switch {
	case d.File != nil && d.Works:
		return printable(*d.File) + " works here\n"
	case d.File != nil:
		return printable(*d.File) + " does not work here\n"
	case d.Strongest == nil:
		return "No box works here\n"
	}
	s := "The strongest box here is a default one"
	if len(d.Strongest.Only) > 0 {
		s += ", but only with " + strings.Join(d.Strongest.Only, " and ")
	}
	if len(d.Strongest.Can) > 0 {
		s += "\n  it can have: " + strings.Join(d.Strongest.Can, ", ")
	}
	if len(d.Strongest.Not) > 0 {
		s += "\n  it cannot have: " + strings.Join(d.Strongest.Not, ", ")
	}
	return s + "\n"
}

func linePosition(file string, line int) string { return fmt.Sprintf("%s:%d:1", file, line) }

func borrowed(path string) error {
	return &problem{
		text: "refuses to run from a file that is not at its path here, " + quote(path) + ": in a box it would be the host's own",
		fix:  "start it again by its path; put a copy into a box that is to make boxes", code: exitCannot,
	}
}

func setuid() error {
	return &problem{
		text: "refuses to run setuid, setgid or with file capabilities: a box is made with the caller's own rights",
		fix:  "chmod ug-s FILE; setcap -r FILE", code: exitCannot,
	}
}

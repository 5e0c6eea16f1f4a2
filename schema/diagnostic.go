package schema

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Diagnostic is one thing that is wrong with a Boxfile.
type Diagnostic struct {
	File    string // as the user named it
	Pos     Pos    // zero: the file as a whole
	Message string // what is wrong and what was expected, in one line
	Fix     string // one key, value or command that helps; may be empty
	Source  string // the line at Pos, for the caret
}

// Error is the diagnostic as "file:line:col: message".
func (d *Diagnostic) Error() string {
	if !d.Pos.IsSet() {
		return fmt.Sprintf("%s: %s", d.File, d.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", d.File, d.Pos.Line, d.Pos.Col, d.Message)
}

// Collector gathers the diagnostics of one Boxfile, so that all are told at once.
type Collector struct {
	file  string
	lines []string
	errs  *multierror.Error
}

// most is how many diagnostics are kept: more of them only take time.
const most = 200

// NewCollector returns a collector for a file of the given name and text.
func NewCollector(file string, text []byte) *Collector {
	return &Collector{file: file, lines: strings.Split(string(text), "\n")}
}

// Add records a diagnostic. fix may be empty.
func (c *Collector) Add(at Pos, fix, format string, args ...any) {
	if c.full() {
		return
	}
	d := &Diagnostic{File: c.file, Pos: at, Message: fmt.Sprintf(format, args...), Fix: fix}
	if at.Line > 0 && at.Line <= len(c.lines) {
		d.Source = c.lines[at.Line-1]
	}
	c.errs = multierror.Append(c.errs, d)
}

// ErrorOrNil is the gathered diagnostics as a *multierror.Error, or nil.
func (c *Collector) ErrorOrNil() error { return c.errs.ErrorOrNil() }

// full reports whether the next diagnostic would not be kept.
func (c *Collector) full() bool { return c.errs != nil && len(c.errs.Errors) >= most }

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// reportVersion is the version of the form that up --report writes. A member
// that is added leaves it; one that goes, or means something else, raises it.
const reportVersion = 1

// report is what up --report writes, as report.schema.json describes it. A
// member that is null was not measured, or does not apply.
type report struct {
	Version     int           `json:"report_version"`
	File        *string       `json:"file"`
	Name        *string       `json:"name"`
	Plan        *string       `json:"plan"`   // digest
	Failed      *string       `json:"failed"` // "boxfile" or "command"
	ExitCode    int           `json:"exit_code"`
	Signal      *string       `json:"signal"`
	Reason      *string       `json:"reason"`
	Message     *string       `json:"message"`
	Step        *reportStep   `json:"step"` // that failed, or whose limit ended the command
	Reached     []reportLimit `json:"limits_reached"`
	NotEnforced []reportLimit `json:"limits_not_enforced"`
	Ports       []reportPort  `json:"ports"`
	Usage       *reportUsage  `json:"usage"`

	to       *os.File
	compiled *compiled
}

// reportStep is a step of the plan and the place that asked for it.
type reportStep struct {
	Number int     `json:"number"` // from 1, as boxfile plan counts
	Kind   string  `json:"kind"`
	Key    *string `json:"key"`
	Line   *int    `json:"line"`
	Column *int    `json:"column"`
}

type reportLimit struct {
	Step  *reportStep `json:"step"` // null: memory that ran out elsewhere
	Count *uint64     `json:"count,omitempty"`
	Why   *string     `json:"why,omitempty"`
}

// reportPort is a port of the host that led to one of the box.
type reportPort struct {
	Step     *reportStep `json:"step"`
	Protocol string      `json:"protocol"`
	Address  string      `json:"address"`
	Host     uint16      `json:"host"`
	Box      uint16      `json:"box"`
}

type reportUsage struct {
	Wall        float64  `json:"wall_seconds"`
	User        float64  `json:"user_seconds"`
	System      float64  `json:"system_seconds"`
	MaxRSS      uint64   `json:"max_rss_bytes"`
	PeakMemory  *uint64  `json:"peak_memory_bytes"`
	Throttled   *float64 `json:"throttled_seconds"`
	ReadBytes   *uint64  `json:"io_read_bytes"`
	WriteBytes  *uint64  `json:"io_write_bytes"`
	OOMKills    *uint64  `json:"oom_kills"`
	PidsRefused *uint64  `json:"pids_refused"`
}

// openReport opens the file before anything runs, so that a box never runs
// whose report could not be written. It is emptied when the box is about to
// run: one that stays empty tells of a boxfile that was killed. A link of that name, which an
// earlier box may have put there, is not followed; those of /dev and /proc are the system's.
// The report is nil where none is asked for.
func openReport(file string, boxfile []string) (*report, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // every method takes the nil report for none
	}
	flags := os.O_WRONLY | os.O_CREATE
	if !strings.HasPrefix(file, "/dev/") && !strings.HasPrefix(file, "/proc/") {
		flags |= noFollow
	}
	f, err := os.OpenFile(file, flags, 0o644)
	if info, fault := os.Lstat(file); err != nil && fault == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, &problem{at: file, text: "the report would be written through a symbolic link", fix: "name the file that it leads to"}
	}
	if err != nil {
		return nil, &problem{at: file, text: "cannot write the report: " + reason(err)}
	}
	if len(boxfile) == 0 {
		boxfile = defaultNames[:]
	}
	for _, name := range boxfile {
		a, err1 := f.Stat()
		b, err2 := os.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(a, b) {
			return nil, &problem{at: file, text: "the report would be written over the Boxfile", fix: "name another file"}
		}
	}
	return &report{Version: reportVersion, to: f, Reached: []reportLimit{}, NotEnforced: []reportLimit{}, Ports: []reportPort{}}, nil
}

// about says which plan the report is on.
func (r *report) about(c *compiled) {
	if r == nil {
		return
	}
	r.compiled, r.File, r.Name = c, &c.source.name, &c.plan.Name
	r.empty()
	if digest, err := c.plan.Digest(); err == nil {
		r.Plan = &digest
	}
}

// empty empties the file, if it is one: a pipe has nothing to be emptied.
func (r *report) empty() { _ = r.to.Truncate(0) }

// step is a step of the plan by its index, or nil.
func (r *report) step(i int) *reportStep {
	if r.compiled == nil {
		return nil
	}
	return r.compiled.step(i)
}

// step is a step of the plan by its index, or nil.
func (c *compiled) step(i int) *reportStep {
	p := c.plan
	if i < 0 || i >= len(p.Steps) {
		return nil
	}
	s := &reportStep{Number: i + 1, Kind: plan.InfoOf(p.Steps[i]).Name}
	if at := &p.Positions[i]; !at.IsDefault() {
		s.Line, s.Column = &at.Line, &at.Col
	}
	if key := p.Positions[i].Key; key != "" {
		s.Key = &key
	}
	return s
}

// notEnforced notes a limit that the file lets go.
func (r *report) notEnforced(step int, why string) {
	if r != nil {
		r.NotEnforced = append(r.NotEnforced, reportLimit{Step: r.step(step), Why: &why})
	}
}

// write completes the report with how up ends, and writes it.
func (r *report) write(code int, err error) error {
	if r == nil {
		return nil
	}
	r.ExitCode = code
	who := "command"
	if err != nil {
		who = "boxfile"
		message := err.Error()
		var p *problem
		if errors.As(err, &p) {
			message = p.text
			r.Step = r.step(p.step - 1)
		} else if all := schema.Diagnostics(err); len(all) > 0 { // the first of them, as a line of a log
			message = all[0].Error()
		}
		r.Message, r.ExitCode = &message, exitCode("up", err)
	}
	if r.ExitCode != 0 {
		r.Failed = &who
	}
	out, err := json.MarshalIndent(r, "", "  ")
	r.empty()
	if err == nil {
		_, err = r.to.Write(append(out, '\n'))
	}
	if closing := r.to.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return &problem{at: r.to.Name(), text: "cannot write the report: " + reason(err)}
	}
	return nil
}

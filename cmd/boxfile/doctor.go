package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/executor/doctor"
)

// doctorVersion is the version of the form that doctor --json prints, as reportVersion is that of reports.
const doctorVersion = 1

// diagnosis is what doctor has found, as doctor.schema.json describes it.
type diagnosis struct {
	Version   int         `json:"doctor_version"`
	File      *string     `json:"file"` // null: none was named
	Works     bool        `json:"works"`
	Machine   machine     `json:"machine"`
	Checks    []checkLine `json:"checks"`
	Strongest *strongest  `json:"strongest"` // null: there is a file, or no box at all works
}

// machine is what is told of it whatever is asked.
type machine struct {
	Kernel   string  `json:"kernel"`
	UID      int     `json:"uid"`
	Landlock int     `json:"landlock_abi"` // 0: this kernel has none
	Filter   bool    `json:"seccomp_filter"`
	AppArmor *string `json:"apparmor_profile"`
}

// checkLine is one check with the place in the file that asks for it.
type checkLine struct {
	Name   string        `json:"name"`
	Answer doctor.Answer `json:"answer"`
	Needed bool          `json:"needed"`
	Found  string        `json:"found"`
	Step   *reportStep   `json:"step"`
	Cause  *string       `json:"cause"`
	Fix    *string       `json:"fix"`
	Detail *string       `json:"detail"`

	at string // as messages have it
}

// strongest is the most that a box can be here.
type strongest struct {
	Only []string `json:"only_with"` // without which no box works here
	Can  []string `json:"can"`
	Not  []string `json:"cannot"`
}

// doctor says what of a Boxfile, or of any, works on this machine.
func (t *terminal) doctor(call *cli.Call, stdin io.Reader) (int, error) {
	var d *diagnosis
	var err error
	if len(call.Operands) == 0 {
		d, err = diagnoseMachine()
	} else {
		var c *compiled
		if c, err = compile(call, stdin); err == nil {
			d, err = diagnose(c)
		}
	}
	if err != nil {
		return exitWrong, err
	}
	var b bytes.Buffer
	if call.Has(cli.JSON) {
		out, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return exitWrong, err
		}
		b.Write(append(out, '\n'))
	} else {
		d.text(&b)
	}
	code := exitOK
	if !d.Works {
		code = exitWrong
	}
	return code, t.result(b.Bytes())
}

// add appends checks. c is what they are about, or nil for a Boxfile of doctor's own.
func (d *diagnosis) add(c *compiled, needed bool, checks ...doctor.Check) {
	for i := range checks {
		k := &checks[i]
		l := checkLine{Name: k.Part, Answer: k.Answer, Found: k.Found, Needed: needed && k.Answer != doctor.NotNeeded && k.Answer != doctor.NotEnforced,
			Cause: unlessEmpty(k.Cause), Fix: unlessEmpty(k.Fix), Detail: unlessEmpty(k.Detail)}
		if c != nil && k.Step >= 0 {
			l.Step, l.at = c.step(k.Step), stepAt(c.source.name, c.plan, k.Step)+": "
			l.Detail = unlessEmpty(stepDetail(c.plan, k.Step, k.Detail))
		}
		if k.Undo != nil {
			left := strings.TrimPrefix(k.Detail+"; left behind: "+k.Undo.Error(), "; ")
			l.Detail = &left
		}
		if l.Needed && l.Answer != doctor.Works {
			d.Works = false
		}
		d.Checks = append(d.Checks, l)
	}
}

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// alike reports whether two checks say no for one reason.
func (l *checkLine) alike(o *checkLine) bool {
	return l.Cause != nil && o.Cause != nil && l.Fix != nil && o.Fix != nil && *l.Cause == *o.Cause && *l.Fix == *o.Fix
}

// mark is what a line of text begins with.
func mark(a doctor.Answer) string {
	switch a {
	case doctor.Works, doctor.Fails:
		return string(a)
	case doctor.NotNeeded, doctor.NotTried, doctor.NotEnforced:
	}
	return "-"
}

// text is the diagnosis for people.
func (d *diagnosis) text(b *bytes.Buffer) {
	b.WriteString(wordMachine(&d.Machine) + "\n")
	width := 0
	for i := range d.Checks {
		width = max(width, len(d.Checks[i].Name))
	}
	for i := range d.Checks {
		l := &d.Checks[i]
		found := l.at + l.Found
		if l.Answer == doctor.NotNeeded {
			found = "not needed"
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-2s  %-*s  %s", mark(l.Answer), width, printable(l.Name), printable(found)), " ") + "\n")
		if i+1 < len(d.Checks) && l.alike(&d.Checks[i+1]) {
			continue // told once, below the last of them
		}
		for _, more := range [...]struct {
			name string
			text *string
		}{{"cause", l.Cause}, {"fix", l.Fix}, {"detail", l.Detail}} {
			if more.text != nil {
				fmt.Fprintf(b, "      %s: %s\n", more.name, printable(*more.text))
			}
		}
	}
	b.WriteString("\n" + wordDiagnosis(d))
}

// Package risk finds what a reviewer of a plan should not miss: what the plan gives
// to the box that has led out of such boxes before.
//
// Its input is a plan and nothing else, so that the same plan has the same risks on
// every machine; its output is a list of findings with stable ids, each of which has
// a section in docs/risks.md. Paths are compared as the kernel takes them, name by
// name, and as common systems link them (/var/run is /run); what a relative path
// leads to on a machine is not known here. A plan without findings is not a safe
// one: this is a list of what is known to go wrong, no proof.
package risk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Severity says how far a risk leads.
type Severity uint8

// Low is a habit that hides other things, Medium leaves a part of the host's surface
// or secrets open, and High is a way to the host or to its keys.
const (
	Low Severity = iota + 1
	Medium
	High
)

func (s Severity) String() string {
	return [...]string{"", "low", "medium", "high"}[s]
}

// Finding is one risk of one plan.
type Finding struct {
	ID       string
	Step     int           // index of the step that brings it; -1: that a step is missing does
	Position plan.Position // of the step

	format   string // all verbs are %s
	operands []string
}

// Info is the row of the table for the finding's id.
func (f *Finding) Info() Info {
	for _, r := range table {
		if r.ID == f.ID {
			return r
		}
	}
	return Info{}
}

// Detail says what of the plan it is. Its operands are strings of the Boxfile: show
// makes each of them safe for where it is written.
func (f *Finding) Detail(show func(string) string) string {
	shown := make([]any, len(f.operands))
	for i, o := range f.operands {
		shown[i] = show(o)
	}
	return fmt.Sprintf(f.format, shown...)
}

// Words is the detail as a format, whose verbs are all %s, and its operands, which
// are strings of the Boxfile: none of them has been made safe to print.
func (f *Finding) Words() (format string, operands []string) { return f.format, f.operands }

// what is the same for two findings, of two plans, of the same thing.
func (f *Finding) what() string {
	return strings.Join(append([]string{f.ID, f.format}, f.operands...), "\x00")
}

// Find lists the risks of a plan: the severest first, then by id, then in the order of steps.
// A plan without steps is no box, and has none.
func Find(p *plan.Plan) []Finding {
	if len(p.Steps) == 0 {
		return nil
	}
	f := finder{plan: p, targets: map[string]bool{}, above: map[string]string{}}
	for i, s := range p.Steps {
		f.step = i
		_ = s.Accept(&f) // looking at a step cannot fail
	}
	f.movable()
	f.step = -1
	f.missing()
	slices.SortStableFunc(f.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Info().Severity, a.Info().Severity), cmp.Compare(a.ID, b.ID))
	})
	return f.found
}

// New lists the risks of a plan that an older one does not have. A nil older plan has none.
func New(older, newer *plan.Plan) []Finding {
	known := map[string]bool{}
	if older != nil {
		for _, f := range Find(older) {
			known[f.what()] = true
		}
	}
	return slices.DeleteFunc(Find(newer), func(f Finding) bool { return known[f.what()] })
}

// Verdict is the risks of a plan beside its waivers.
type Verdict struct {
	Open    []Finding // those that count
	Waived  []Waived  // those that a waiver accepts
	Expired []plan.Waiver
	Unused  []plan.Waiver // waivers of risks that the plan does not have
}

// Waived is a finding and the waiver that accepts it.
type Waived struct {
	Finding
	Waiver plan.Waiver
}

// Judge holds the risks of a plan against its waivers. today is a date as in
// "2027-01-31"; a waiver holds through its last day. With "" none has ended.
func Judge(p *plan.Plan, today string) Verdict {
	var v Verdict
	used := map[string]bool{}
	valid := map[string]plan.Waiver{}
	for _, w := range p.Waivers {
		if w.Until != "" && today > w.Until { // dates of this form are in the order of their text
			v.Expired = append(v.Expired, w)
			continue
		}
		valid[w.Risk] = w
	}
	for _, f := range Find(p) {
		used[f.ID] = true
		if w, ok := valid[f.ID]; ok {
			v.Waived = append(v.Waived, Waived{f, w})
			continue
		}
		v.Open = append(v.Open, f)
	}
	for _, w := range p.Waivers {
		if !used[w.Risk] {
			v.Unused = append(v.Unused, w)
		}
	}
	return v
}

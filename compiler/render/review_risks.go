package render

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
)

// reviewRisk is a risk that the new file has and the old one has not.
type reviewRisk struct {
	risk.Finding
	waiver *plan.Waiver // that accepts it, or nil
}

// risks are those that a change brings. Waivers are judged by the review's day.
func (r *Review) risks() []reviewRisk {
	if gone(r.New) {
		return nil
	}
	older := r.Old
	if gone(older) {
		older = nil
	}
	waived := risk.Judge(r.New, r.Today).Waived
	var out []reviewRisk
	for _, f := range risk.New(older, r.New) {
		one := reviewRisk{Finding: f}
		for i := range waived {
			if waived[i].ID == f.ID && waived[i].Step == f.Step {
				one.waiver = &waived[i].Waiver
			}
		}
		out = append(out, one)
	}
	return out
}

// waivers are those that a change brings: they change nothing of the box, and what is asked of reviewers.
func (r *Review) waivers() []plan.Waiver {
	return slices.DeleteFunc(slices.Clone(r.New.Waivers), func(w plan.Waiver) bool {
		return slices.ContainsFunc(r.Old.Waivers, func(o plan.Waiver) bool {
			return o.Risk == w.Risk && o.Reason == w.Reason && o.Until == w.Until
		})
	})
}

// says is the risk in one line, escaped.
func (f *reviewRisk) says() string {
	s := f.ID + " (" + f.Info().Severity.String() + ") " + f.Info().Title + ": " + f.Detail(literal)
	if f.waiver != nil {
		s += "; waived: " + literal(f.waiver.Reason)
	}
	return s
}

func saysWaiver(w *plan.Waiver) string {
	s := literal(w.Risk)
	if w.Until != "" {
		s += " until " + literal(w.Until)
	}
	return "waives " + strings.TrimSpace(s) + ": " + literal(w.Reason)
}

// notes are the lines of new risks, waivers and locks, each with its place.
func (r *Review) notes() [][2]string {
	var out [][2]string
	for _, f := range r.risks() {
		out = append(out, [2]string{f.says(), place(r.NewName, f.Position)})
	}
	for _, w := range r.waivers() {
		out = append(out, [2]string{saysWaiver(&w), waiverPlace(r.NewName, &w)})
	}
	for _, l := range r.Locks {
		out = append(out, [2]string{l.What, l.Where})
	}
	return out
}

// aboutNotes is what the notes are about.
func (r *Review) aboutNotes() string {
	if len(r.Locks) > 0 {
		return "new risks and waivers, and locks"
	}
	return "new risks and waivers"
}

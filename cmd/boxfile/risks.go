package main

import (
	"slices"
	"strings"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/risk"
)

// failOn is what --fail-on names: single risks, and all from a severity on.
type failOn struct {
	ids   []string
	least risk.Severity // 0: none but the ids
}

// failWords are what --fail-on takes beside ids.
var failWords = [...]struct {
	word  string
	least risk.Severity
}{{"high", risk.High}, {"medium", risk.Medium}, {"all", risk.Low}}

// parseFailOn reads the words of --fail-on. The result is empty without the flag.
func parseFailOn(call *cli.Call) (*failOn, error) {
	f := new(failOn)
	if !call.Has(cli.FailOn) {
		return f, nil
	}
words:
	for word := range strings.SplitSeq(call.Value(cli.FailOn), ",") {
		for _, w := range failWords {
			if word == w.word {
				if f.least == 0 || w.least < f.least {
					f.least = w.least
				}
				continue words
			}
		}
		if !slices.Contains(risk.IDs(), word) {
			return nil, unknownRisk(word, call.Verb)
		}
		f.ids = append(f.ids, word)
	}
	return f, nil
}

// hits are those of the risks that are meant.
func (f *failOn) hits(list []risk.Finding) []risk.Finding {
	return slices.DeleteFunc(slices.Clone(list), func(r risk.Finding) bool {
		return !slices.Contains(f.ids, r.ID) && (f.least == 0 || r.Info().Severity < f.least)
	})
}

// today is the day by which waivers end.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

// risks says which waivers have ended, and which risks of the plan are among those
// to fail on; then the exit code is a no.
func (t *terminal) risks(c *compiled, fail *failOn) int {
	v := risk.Judge(c.plan, today())
	for _, w := range v.Expired {
		t.message(wordExpired(c.source.name, w).lines(t.colour()))
	}
	code := exitOK
	for _, f := range fail.hits(v.Open) {
		t.message(wordRisk(c.source.name, c.plan, &f).lines(t.colour()))
		code = exitWrong
	}
	return code
}

// newRisks says which risks to fail on a change brings, waived ones aside.
func (t *terminal) newRisks(from, to *side, fail *failOn) bool {
	older := from.plan
	if len(older.Steps) == 0 {
		older = nil
	}
	if len(to.plan.Steps) == 0 {
		return false
	}
	open, failed := risk.Judge(to.plan, today()).Open, false
	for _, f := range fail.hits(risk.New(older, to.plan)) {
		if !slices.ContainsFunc(open, func(o risk.Finding) bool { return o.ID == f.ID && o.Step == f.Step }) {
			continue
		}
		t.message(wordRisk(to.name, to.plan, &f).lines(t.colour()))
		failed = true
	}
	return failed
}

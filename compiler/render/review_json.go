package render

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
)

// diffVersion is the version of the form that DiffJSON writes. A member that is
// added leaves it; one that goes, or means something else, raises it.
const diffVersion = 1

// The form is described by diff.schema.json. Strings are escaped as plan.Literal does.
type (
	jsonDiff struct {
		Version int                    `json:"diff_version"`
		Overall string                 `json:"direction"` // "same" where there is no change
		Old     jsonSide               `json:"old"`
		New     jsonSide               `json:"new"`
		Counts  map[diff.Direction]int `json:"counts"`
		Changes []jsonChange           `json:"changes"`
		Risks   []jsonRisk             `json:"new_risks"`
		Waivers []jsonWaiver           `json:"new_waivers"`
		Locks   []string               `json:"locks"`
	}
	jsonRisk struct {
		ID       string     `json:"id"`
		Severity string     `json:"severity"`
		Title    string     `json:"title"`
		Detail   string     `json:"detail"`
		Waived   bool       `json:"waived"`
		At       *jsonPlace `json:"at"`
	}
	jsonWaiver struct {
		Risk   string  `json:"risk"`
		Reason string  `json:"reason"`
		Until  *string `json:"until"`
		Line   int     `json:"line"`
	}
	jsonSide struct {
		Name   string  `json:"name"`
		Digest *string `json:"digest"` // null: there is no box
	}
	jsonChange struct {
		Direction diff.Direction `json:"direction"`
		Kind      string         `json:"kind"`
		What      string         `json:"what"`
		Old       *string        `json:"old"`
		New       *string        `json:"new"`
		From      *jsonPlace     `json:"from"`
		To        *jsonPlace     `json:"to"`
	}
	jsonPlace struct {
		Step   *int    `json:"step"`
		Line   *int    `json:"line"`
		Column *int    `json:"column"`
		Key    *string `json:"key"`
	}
)

// DiffJSON writes what has changed for programs.
func DiffJSON(w io.Writer, r *Review) error {
	out := jsonDiff{Version: diffVersion, Overall: "same", Counts: map[diff.Direction]int{}, Changes: []jsonChange{}, Risks: []jsonRisk{}, Waivers: []jsonWaiver{}, Locks: []string{}}
	if d := r.Overall(); d != "" {
		out.Overall = string(d)
	}
	var err error
	if out.Old, err = sideJSON(r.OldName, r.Old); err != nil {
		return err
	}
	if out.New, err = sideJSON(r.NewName, r.New); err != nil {
		return err
	}
	for _, d := range directions {
		out.Counts[d] = r.Count(d)
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		out.Changes = append(out.Changes, jsonChange{c.Direction, c.Kind, c.What(), orNull(c.Old), orNull(c.New), placeJSON(c.From), placeJSON(c.To)})
	}
	for _, f := range r.risks() {
		at := &diff.Place{Step: f.Step + 1, At: f.Position}
		out.Risks = append(out.Risks, jsonRisk{f.ID, f.Info().Severity.String(), f.Info().Title, f.Detail(literal), f.waiver != nil, placeJSON(at)})
	}
	for _, n := range r.waivers() {
		out.Waivers = append(out.Waivers, jsonWaiver{n.Risk, literal(n.Reason), orNull(n.Until), n.Line})
	}
	for _, l := range r.Locks {
		out.Locks = append(out.Locks, l.What)
	}
	return writeJSON(w, out)
}

func writeJSON(w io.Writer, v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(plan.EscapeJSON([]byte(b.String())))
	return err
}

func sideJSON(name string, p *plan.Plan) (jsonSide, error) {
	if gone(p) {
		return jsonSide{Name: name}, nil
	}
	d, err := p.Digest()
	return jsonSide{name, &d}, err
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func placeJSON(p *diff.Place) *jsonPlace {
	if p == nil {
		return nil
	}
	return &jsonPlace{orNull(p.Step), orNull(p.At.Line), orNull(p.At.Col), orNull(p.At.Key)}
}

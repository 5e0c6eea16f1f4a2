package render

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
)

// The parts of SARIF 2.1.0 (OASIS, sarif-v2.1.0-os) that an annotation needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		URI   string      `json:"informationUri"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string       `json:"id"`
		Short sarifMessage `json:"shortDescription"`
		Level sarifLevel   `json:"defaultConfiguration"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifResult struct {
		Rule         string            `json:"ruleId"`
		Index        int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifMessage      `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn"`
	}
)

// level is how loud an annotation is, and what its rule says.
func level(d diff.Direction) (loud, means string) {
	switch d {
	case diff.Widens:
		return "warning", "widens what the box may do"
	case diff.Narrows:
		return "note", "narrows what the box may do"
	default:
		return "note", "changes the box"
	}
}

// DiffSARIF writes what has changed as annotations of the new file, for code
// scanning. A rule is a direction and a kind of step, as in "widens/mount", or the id of a risk.
func DiffSARIF(w io.Writer, r *Review) error {
	run := &sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "boxfile", URI: "https://github.com/boxfile/boxfile/blob/main/docs/diff.md", Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	twice := map[string]int{}
	note := func(id, rule, loud, text, about string, at plan.Position) {
		// lines move; what has changed, and how often it has, does not
		said := id + "\x00" + about
		twice[said]++
		sum := plan.SHA256(fmt.Appendf(nil, "%s\x00%d", said, twice[said]))
		run.Results = append(run.Results, sarifResult{
			Rule: id, Index: run.rule(id, rule, loud), Level: loud, Message: sarifMessage{brackets(text)},
			Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{uri(r.URI)}, sarifRegion{max(1, at.Line), max(1, at.Col)}}}},
			Fingerprints: map[string]string{"boxfileChange/v1": hex.EncodeToString(sum[:16])},
		})
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		loud, means := level(c.Direction)
		note(string(c.Direction)+"/"+c.Kind, "A change of "+c.Kind+" "+means+".", loud, string(c.Direction)+": "+c.What(), strings.Join([]string{c.About, c.Old, c.New}, "\x00"), r.Anchor(c))
	}
	for _, f := range r.risks() {
		loud := "warning"
		if f.waiver != nil || f.Info().Severity == risk.Low {
			loud = "note"
		}
		note(f.ID, f.Info().Title+".", loud, f.says(), f.Detail(literal), f.Position)
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{*run}})
}

// rule is the number of a rule, which is added if it is new.
func (run *sarifRun) rule(id, says, loud string) int {
	rules := &run.Tool.Driver.Rules
	if at := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == id }); at >= 0 {
		return at
	}
	*rules = append(*rules, sarifRule{id, sarifMessage{says}, sarifLevel{loud}})
	return len(*rules) - 1
}

// brackets keeps text from being read as a link (section 3.11.6).
func brackets(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(s)
}

// uri is a relative reference of RFC 3986.
func uri(path string) string {
	return (&url.URL{Path: path}).String()
}

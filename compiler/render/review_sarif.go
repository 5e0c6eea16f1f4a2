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
// scanning. A rule is a direction and a kind of step, as in "widens/mount".
func DiffSARIF(w io.Writer, r *Review) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "boxfile", URI: "https://github.com/boxfile/boxfile/blob/main/docs/diff.md", Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	rules := &run.Tool.Driver.Rules
	twice := map[string]int{}
	for i := range r.Changes {
		c := &r.Changes[i]
		loud, means := level(c.Direction)
		id := string(c.Direction) + "/" + c.Kind
		at := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == id })
		if at < 0 {
			at = len(*rules)
			*rules = append(*rules, sarifRule{id, sarifMessage{fmt.Sprintf("A change of %s %s.", c.Kind, means)}, sarifLevel{loud}})
		}
		// lines move; what has changed, and how often it has, does not
		said := strings.Join([]string{id, c.About, c.Old, c.New}, "\x00")
		twice[said]++
		sum := plan.SHA256(fmt.Appendf(nil, "%s\x00%d", said, twice[said]))
		region := r.Anchor(c)
		run.Results = append(run.Results, sarifResult{
			Rule: id, Index: at, Level: loud, Message: sarifMessage{string(c.Direction) + ": " + brackets(c.What())},
			Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{uri(r.URI)}, sarifRegion{region.Line, max(1, region.Col)}}}},
			Fingerprints: map[string]string{"boxfileChange/v1": hex.EncodeToString(sum[:16])},
		})
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// brackets keeps text from being read as a link (section 3.11.6).
func brackets(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(s)
}

// uri is a relative reference of RFC 3986.
func uri(path string) string {
	return (&url.URL{Path: path}).String()
}

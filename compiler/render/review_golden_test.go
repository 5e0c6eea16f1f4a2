package render_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
	"github.com/boxfile/boxfile/compiler/risk"
)

var reviewForms = []struct {
	suffix string
	write  func(io.Writer, *render.Review) error
}{{".txt", render.DiffText}, {".json", render.DiffJSON}, {".md", render.DiffMarkdown}, {".sarif", render.DiffSARIF}}

// widened is the review that docs/diff.md shows.
func widened(t *testing.T) *render.Review {
	t.Helper()
	const from, to = "examples/web.yaml", "testdata/web-widened.yaml"
	r := reviewOf(t, compileExample(t, "../../"+from), compileExample(t, "../../"+to), "")
	r.OldName, r.NewName, r.URI = from, to, to
	return r
}

func TestTheReviewOfTheExampleIsGolden(t *testing.T) {
	for _, f := range reviewForms {
		var b bytes.Buffer
		if err := f.write(&b, widened(t)); err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join("testdata", "review", "web-widened"+f.suffix), b.Bytes())
	}
}

// SARIF has what code scanning needs (section numbers are those of sarif-v2.1.0-os),
// and annotations are on lines that there are.
func TestAnnotationsAreSARIF(t *testing.T) {
	for name, r := range map[string]*render.Review{"wider": widened(t), "gone": removedMount(t), "same": same(t)} {
		var b bytes.Buffer
		if err := render.DiffSARIF(&b, r); err != nil {
			t.Fatal(err)
		}
		var log struct {
			Schema  string `json:"$schema"`
			Version string
			Runs    []struct {
				ColumnKind string
				Tool       struct {
					Driver struct {
						Name  string
						Rules []struct {
							ID                   string
							ShortDescription     struct{ Text string }
							DefaultConfiguration struct{ Level string }
						}
					}
				}
				Results []struct {
					RuleID              string
					RuleIndex           int
					Level               string
					Message             struct{ Text string }
					PartialFingerprints map[string]string
					Locations           []struct {
						PhysicalLocation struct {
							ArtifactLocation struct{ URI string }
							Region           struct{ StartLine, StartColumn int }
						}
					}
				}
			}
		}
		if err := json.Unmarshal(b.Bytes(), &log); err != nil {
			t.Fatal(err)
		}
		if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].ColumnKind != "unicodeCodePoints" || log.Runs[0].Tool.Driver.Name == "" || !bytes.Contains(b.Bytes(), []byte(`"results": [`)) { // 3.13, 3.14, 3.19
			t.Fatalf("%s: %s", name, b.String())
		}
		run, prints := log.Runs[0], map[string]bool{}
		risks := len(risk.New(r.Old, r.New))
		if len(run.Results) != len(r.Changes)+risks {
			t.Errorf("%s: %d results of %d changes and %d risks", name, len(run.Results), len(r.Changes), risks)
		}
		for i, res := range run.Results {
			if res.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[res.RuleIndex].ID != res.RuleID { // 3.27.6
				t.Errorf("%s: result %d has the rule %q of number %d", name, i, res.RuleID, res.RuleIndex)
			}
			if !slices.Contains([]string{"warning", "note"}, res.Level) || !strings.HasPrefix(res.RuleID, "BX") && (res.Level == "warning") != strings.HasPrefix(res.RuleID, "widens/") { // 3.27.10
				t.Errorf("%s: %s is a %s", name, res.RuleID, res.Level)
			}
			at := res.Locations[0].PhysicalLocation
			if at.Region.StartLine < 1 || at.Region.StartColumn < 1 || at.ArtifactLocation.URI != r.URI || res.Message.Text == "" { // 3.30
				t.Errorf("%s: %+v", name, res)
			}
			for k, v := range res.PartialFingerprints { // 3.27.16
				if prints[v] || !regexp.MustCompile(`^boxfileChange/v1$`).MatchString(k) {
					t.Errorf("%s: the fingerprint %s %s is there twice", name, k, v)
				}
				prints[v] = true
			}
		}
	}
}

// What is gone is annotated at the nearest line that both files have, and at the first if there is none.
func TestWhatIsGoneIsAnnotatedNearby(t *testing.T) {
	r := removedMount(t)
	for _, c := range r.Changes {
		if c.Kind == "mount" {
			if at := r.Anchor(&c); at.Line != 3 {
				t.Errorf("%s is at line %d", c.What(), at.Line)
			}
			return
		}
	}
	t.Error("no mount has gone")
}

func removedMount(t *testing.T) *render.Review {
	t.Helper()
	return reviewFiles(t, "boxfile: 1\nname: a\nmounts:\n- ./a:/a\n- ./b:/b\ncommand: [ls]\n", "boxfile: 1\nmounts:\n- ./a:/a\nname: a\ncommand: [ls]\n")
}

func same(t *testing.T) *render.Review {
	t.Helper()
	return reviewFiles(t, "boxfile: 1\ncommand: [ls]\n", "boxfile: 1\ncommand: [ls]\n")
}

func reviewFiles(t *testing.T, texts ...string) *render.Review {
	t.Helper()
	plans := make([]*plan.Plan, len(texts))
	for i, text := range texts {
		file := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		plans[i] = compileExample(t, file)
	}
	r := reviewOf(t, plans[0], plans[1], "x.yaml")
	r.URI = "boxes/x.yaml"
	return r
}

// A path in an annotation is a URI.
func TestPathsOfAnnotationsAreEscaped(t *testing.T) {
	r := removedMount(t)
	r.URI = "a b/ü#?%:.yaml"
	var b bytes.Buffer
	if err := render.DiffSARIF(&b, r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"a%20b/%C3%BC%23%3F%25:.yaml"`) {
		t.Error(b.String())
	}
	if r.Count(diff.Narrows) == 0 {
		t.Error("nothing narrows")
	}
}

package render_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

// Nothing that a Boxfile names can paint over the list of its risks.
func TestHostileStringsInRisksAreEscaped(t *testing.T) {
	const evil = "\x1b[2J\u202e\n  BX000  low    all is well"
	p := &plan.Plan{Name: "x", File: "x\x1b.yaml", Waivers: []plan.Waiver{{Risk: "BX015", Reason: evil, Until: evil, Line: 1, Col: 1}, {Risk: evil, Line: 2, Col: 2}}}
	at := plan.Position{Line: 3, Col: 4}
	p.Add(&plan.Mount{Type: "bind", Source: "/root", Target: "/a  b" + evil}, at)
	p.Add(&plan.Mount{Type: "bind", Source: "/run/docker.sock/" + evil, Target: "/b"}, at)
	p.Add(&plan.Device{Path: "/dev/mem/" + evil}, at)
	p.Add(&plan.Capabilities{Bounding: []string{evil}}, at)
	p.Add(&plan.Env{Name: evil + "_TOKEN", Value: []plan.EnvPart{{Text: "x"}}}, at)
	p.Add(&plan.Seccomp{Profile: evil, Otherwise: &plan.SeccompAction{Action: "allow"}}, at)
	p.Add(&plan.CgroupFile{File: evil, Value: evil}, at)
	p.Add(&plan.Publish{Address: evil, Host: 1, Box: 2, Count: 1, Protocol: evil}, at)
	p.Add(&plan.Keep{Dir: evil}, at)
	var b bytes.Buffer
	if err := render.Text(&b, p); err != nil {
		t.Fatal(err)
	}
	_, risks, ok := strings.Cut(b.String(), "\nrisks: ")
	if !ok {
		t.Fatal(b.String())
	}
	for _, want := range []string{"BX002", "BX006", "BX015", "BX025", "BX026", "BX033", "BX035", "BX040", "BX041", "BX044", "waived", `"/a  b\x1b[2J\u202e\n`} {
		if !strings.Contains(risks, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, line := range strings.Split(risks, "\n") {
		if strings.HasPrefix(line, "  BX000") {
			t.Errorf("a line of the file's own: %q", line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Bidi_Control) }); i >= 0 {
			t.Errorf("a control character in %q", line)
		}
	}
}

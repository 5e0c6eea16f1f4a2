package main

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/boxfile/boxfile/compiler/render"
)

// expectedPlan is what --expect names.
type expectedPlan struct {
	digest string
	side   *side // the plan itself, where it is known
}

const digestPrefix = "sha256:"

// expectation reads the value of --expect: a digest, or a saved plan. It is nil for "".
func expectation(word string) (*expectedPlan, error) {
	switch rest, ok := strings.CutPrefix(word, digestPrefix); {
	case word == "":
		return nil, nil //nolint:nilnil // nothing is expected
	case ok && (len(rest) != 64 || strings.Trim(rest, "0123456789abcdef") != ""):
		return nil, &problem{text: "--expect " + quote(word) + " is no digest: it has 64 digits of 0-9 and a-f behind sha256:", fix: "boxfile plan FILE prints it", code: exitUsage}
	case ok:
		return &expectedPlan{digest: word}, nil
	}
	p, err := readPlan(word)
	if err != nil {
		return nil, err
	}
	digest, err := p.Digest()
	return &expectedPlan{digest: digest, side: &side{name: word, plan: p}}, err
}

// beside looks for the expected plan where plan --plan-out would be told to write it:
// dev.plan.json beside dev.yaml. Another plan, or none, is no error: it only would have been shown.
func beside(c *compiled, digest string) *side {
	base := filepath.Base(c.source.name) // a saved plan is named by its Boxfile, and may be in another folder
	name := filepath.Join(c.source.folder, strings.TrimSuffix(base, filepath.Ext(base))+".plan.json")
	p, err := readPlan(name)
	if err != nil {
		return nil
	}
	if is, err := p.Digest(); err != nil || is != digest {
		return nil
	}
	return &side{name: name, plan: p}
}

// difference is how a plan differs from the expected one, in lines.
func difference(from *side, c *compiled) (string, error) {
	r, err := review(from, &side{name: c.source.name, plan: c.plan})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = render.DiffText(&b, r)
	return b.String(), err
}

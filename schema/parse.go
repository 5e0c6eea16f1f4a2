package schema

import (
	"cmp"
	_ "embed"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"gopkg.in/yaml.v3"
)

//go:embed boxfile.schema.json
var schemaText []byte

// JSON returns the JSON Schema of the language, draft 2020-12.
func JSON() []byte { return schemaText }

// Parse reads a Boxfile. name is what messages call the file; inputs are the
// values given for declared inputs; those of secrets are not looked at. The error is a *multierror.Error of
// every *Diagnostic, in the order of the file.
func Parse(name string, data []byte, inputs map[string]string) (*Boxfile, error) {
	return parse(name, data, inputs, reading{most: MaxSize})
}

// ParseGenerated is Parse for a document that a program has written, which may say
// everything in its longest form.
func ParseGenerated(name string, data []byte, inputs map[string]string) (*Boxfile, error) {
	return parse(name, data, inputs, reading{most: maxWritten})
}

// reading is how a document is read.
type reading struct {
	most    int  // bytes
	lenient bool // values that want an input that was not given may stand; the Boxfile lacks them
}

func parse(name string, data []byte, inputs map[string]string, how reading) (*Boxfile, error) {
	text, c := checkText(name, data, how.most)
	if c.errs != nil {
		return nil, c.sorted()
	}
	root := readTree(c, text)
	if c.errs != nil {
		return nil, c.sorted()
	}
	f := &filler{errs: c, declared: declare(c, root, inputs), lenient: how.lenient}
	if strings.Contains(string(text), openMark) {
		f.secrets, f.failed = map[*node][]EnvPart{}, map[*node]bool{}
		f.fillDocument(root, inputs)
	}
	v := &validator{errs: c, told: f.failed}
	v.check(root, 1, documentName)
	if c.errs != nil && root.Kind != yaml.MappingNode {
		return nil, c.sorted()
	}
	b := &Boxfile{File: path.Base(name), Inputs: f.declared, path: name, text: text}
	d := &decoder{errs: c, box: b, secrets: f.secrets}
	d.document(root, v.sound(root))
	if c.errs != nil {
		return nil, c.sorted()
	}
	return b, nil
}

// sorted is the diagnostics in the order of the file.
func (c *Collector) sorted() error {
	slices.SortStableFunc(c.errs.Errors, func(a, b error) int {
		x, y := positionOf(a), positionOf(b)
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Col, y.Col))
	})
	return c.errs.ErrorOrNil()
}

func positionOf(err error) Pos {
	var d *Diagnostic
	if errors.As(err, &d) {
		return d.Pos
	}
	return Pos{}
}

// Diagnostics returns the diagnostics that an error of Parse or of the compiler
// holds, in order; nil for other errors.
func Diagnostics(err error) []*Diagnostic {
	var all *multierror.Error
	if !errors.As(err, &all) {
		return nil
	}
	var out []*Diagnostic
	for _, e := range all.Errors {
		var d *Diagnostic
		if errors.As(e, &d) {
			out = append(out, d)
		}
	}
	return out
}

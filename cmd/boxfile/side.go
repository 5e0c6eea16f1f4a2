package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// side is one of the two that diff compares.
type side struct {
	name     string // as reviews show it
	uri      string // of the file, below the top of its repository
	plan     *plan.Plan
	declared map[string]bool // inputs
	lock     *sideLock       // nil: there is none beside it
}

// readSide reads OLD or NEW: a Boxfile, a saved plan, REV:FILE, or /dev/null for none.
func readSide(name string, inputs map[string]string, stdin io.Reader) (*side, error) {
	if name == os.DevNull || name == "/dev/null" {
		return &side{name: name, uri: name, plan: &plan.Plan{File: name}}, nil
	}
	if rev, file, ok := splitRevision(name); ok {
		r, err := openRevision(name, rev, file)
		if err != nil {
			return nil, err
		}
		data, err := r.read(r.file, maxPlan)
		if err != nil {
			return nil, err
		}
		s, err := compileSide(&source{name: name, data: data, revision: r}, r.file, inputs)
		if err == nil && !isPlan(data) {
			s.lock = readSideLock(name, func(string) ([]byte, error) { return r.read(lockOf(r.file), maxFile) })
		}
		return s, err
	}
	src, err := readBoxfileOrPlan(name, stdin)
	if err != nil {
		return nil, err
	}
	s, err := compileSide(src, belowTop(name), inputs)
	if err == nil && name != "-" && !isPlan(src.data) {
		s.lock = readSideLock(name, readFile)
	}
	return s, err
}

func compileSide(src *source, uri string, inputs map[string]string) (*side, error) {
	s := &side{name: src.name, uri: uri, declared: map[string]bool{}}
	if isPlan(src.data) {
		p, err := decodePlan(src.name, src.data)
		s.plan = p
		return s, err
	}
	if len(src.data) > maxFile {
		return nil, tooLarge(src.name, maxFile)
	}
	b, err := schema.Parse(src.name, src.data, inputs)
	if err != nil {
		return nil, err
	}
	for _, in := range b.Inputs {
		s.declared[in.Name.Value] = true
	}
	s.plan, err = compiler.Compile(b, src.other)
	return s, err
}

// belowTop is a path as the repository that it is in has it. It looks for the top
// and asks nobody.
func belowTop(name string) string {
	whole, err := filepath.Abs(name)
	if err != nil {
		return path.Clean(filepath.ToSlash(name))
	}
	for dir := filepath.Dir(whole); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			if rel, err := filepath.Rel(dir, whole); err == nil {
				return filepath.ToSlash(rel)
			}
		}
		if dir == filepath.Dir(dir) {
			return path.Clean(filepath.ToSlash(name))
		}
	}
}

// isPlan reports whether text is a saved plan rather than a Boxfile. A truncated or
// damaged one is a plan, too.
func isPlan(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 || data[0] != '{' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	for range 2 { // the brace, and the first name
		t, err := d.Token()
		if err != nil {
			return false
		}
		if t == "format_version" {
			return true
		}
	}
	var head struct {
		Version *json.RawMessage `json:"format_version"`
	}
	return json.Unmarshal(data, &head) == nil && head.Version != nil
}

// undeclared refuses an input that no side knows.
func undeclared(inputs map[string]string, sides ...*side) error {
	for name := range inputs {
		known := false
		var names []string
		for _, s := range sides {
			known = known || s.declared[name]
			names = append(names, s.name)
		}
		if !known {
			return &problem{text: "no input " + quote(name) + " is declared by " + strings.Join(names, " or ") + "; a saved plan has its inputs in it", fix: "declare it under inputs:"}
		}
	}
	return nil
}

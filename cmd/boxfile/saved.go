package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/plan"
)

// maxPlan is the most that a saved plan may hold, in bytes: the plan of the largest
// Boxfile is smaller.
const maxPlan = 16 << 20

// readPlan reads a saved plan.
func readPlan(name string) (*plan.Plan, error) {
	data, err := readRegular(name, maxPlan+1)
	if data, err = checkSize(name, data, err, maxPlan); err != nil {
		return nil, err
	}
	return decodePlan(name, data)
}

// decodePlan reads what plan.Encode has written, and holds it against what a Boxfile can become.
func decodePlan(name string, data []byte) (*plan.Plan, error) {
	if len(data) > maxPlan {
		return nil, tooLarge(name, maxPlan)
	}
	p, err := plan.Decode(bytes.NewReader(data))
	switch {
	case errors.Is(err, plan.ErrDigest):
		return nil, &problem{at: name, text: "was edited: " + err.Error(), fix: "make it again: boxfile plan --plan-out " + name}
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return nil, &problem{at: name, text: "is a plan that is not whole", fix: "make it again: boxfile plan --plan-out " + name}
	case err != nil:
		return nil, &problem{at: name, text: "is no plan that this boxfile can read: " + err.Error()}
	}
	if err := compiler.Check(p); err != nil {
		return nil, &problem{at: name, text: "no Boxfile becomes this plan: " + err.Error()}
	}
	return p, nil
}

// writePlan writes the plan beside the Boxfile: its relative paths begin at the
// folder that it is in, as the Boxfile's do.
func writePlan(name string, c *compiled) error {
	here, err1 := os.Stat(c.source.folder)
	there, err2 := os.Stat(filepath.Dir(name))
	if err := errors.Join(err1, err2); err != nil {
		return &problem{at: name, text: "cannot write the plan: " + reason(err)}
	}
	if !os.SameFile(here, there) {
		return &problem{at: name, text: "would be in another folder than the Boxfile, where its relative paths lead elsewhere", fix: "write it beside " + c.source.name}
	}
	if a, err := os.Stat(c.source.name); err == nil {
		if b, err := os.Stat(name); err == nil && os.SameFile(a, b) {
			return &problem{at: name, text: "the plan would be written over the Boxfile", fix: "name another file"}
		}
	}
	var b bytes.Buffer
	if err := c.plan.Encode(&b); err != nil {
		return err
	}
	if err := writeFile(name, b.Bytes()); err != nil {
		return &problem{at: name, text: "cannot write the plan: " + reason(err)}
	}
	return nil
}

// saved takes a saved plan instead of a Boxfile. Of the inputs only the secret ones are left to be given.
func saved(name string, inputs map[string]string) (*compiled, error) {
	p, err := readPlan(name)
	if err != nil {
		return nil, err
	}
	secrets := map[string]string{}
	for _, s := range p.Steps {
		if e, ok := s.(*plan.Env); ok {
			for _, part := range e.Value {
				if v, given := inputs[part.Secret]; given && part.Secret != "" {
					secrets[part.Secret] = v
				}
			}
		}
	}
	for in := range inputs {
		if _, ok := secrets[in]; !ok {
			return nil, &problem{at: name, text: "this plan has no secret input " + quote(in) + "; all other inputs are in it by now"}
		}
	}
	return &compiled{source: &source{name: p.File, folder: filepath.Dir(name)}, plan: p, secrets: secrets}, nil
}

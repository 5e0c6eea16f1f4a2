package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A saved plan is its Boxfile: the same plan, and on this machine the same system
// calls, for every example.
func TestASavedPlanIsItsFile(t *testing.T) {
	eachExample(t, func(r *run) {
		file, saved := filepath.Join(r.dir, r.name+".yaml"), filepath.Join(r.dir, r.name+".plan.json")
		var public, secret []string // inputs
		for _, w := range r.inputs()[:len(r.inputs())-1] {
			if w == "--input" {
				continue
			}
			if strings.HasPrefix(w, "TOKEN=") {
				secret = append(secret, "--input", w)
			} else {
				public = append(public, "--input", w)
			}
		}
		give := func(words ...string) (string, int) { return r.boxfile(nil, words...) }
		text, code := give(append([]string{"plan", file, "--plan-out", saved}, public...)...)
		if code != 0 {
			r.t.Fatal(text)
		}
		if again, code := give("plan", "--plan", saved); code != 0 || again != text {
			r.t.Errorf("exit %d, and another plan", code)
		}
		if out, code := give("diff", saved, saved, "--exit-code"); code != 0 {
			r.t.Errorf("exit %d\n%s", code, out)
		}
		program, code := give(append(append([]string{"plan", "-o", "program", file}, public...), secret...)...)
		if again, other := give(append([]string{"plan", "-o", "program", "--plan", saved}, secret...)...); other != code || code == 0 && again != program {
			r.t.Errorf("exit %d and %d, and another program\n%s\n%s", code, other, program, again)
		}
	})
}

// Some of them are run from their saved plans as well.
func TestExamplesRunFromTheirSavedPlans(t *testing.T) {
	eachExample(t, func(r *run) {
		if !map[string]bool{"hello": true, "inputs": true, "files": true, "masks": true, "kept": true}[r.name] {
			return
		}
		file, saved := filepath.Join(r.dir, r.name+".yaml"), filepath.Join(r.dir, r.name+".plan.json")
		if out, code := r.boxfile(nil, "plan", file, "--plan-out", saved); code != 0 {
			r.t.Fatal(out)
		}
		words := []string{"up", "--plan", saved}
		if r.name == "inputs" {
			words = append(words, "--input", "TOKEN=t0ken")
		}
		if out, code := r.boxfile(nil, words...); code != 0 || !strings.Contains(out, promised[r.name]) {
			r.t.Errorf("exit %d\n%s", code, out)
		}
	})
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
	"github.com/boxfile/boxfile/executor/lock"
)

func unknownRisk(word, verb string) *problem {
	p := &problem{text: "--fail-on: there is no risk " + quote(word) + "; expected high, medium, all, or ids as in BX002,BX024", fix: "boxfile help " + verb, code: exitUsage}
	if upper := strings.ToUpper(word); slices.Contains(risk.IDs(), upper) {
		p.fix = "write " + upper
	}
	return p
}

// wordRisk is a risk as a message: the line that brings it, what it is, and what can be done.
func wordRisk(path string, p *plan.Plan, f *risk.Finding) *problem {
	return &problem{
		at: stepAt(path, p, f.Step), text: f.ID + ": " + f.Info().Title + ": " + f.Detail(printable),
		fix: "docs/risks.md#" + strings.ToLower(f.ID) + " says what to write instead; if it is meant, waive: [{risk: " + f.ID + ", reason: ...}]",
	}
}

// wordExpired is what is said of a waiver that has ended.
func wordExpired(path string, w plan.Waiver) *problem {
	return &problem{
		at: fmt.Sprintf("%s:%d:%d", path, w.Line, w.Col), text: "the waiver of " + w.Risk + " has ended on " + w.Until + ": the risk counts again",
		fix: "remove the risk, or look at it again and write another day",
	}
}

// wordLocked is what lock prints.
func wordLocked(name string, l *lockFile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s holds\n  plan    %s\n", printable(name), l.Plan)
	for _, s := range l.Sources {
		fmt.Fprintf(&b, "  %-6s  %s  %s\n", s.Use, s.Digest, printable(s.Path))
	}
	return b.String()
}

// wordUnlockable is what is said of a source that could not be read.
func wordUnlockable(c *compiled, e *lock.Error) *problem {
	p := &problem{at: stepAt(c.source.name, c.plan, e.Step), text: "cannot take the digest of " + e.Path + ": " + e.Err.Error()}
	switch {
	case errors.Is(e.Err, lock.ErrChanged):
		p.fix = "end what writes there, and try again"
	case errors.Is(e.Err, fs.ErrPermission):
		p.fix = "run it as a user who may read all of it"
	}
	return p
}

func wordLockVersion(name string, version int) *problem {
	return &problem{at: name, text: fmt.Sprintf("is a lock of version %d; this program reads version %d", version, lockVersion), fix: "use the boxfile that wrote it, or write it again: boxfile lock FILE"}
}

func wordOtherPlan(c *compiled, name, held, now string) *problem {
	return &problem{
		at: c.source.name, text: "the plan is not the one that " + name + " holds",
		fix: "boxfile lock " + c.source.name + ", after a review", detail: "the lock holds " + held + ", the plan is " + now + "; inputs and the command are part of it",
	}
}

func wordSource(c *compiled, name string, step int, s *lockSource, what string) *problem {
	return &problem{
		at: stepAt(c.source.name, c.plan, step), text: s.Use + " " + s.Path + " is not what " + name + " holds",
		fix: "boxfile lock " + c.source.name + ", after a review", detail: "it " + what,
	}
}

// wordWhere says at what at the top of a directory two looks at it differ: `("bin", new: "x")`.
func wordWhere(held, now map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		switch was, ok := held[name]; {
		case !ok:
			parts = append(parts, "new: "+quote(name))
		case was != now[name]:
			parts = append(parts, quote(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(held)) {
		if _, ok := now[name]; !ok {
			parts = append(parts, "gone: "+quote(name))
		}
	}
	if len(held) == 0 || len(now) == 0 || len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

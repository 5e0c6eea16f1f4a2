package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

// sideLock is the lock beside the Boxfile of a side.
type sideLock struct {
	name string
	held *lockFile // nil: it is no lock that this boxfile can read
}

// readSideLock reads the lock of a Boxfile as its side has it. It is nil where there is none.
func readSideLock(boxfile string, read func(name string) ([]byte, error)) *sideLock {
	l := &sideLock{name: lockOf(boxfile)}
	data, err := read(l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return l
	}
	if held, err := decodeLock(data); err == nil && held.FormatVersion == lockVersion {
		l.held = held
	}
	return l
}

// lockNotes says what the locks of two sides hold otherwise. It reads nothing that they hold: whoever reviews
// a change may not have the trees. The plans in them are the diff's business.
func lockNotes(from, to *side) ([]render.LockNote, error) {
	if len(to.plan.Steps) == 0 || from.lock == nil && to.lock == nil {
		return nil, nil
	}
	if to.lock == nil {
		return []render.LockNote{{What: "lock: it is gone, and up --locked does not run this file", Where: "was " + plan.Literal(from.lock.name)}}, nil
	}
	var out []render.LockNote
	say := func(what string) {
		out = append(out, render.LockNote{What: "lock: " + what, Where: plan.Literal(to.lock.name)})
	}
	if to.lock.held == nil {
		say("it cannot be read as one, and up --locked does not run this file")
		return out, nil
	}
	held, err := to.isHeld()
	if err != nil {
		return nil, err
	}
	before, err := from.isHeld()
	if err != nil {
		return nil, err
	}
	if !held && (before || from.lock == nil || from.lock.held == nil) { // else it was written with inputs that are not given here
		say("it holds another plan, and up --locked does not run this file as it is")
	}
	if from.lock != nil && from.lock.held != nil {
		sayOf(from.lock.held.Sources, to.lock.held.Sources, say)
	}
	return out, nil
}

// isHeld reports whether the lock of a side holds its plan. It may hold that of other inputs.
func (s *side) isHeld() (bool, error) {
	if s.lock == nil || s.lock.held == nil {
		return false, nil
	}
	digest, err := s.plan.Digest()
	return digest == s.lock.held.Plan, err
}

// sayOf says which sources are others.
func sayOf(was, is []lockSource, say func(string)) {
	find := func(list []lockSource, s *lockSource) *lockSource {
		at := slices.IndexFunc(list, func(o lockSource) bool { return o.Use == s.Use && o.Path == s.Path })
		if at < 0 {
			return nil
		}
		return &list[at]
	}
	name := func(s *lockSource) string { return plan.Literal(s.Use) + " " + plan.Literal(s.Path) }
	for i := range is {
		s := &is[i]
		switch old := find(was, s); {
		case old == nil:
			say("+ " + name(s))
		case old.Digest != s.Digest:
			say(name(s) + " has changed" + wordWhere(old.Entries, s.Entries) + ": " + plan.Literal(old.Digest) + " → " + plan.Literal(s.Digest))
		}
	}
	for i := range was {
		if find(is, &was[i]) == nil {
			say("− " + name(&was[i]))
		}
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/lock"
)

const lockVersion = 1

// lockFile is what a lock holds (docs/lock.md).
type lockFile struct {
	FormatVersion int          `json:"format_version"`
	Plan          string       `json:"plan"`
	Sources       []lockSource `json:"sources"`
}

type lockSource struct {
	Use    string `json:"use"`
	Path   string `json:"path"`
	Digest string `json:"digest"`
	// Entries are of what is at the top of a directory: where to look for a change.
	Entries map[string]string `json:"entries,omitempty"`

	step int
}

// lock writes the lock of a file, or says with --check what it does not hold.
func (t *terminal) lock(call *cli.Call, stdin io.Reader) (int, error) {
	c, err := compile(call, stdin)
	if err != nil {
		return exitWrong, err
	}
	if call.Has(cli.Check) {
		return exitOK, t.holds(c)
	}
	name, err := lockName(c)
	if err != nil {
		return exitWrong, err
	}
	l := &lockFile{FormatVersion: lockVersion}
	if l.Plan, err = c.plan.Digest(); err != nil {
		return exitWrong, err
	}
	if l.Sources, err = lockSources(c); err != nil {
		return exitWrong, err
	}
	if err := l.write(name); err != nil {
		return exitWrong, &problem{at: name, text: "cannot write the lock: " + reason(err)}
	}
	return exitOK, t.result([]byte(wordLocked(name, l)))
}

// lockName is the lock's place, beside the Boxfile.
func lockName(c *compiled) (string, error) {
	name := c.source.name
	if name == "<stdin>" {
		return "", &problem{text: "standard input has no lock: a lock stands beside a file", fix: "name the file", code: exitUsage}
	}
	return filepath.Join(c.source.folder, lockOf(filepath.Base(name))), nil // a saved plan is named by its Boxfile, and may be in another folder
}

// lockOf is the name of the lock that belongs to a Boxfile.
func lockOf(boxfile string) string {
	for _, ending := range [...]string{".yaml", ".yml"} {
		boxfile = strings.TrimSuffix(boxfile, ending)
	}
	return boxfile + ".lock"
}

// lockSources reads what enters the box from outside of the plan.
func lockSources(c *compiled) ([]lockSource, error) {
	folder, err := filepath.Abs(c.source.folder)
	if err != nil {
		return nil, &problem{text: "cannot tell the folder this runs in: " + reason(err)}
	}
	list, err := lock.Sources(c.plan, folder)
	var failure *lock.Error
	if errors.As(err, &failure) {
		return nil, wordUnlockable(c, failure)
	}
	out := make([]lockSource, len(list))
	for i, s := range list {
		out[i] = lockSource{s.Use, s.Path, s.Digest, s.Entries, s.Step}
	}
	return out, err
}

// write replaces the lock in one piece.
func (l *lockFile) write(name string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(l); err != nil {
		return err
	}
	return writeFile(name, b.Bytes())
}

// readLock reads the lock of a Boxfile.
func readLock(name string, c *compiled) (*lockFile, error) {
	data, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &problem{at: name, text: "there is no lock for " + c.source.name, fix: "boxfile lock " + c.source.name}
	}
	if err != nil {
		return nil, err
	}
	var head struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(data, &head); err != nil { // also where something follows
		return nil, &problem{at: name, text: "is no lock: " + err.Error(), fix: "boxfile lock " + c.source.name}
	}
	if head.FormatVersion != lockVersion {
		return nil, wordLockVersion(name, head.FormatVersion)
	}
	l, err := decodeLock(data)
	if err != nil {
		return nil, &problem{at: name, text: "is no lock: " + err.Error(), fix: "boxfile lock " + c.source.name}
	}
	return l, nil
}

func decodeLock(data []byte) (*lockFile, error) {
	l := new(lockFile)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return nil, err
	}
	return l, plan.Twice(data, "entries") // which are named as files are
}

// holds holds a plan, and what enters its box, to the lock. All that differs is told;
// the last of it is the error. Sources of another plan are not even read.
func (t *terminal) holds(c *compiled) error {
	name, err := lockName(c)
	if err != nil {
		return err
	}
	l, err := readLock(name, c)
	if err != nil {
		return err
	}
	digest, err := c.plan.Digest()
	if err != nil {
		return err
	}
	if digest != l.Plan {
		return wordOtherPlan(c, name, l.Plan, digest)
	}
	now, err := lockSources(c)
	if err != nil {
		return err
	}
	faults := differences(c, name, l.Sources, now)
	for i, p := range faults {
		if i == len(faults)-1 {
			return p
		}
		t.message(p.lines(t.colour()))
	}
	return nil
}

// differences are what the lock says otherwise than what is there.
func differences(c *compiled, name string, held, now []lockSource) []*problem {
	var out []*problem
	find := func(list []lockSource, s *lockSource) int {
		return slices.IndexFunc(list, func(o lockSource) bool { return o.Use == s.Use && o.Path == s.Path })
	}
	for i := range now {
		s := &now[i]
		switch at := find(held, s); {
		case at < 0:
			out = append(out, wordSource(c, name, s.step, s, "is there now, and was not when the lock was written"))
		case held[at].Digest != s.Digest:
			out = append(out, wordSource(c, name, s.step, s, "has changed"+wordWhere(held[at].Entries, s.Entries)+": the lock holds "+held[at].Digest+", it is "+s.Digest))
		}
	}
	for i := range held {
		if s := &held[i]; find(now, s) < 0 {
			out = append(out, wordSource(c, name, -1, s, "is not there any more, or no file"))
		}
	}
	return out
}

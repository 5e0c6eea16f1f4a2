package lock

import (
	"errors"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Source is one thing that enters a box.
type Source struct {
	Step   int    // of the plan, by its index
	Use    string // "rootfs", "layer" or "file"
	Path   string // as the plan has it
	Digest string // "sha256:" and hexadecimal digits

	// Entries say what in a directory is as it was, by the digests of what is at its
	// top; nil where there is too much of it. They only tell people where to look:
	// Digest alone decides.
	Entries map[string]string
}

// mostEntries is how many entries of a directory are told apart.
const mostEntries = 64

// ErrChanged means that a file was written to, or a directory changed, while it was read.
var ErrChanged = errors.New("it changed while it was read")

// Error says what of a source could not be read, or did not hold still.
type Error struct {
	Step int
	Path string // of the source, or of what is in it
	Err  error
}

func (e *Error) Error() string { return e.Path + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// wanted is a source before it has been read.
type wanted struct {
	Source
	file    bool // it counts only if it is a regular file
	missing bool // it may be missing
}

// sources lists what a plan takes from outside and does not let the box change.
// Directories that are bound are left out: they are the project's own files, which
// its repository keeps, or the host's.
func sources(p *plan.Plan) []wanted {
	var out []wanted
	made := map[string]bool{}
	for i, s := range p.Steps {
		switch s := s.(type) {
		case *plan.CreateSource:
			made[s.Path] = true
		case *plan.Rootfs:
			if s.Type == "dir" {
				out = append(out, wanted{Source: Source{Step: i, Use: "rootfs", Path: s.Source}})
			}
		case *plan.Mount:
			for _, l := range s.Lower {
				out = append(out, wanted{Source: Source{Step: i, Use: "layer", Path: l}})
			}
			if s.Type == "bind" && s.ReadOnly {
				out = append(out, wanted{Source: Source{Step: i, Use: "file", Path: s.Source}, file: true, missing: s.Optional || made[s.Source]})
			}
		}
	}
	return out
}

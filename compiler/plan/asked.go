package plan

import (
	"path"
	"slices"
	"strings"
)

// What several rooms ask of a step.

// Within reports whether a path is dir or lies below it. Both are absolute and clean.
func Within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// Beneath reports whether a path of a plan stays in the Boxfile's folder by its words.
// Whoever opens such a path has to hold its links to that, too (RESOLVE_BENEATH, openat2(2)).
func Beneath(p string) bool {
	p = path.Clean(p)
	return !path.IsAbs(p) && p != ".." && !strings.HasPrefix(p, "../")
}

// Sets are the names of the sets that hold a capability, given without CAP_.
func (s *Capabilities) Sets(name string) []string {
	var in []string
	for _, set := range [...]struct {
		name string
		list []string
	}{{"bounding", s.Bounding}, {"permitted", s.Permitted}, {"effective", s.Effective}, {"inheritable", s.Inheritable}, {"ambient", s.Ambient}} {
		if slices.Contains(set.list, name) {
			in = append(in, set.name)
		}
	}
	return in
}

// Passes reports whether a call that meets the action is carried out.
func (a *SeccompAction) Passes() bool { return a.Action == "allow" || a.Action == "log" }

// Meets are the rules that a call by that name can meet on an architecture (GOARCH),
// in their order. The last one has no arguments and decides where no other does. A
// profile that is only a digest is not looked into.
func (s *Seccomp) Meets(call, goarch string) []SeccompRule {
	var out []SeccompRule
	for _, r := range s.Rules {
		if !slices.Contains(r.Calls, call) || len(r.Arches) > 0 && !slices.Contains(r.Arches, goarch) {
			continue
		}
		out = append(out, r)
		if len(r.Args) == 0 {
			return out
		}
	}
	if s.Otherwise != nil {
		out = append(out, SeccompRule{SeccompAction: *s.Otherwise})
	}
	return out
}

// Allows reports whether a call by that name is allowed on an architecture (GOARCH),
// at least with some arguments.
func (s *Seccomp) Allows(call, goarch string) bool {
	return slices.ContainsFunc(s.Meets(call, goarch), func(r SeccompRule) bool { return r.Passes() })
}

// newUser is CLONE_NEWUSER, clone(2).
const newUser = 0x10000000

// Nests reports whether a process may ask for a user namespace of its own on an
// architecture (GOARCH), in which it has all capabilities.
func (s *Seccomp) Nests(goarch string) bool {
	return s.NewUser("unshare", goarch) || s.NewUser("clone", goarch) || s.Allows("clone3", goarch)
}

// NewUser reports whether a call whose first argument is flags of clone(2) is allowed
// with CLONE_NEWUSER among them.
func (s *Seccomp) NewUser(call, goarch string) bool {
	for _, r := range s.Meets(call, goarch) {
		without := slices.ContainsFunc(r.Args, func(a SeccompArg) bool { // the flag is not there
			return a.Index == 0 && a.Op == "==" && (a.Mask == nil || *a.Mask&newUser != 0) && a.Value&newUser == 0
		})
		with := len(r.Args) == 1 && r.Args[0].Index == 0 && r.Args[0].Op == "==" && r.Args[0].Mask != nil && *r.Args[0].Mask == newUser && r.Args[0].Value == newUser
		switch {
		case !without && r.Passes():
			return true
		case with: // and all that have it are refused
			return false
		}
	}
	return false
}

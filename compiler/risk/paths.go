package risk

import (
	"path"
	"strings"
)

// links are paths that are symbolic links on common systems, and where they lead. A
// bind of one is a bind of the other.
var links = [...]struct{ from, to string }{
	{"/var/run", "/run"}, {"/var/lock", "/run/lock"}, {"/var/home", "/home"}, {"/var/roothome", "/root"}, {"/usr/home", "/home"},
	{"/bin", "/usr/bin"}, {"/sbin", "/usr/sbin"}, {"/lib", "/usr/lib"}, {"/lib32", "/usr/lib32"}, {"/lib64", "/usr/lib64"}, {"/libx32", "/usr/libx32"},
}

// far is how many folders a path climbs that is taken for one from "/": there, more of
// ".." leads nowhere else, so that enough of them lead there from every folder.
const far = "../../../.."

// names is a path of the host as a list of names, where links lead. Those of an
// absolute path begin with "/"; the others begin with ".." or with what is in the
// Boxfile's folder, which is itself no name at all.
func names(p string) []string {
	p = path.Clean(p)
	if p == far || strings.HasPrefix(p, far+"/") {
		p = path.Clean("/" + p)
	}
	for _, l := range links {
		if p == l.from || strings.HasPrefix(p, l.from+"/") {
			p = l.to + p[len(l.from):]
			break
		}
	}
	switch {
	case p == ".":
		return nil
	case p == "/":
		return []string{"/"}
	case p[0] == '/':
		return append([]string{"/"}, strings.Split(p[1:], "/")...)
	}
	return strings.Split(p, "/")
}

// fits reports whether a name is what a pattern says: the name itself, "*" for any,
// or a beginning with "*" behind it.
func fits(name, pattern string) bool {
	if begin, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, begin)
	}
	return name == pattern
}

// walk goes along a path and a pattern while their names fit, and says which of them
// ends then. A pattern without a slash at its beginning is of names anywhere.
func walk(p []string, pattern string) (pathEnds, patternEnds bool) {
	if rest, ok := strings.CutPrefix(pattern, "/"); ok {
		if len(p) == 0 || p[0] != "/" {
			return false, false
		}
		p, pattern = p[1:], rest
	}
	for _, name := range p {
		if pattern == "" {
			return false, true
		}
		if name != "" && pattern[0] != '*' && pattern[0] != name[0] {
			return false, false // most end here, and a plan may have thousands of mounts
		}
		var want string
		want, pattern, _ = strings.Cut(pattern, "/")
		if !fits(name, want) {
			return false, false
		}
	}
	return true, pattern == ""
}

// holds reports whether a bind of the path brings some of what a pattern stands for:
// the path is above it, is it, or is below.
func holds(p []string, pattern string) bool {
	pathEnds, patternEnds := walk(p, pattern)
	return pathEnds || patternEnds
}

// within reports whether a path is what a pattern stands for, or below.
func within(p []string, pattern string) bool {
	_, patternEnds := walk(p, pattern)
	return patternEnds
}

// is reports whether a path is what a pattern stands for.
func is(p []string, pattern string) bool {
	pathEnds, patternEnds := walk(p, pattern)
	return pathEnds && patternEnds
}

// has is holds for names anywhere in a path: ".config" at its end has ".config/gh".
func has(p []string, pattern string) bool {
	for i := range p {
		if holds(p[i:], pattern) {
			return true
		}
	}
	return false
}

// above reports whether a path is the Boxfile's folder or one above it.
func above(p []string) bool {
	for _, n := range p {
		if n != ".." {
			return false
		}
	}
	return true
}

// first returns the first of the patterns that says yes to a path.
func first(p []string, patterns []string, ask func([]string, string) bool) (string, bool) {
	for _, pattern := range patterns {
		if ask(p, pattern) {
			return pattern, true
		}
	}
	return "", false
}

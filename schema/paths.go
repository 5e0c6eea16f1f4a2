package schema

import (
	"strings"
	"unicode/utf8"
)

// hostPath says what is wrong with a path of the host, or "".
func hostPath(p string) (wrong, fix string) {
	rest := p
	switch {
	case strings.HasPrefix(p, "/"):
		rest = p[1:]
	case p == "." || p == "..":
		return "", ""
	case strings.HasPrefix(p, "./"):
		rest = p[2:]
	case strings.HasPrefix(p, "../"):
		for strings.HasPrefix(rest, "../") {
			rest = rest[3:]
		}
		if rest == ".." {
			rest = ""
		}
	case strings.HasPrefix(p, "~"):
		return "~ is not expanded", "write the whole path, or one that begins with ./"
	default:
		return "a path begins with /, ./ or ../", "write ./" + p
	}
	return pathParts(p, strings.TrimSuffix(rest, "/"))
}

// boxPath says what is wrong with a path inside the box, or "".
func boxPath(p string) (wrong, fix string) {
	switch {
	case strings.HasPrefix(p, "~"):
		return "~ is not expanded", "write the whole path"
	case !strings.HasPrefix(p, "/"):
		return "a path in the box is absolute", "write /" + strings.TrimPrefix(p, "./")
	case p == "/":
		return "", ""
	case strings.HasSuffix(p, "/"):
		return "a path in the box has no / at its end", "write " + strings.TrimRight(p, "/")
	}
	return pathParts(p, p[1:])
}

func pathParts(p, rest string) (wrong, fix string) {
	if len(p) > 4095 {
		return "a path has at most 4095 bytes", ""
	}
	if i := strings.IndexAny(p, "*?["); i >= 0 {
		return "there are no patterns: " + p[i:i+1] + " would be taken literally", "write one entry for each path"
	}
	if rest == "" {
		return "", ""
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch {
		case part == "":
			return "two slashes follow each other", "write one"
		case part == ".":
			return "a . inside the path", "leave it out"
		case part == "..":
			return ".. inside the path: what it leads to depends on links", "write the path without it"
		case len(part) > 255:
			return "a name in a path has at most 255 bytes", ""
		case strings.IndexFunc(part, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) >= 0:
			return "a control character in the path", ""
		}
	}
	return "", ""
}

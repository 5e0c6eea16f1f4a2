package explain

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// pathSentence says a path's answer.
func (v *view) pathSentence(p *Path, w *walk, locked int, under []int, guards []guard) string {
	parts := []string{plan.Literal(p.Path) + ": "}
	if len(w.links) > 0 {
		parts[0] = fmt.Sprintf("%s leads by a link of the plan to %s: ", plan.Literal(p.Path), plan.Literal(p.Real))
	}
	parts[0] += v.what(p, w)
	if s := v.access(p, w, locked); s != "" {
		parts = append(parts, s)
	}
	if len(p.Options) > 0 && p.There != No {
		parts = append(parts, strings.Join(p.Options, ", "))
	}
	if p.Walled && p.There != No && !p.ReadOnly {
		s := "Landlock refuses writes there"
		if p.BestEffort {
			s += " where the kernel has it"
		}
		parts = append(parts, s)
	}
	if below := v.below(w, p.ReadOnly, guards); len(below) > 0 && p.There != No {
		parts = append(parts, "below it "+list(below, 4)+" "+map[bool]string{true: "can be written", false: "cannot be written"}[p.ReadOnly])
	}
	if len(under) > 0 {
		parts = append(parts, "it hides what "+steps(under)+" puts there")
	}
	for _, m := range w.systems {
		parts = append(parts, fmt.Sprintf("where %s is a link or missing on this machine, so it is in the box", plan.Literal(m.at)))
	}
	for _, m := range w.maybes {
		without := look(v.plan, m.step).path(p.Path)
		_, rest, _ := strings.Cut(without.Sentence, ": ")
		parts = append(parts, fmt.Sprintf("where %s is missing on this machine, nothing is mounted: %s", plan.Literal(m.origin[0]), rest))
	}
	return strings.Join(parts, "; ")
}

// what is what stands at a path.
func (v *view) what(p *Path, w *walk) string {
	m := w.mount
	switch {
	case w.mask != nil && w.end == hidden:
		return "not there, because " + plan.Literal(w.mask.path) + " is hidden"
	case w.mask != nil && w.mask.maybe:
		return "hidden, if the kernel has it: a file reads as empty, a directory is empty"
	case w.mask != nil:
		return "hidden: a file reads as empty, a directory is empty"
	case w.end == loop:
		return "not there: its links go round in a circle"
	case w.end == unfollowed && len(w.rest) > 0:
		return "not there, because " + plan.Literal(w.real) + " is a link and is not followed (nosymfollow)"
	case w.end == unfollowed:
		return "a link to " + plan.Literal(w.entry.text) + ", which is not followed (nosymfollow)"
	case w.end == noFolder:
		return "not there, because " + plan.Literal(w.real) + " is a file"
	case w.end == missing:
		return "not there when the box starts: no step makes it in " + tree(m)
	case p.Kind == "file" && p.Written:
		return "a file that the plan writes, of " + count(len(p.Content), "byte")
	case p.Kind == "device":
		return "this machine's device"
	case m.at == w.real || w.end == beyond:
		return m.says(w.real, w.end == beyond)
	case w.entry.perms == "":
		return "a directory on the way to what " + steps([]int{w.entry.step}) + " puts below it" + choose(w.entry.maybe, " where this machine has that", "") + ", in " + tree(m)
	}
	return "a directory that the plan makes, in " + tree(m)
}

// tree names the file system that a mount is.
func tree(m *mount) string {
	switch {
	case m.at == "/" && m.nature == generated:
		return "the root, a tree of the plan's own"
	case m.at == "/":
		return "the root"
	case m.what == "dev":
		return "/dev, which boxfile builds"
	case m.what == "tmpfs":
		return plan.Literal(m.at) + ", which is memory"
	}
	return plan.Literal(m.at)
}

// says is what a mount shows at a path: its own, or one below, which only the machine knows.
func (m *mount) says(real string, below bool) string {
	host := func(layer int) string { return plan.Literal(m.hostOf(real, layer)) }
	switch m.what {
	case "proc":
		return choose(below, "what the kernel has there for the processes of the box", "the kernel's view of the processes of the box")
	case "sysfs":
		return choose(below, "what the kernel has there for the box", "the kernel's view of devices and drivers")
	case "devpts":
		return choose(below, "a terminal of the box's own, if one is open", "terminals of the box's own")
	case "mqueue":
		return choose(below, "a message queue of the box's own, if one is open", "message queues of the box's own")
	case "dev":
		return "devices that boxfile chooses, and links"
	case "tmpfs":
		if m.nature == layered {
			return choose(below, "what earlier runs have left there, if anything", "a tree of the plan's own, with what earlier runs have left")
		}
		return choose(m.at == "/", "the root, a tree of the plan's own", "memory (tmpfs), empty when the box starts but for what steps put there")
	case "overlay":
		s := host(0)
		for i := range m.origin[1:] {
			s += ", over " + host(i+1)
		}
		return choose(below, "the first of these that this machine has: ", "an overlay of ") + s
	}
	if m.write == "keep" {
		return choose(below, "what earlier runs have left there, or ", "") + host(0) + " of this machine" + choose(below, ", if any", ", with what earlier runs have left")
	}
	return choose(below, host(0)+" of this machine, if it is there", host(0)+" of this machine")
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// access is who can write there, and why not.
func (v *view) access(p *Path, w *walk, locked int) string {
	m := w.mount
	key := choose(m.system || m.at == "/", " (rootfs.write)", "") // which would change that
	switch {
	case w.mask != nil, w.end == noFolder, w.end == loop, w.end == unfollowed:
		return ""
	case p.Kind == "device":
		return "its permissions on this machine decide who can use it"
	case locked >= 0:
		return "read-only, by step " + strconv.Itoa(locked+1)
	case p.Files:
		return "a directory can be written, where permissions allow" + m.fate() + ", a file cannot"
	case m.readOnly && w.end == missing:
		return "and it cannot be made, because that is read-only" + key
	case m.readOnly && (m.at == w.real || w.end == beyond):
		return "read-only" + key
	case m.readOnly:
		return "read-only, as all of " + plan.Literal(m.at) + key
	case w.end == missing:
		return "it can be made, where permissions allow" + m.fate()
	case m.what == "proc", m.what == "devpts":
		return "writable where the kernel allows"
	case m.what == "bind":
		return "writable, where this machine's own mount and permissions allow: what is written changes " + plan.Literal(m.hostOf(w.real, 0))
	}
	return "writable, where permissions allow" + m.fate()
}

// fate is what becomes of what is written.
func (m *mount) fate() string {
	switch {
	case m.write == "keep":
		return ", and kept in " + plan.Literal(m.keep)
	case m.write == "discard", m.nature == generated, m.what == "file":
		return ", and forgotten with the box"
	}
	return ""
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// steps names steps as people count them.
func steps(list []int) string {
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = strconv.Itoa(n + 1)
	}
	if len(list) == 1 {
		return "step " + names[0]
	}
	return "steps " + join(names)
}

func join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// list are some of many names.
func list(names []string, most int) string {
	shown := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		shown = append(shown, plan.Literal(n))
	}
	if len(names) > most {
		shown = append(shown, strconv.Itoa(len(names)-most)+" more")
	}
	return join(shown)
}

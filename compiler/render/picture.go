package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
)

// line is an arrow of the picture, from this machine into the box or back.
type line struct {
	step     int
	from, to string
	says     string
	thick    bool // it can be written
	out      bool // it leads out of the box
}

// mostLines keeps a picture readable, and below Mermaid's own bounds.
const mostLines = 40

// drawPicture draws this machine and the box, and what leads from one to the other.
// With a review, what widens is marked.
func drawPicture(w io.Writer, p *plan.Plan, r *Review) {
	lines, left := linesOf(p), 0
	if len(lines) > mostLines {
		lines, left = lines[:mostLines], len(lines)-mostLines
	}
	fmt.Fprint(w, "```mermaid\nflowchart LR\n")
	fmt.Fprint(w, "  subgraph machine[\"this machine\"]\n    direction TB\n")
	for i, l := range lines {
		fmt.Fprintf(w, "    h%d[\"%s\"]\n", i, label(l.from))
	}
	if left > 0 {
		fmt.Fprintf(w, "    more[\"and %d more\"]\n", left)
	}
	fmt.Fprintf(w, "  end\n  subgraph box[\"box %s\"]\n    direction TB\n", label(literal(p.Name)))
	for i, l := range lines {
		fmt.Fprintf(w, "    b%d[\"%s\"]\n", i, label(l.to))
	}
	fmt.Fprint(w, "    run[\"command\"]\n  end\n")
	for i, l := range lines {
		arrow := [...]string{"-->", "==>"}[map[bool]int{true: 1}[l.thick]]
		if l.out {
			fmt.Fprintf(w, "  b%d %s|\"%s\"| h%d\n", i, arrow, label(l.says), i)
		} else {
			fmt.Fprintf(w, "  h%d %s|\"%s\"| b%d\n", i, arrow, label(l.says), i)
		}
	}
	if r != nil {
		markWider(w, lines, r)
	}
	fmt.Fprint(w, "```\n")
}

func markWider(w io.Writer, lines []line, r *Review) {
	var nodes []string
	for i, l := range lines {
		if slices.ContainsFunc(r.Changes, func(c diff.Change) bool {
			return c.Direction == diff.Widens && c.To != nil && c.To.Step == l.step
		}) {
			nodes = append(nodes, fmt.Sprintf("h%d,b%d", i, i))
		}
	}
	if len(nodes) > 0 {
		fmt.Fprintf(w, "  classDef wider stroke:#d1242f,stroke-width:3px\n  class %s wider\n", strings.Join(nodes, ","))
	}
}

// label is text in a node or on an arrow: all but letters, digits and spaces are
// written as numbers, as Mermaid has them.
func label(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	var b strings.Builder
	for _, r := range s {
		if letter(r) || r == ' ' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// everyNamespace is what a box can have of its own.
var everyNamespace = [...]string{"user", "mount", "pid", "network", "ipc", "uts", "cgroup"}

// linesOf picks the steps that connect the box with the machine.
func linesOf(p *plan.Plan) []line {
	var out []line
	system, joined := line{}, map[string]bool{}
	for i, s := range p.Steps {
		step := i + 1
		switch s := s.(type) {
		case *plan.Join: // before the new ones
			joined[s.Namespace] = true
			out = append(out, line{step: step, from: literal(s.Path), to: "namespace " + literal(s.Namespace), says: "joined", thick: true})
		case *plan.Publish:
			out = append(out, line{step: step, from: s.String(), to: fmt.Sprintf("%s/%s", ports(s.Box, s.Count), literal(s.Protocol)), says: "port"})
		case *plan.Outbound:
			out = append(out, line{step: step, from: "the networks that this machine reaches", to: "network", says: "way out", out: true})
		case *plan.Unshare:
			for _, n := range everyNamespace {
				if !slices.Contains(s.Namespaces, n) && !joined[n] {
					out = append(out, line{step: step, from: "namespace " + n, to: "namespace " + n, says: "shared", thick: true})
				}
			}
		case *plan.Rootfs:
			if s.Type == "dir" {
				out = append(out, line{step: step, from: literal(s.Source), to: "/", says: access(!s.ReadOnly && s.Write != "none", s.Write)})
			}
		case *plan.System:
			if system.step == 0 {
				system = line{step: step, from: literal(s.Path), to: literal(s.Path), says: access(s.Write != "none", s.Write)}
				out = append(out, system)
				continue
			}
			i := slices.IndexFunc(out, func(l line) bool { return l.step == system.step })
			out[i].from += " " + literal(s.Path)
			out[i].to = "the same paths"
		case *plan.Mount:
			out = append(out, mountLine(step, s)...)
		case *plan.Device:
			out = append(out, line{step: step, from: literal(s.Path), to: literal(s.Path), says: "device", thick: true})
		case *plan.Env:
			if s.Pass != "" {
				out = append(out, line{step: step, from: "$" + literal(s.Name), to: "$" + literal(s.Name), says: "environment"})
			}
		}
	}
	return out
}

func mountLine(step int, s *plan.Mount) []line {
	switch s.Type {
	case "bind":
		return []line{{step: step, from: literal(s.Source), to: literal(s.Target), says: access(!s.ReadOnly, ""), thick: !s.ReadOnly}}
	case "overlay":
		return []line{{step: step, from: strings.Join(literals(s.Lower), " "), to: literal(s.Target), says: access(!s.ReadOnly && s.Write != "none", s.Write)}}
	}
	return nil
}

// access says what the box may do with a tree.
func access(writes bool, kept string) string {
	switch {
	case !writes:
		return "read-only"
	case kept == "discard":
		return "writes discarded"
	case kept == "keep":
		return "writes kept apart"
	}
	return "read-write"
}

package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/lsns"
)

// wordReached is what is said of a limit that the box has met.
func wordReached(path string, p *plan.Plan, l executor.Reached) string {
	if l.Step < 0 {
		return fmt.Sprintf("killed: memory ran out outside of the box's own limit, %s", processes(l.Count))
	}
	limit, pids := wordLimit(path, p, l.Step), false
	switch s := p.Steps[l.Step].(type) { // four of them end or stop something, the others slow down
	case *plan.Stop:
		return fmt.Sprintf("killed: it did not end in its %s", limit)
	case *plan.Timeout:
		return "killed: " + limit + " reached"
	case *plan.Limit:
		pids = s.Resource == "pids"
	case *plan.CgroupFile:
		pids = s.File == "pids.max"
	}
	if pids {
		return fmt.Sprintf("refused: %s reached, %s not started", limit, processes(l.Count))
	}
	if l.Count == 1 {
		return "killed: " + limit + " reached"
	}
	return fmt.Sprintf("killed: %s reached, %s", limit, processes(l.Count))
}

func processes(n uint64) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// wordPublished says which port of the host the kernel has chosen.
func wordPublished(p *executor.Published) string {
	at := plan.Publish{Address: p.Address, Host: p.Host, Count: 1}
	return fmt.Sprintf("%s leads to %s port %d of the box", &at, p.Protocol, p.Box)
}

// wordNamespaces is the table of lsns(8), with a column for boxes.
func wordNamespaces(b *bytes.Buffer, list []lsns.Namespace) {
	rows := make([][]string, 0, len(list)+1)
	rows = append(rows, []string{"NS", "TYPE", "NPROCS", "PID", "USER", "BOX", "COMMAND"})
	for i := range list {
		n := &list[i]
		rows = append(rows, []string{fmt.Sprint(n.Inode), n.Type, fmt.Sprint(n.Processes), fmt.Sprint(n.PID), printable(n.User), printable(n.Box), printable(n.Command)})
	}
	var width [7]int
	for _, r := range rows {
		for i := range r {
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
	}
	right := [7]bool{true, false, true, true} // numbers
	for _, r := range rows {
		line := ""
		for i := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(r[i]))
			if right[i] {
				line += pad + r[i] + " "
			} else {
				line += r[i] + pad + " "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

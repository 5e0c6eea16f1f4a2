//go:build linux

package lsns

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A boxfile that waits for a box holds an empty file in memory, whose name says the
// box's and its process 1. It is believed only of a process that runs this very
// program file: what runs in a box is another file, and what one user runs is shown as his.

const mark = "/memfd:boxfile:"

// Mark makes the mark of a box. Its descriptor is close-on-exec, and with it the mark ends.
func Mark(name string, pid int) (int, error) {
	return unix.MemfdCreate(fmt.Sprintf("boxfile:%d:%s", pid, name), unix.MFD_CLOEXEC)
}

// box is a box that a boxfile waits for.
type box struct {
	name  string
	first int // its process 1, as that boxfile counts
}

// marked finds what a process waits for, or nil.
func marked(pid int) *box {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is right
	for _, l := range links {
		to, err := os.Readlink(l)
		text, ok := strings.CutPrefix(strings.TrimSuffix(to, " (deleted)"), mark)
		if err != nil || !ok {
			continue
		}
		number, name, _ := strings.Cut(text, ":")
		if first, err := strconv.Atoi(number); err == nil {
			return &box{name, first}
		}
	}
	return nil
}

// boxesOf finds the box that each process is in: the innermost, where one is in another.
func boxesOf(all []process) map[int]*box {
	var self, exe unix.Stat_t
	if unix.Stat("/proc/self/exe", &self) != nil {
		return nil
	}
	waits := map[int]*box{}
	parents := make(map[int]int, len(all))
	for i := range all {
		p := &all[i]
		parents[p.pid] = p.parent
		if unix.Stat(fmt.Sprintf("/proc/%d/exe", p.pid), &exe) == nil && exe.Dev == self.Dev && exe.Ino == self.Ino {
			if b := marked(p.pid); b != nil {
				waits[p.pid] = b
			}
		}
	}
	boxes := map[int]*box{}
	for i := range all {
		at := all[i].pid
		for range all { // a process that has ended meanwhile may have made a ring of its number
			b := waits[parents[at]]
			if b != nil && numberFor(at, parents[at]) == b.first {
				boxes[all[i].pid] = b
				break
			}
			if at = parents[at]; at == 0 {
				break
			}
		}
	}
	return boxes
}

// numberFor is a process's id as another counts it, whose pid namespace may be one
// below the caller's.
func numberFor(pid, other int) int {
	ids, depth := numbers(pid), len(numbers(other))
	if depth == 0 || depth > len(ids) {
		return 0
	}
	n, _ := strconv.Atoi(ids[depth-1])
	return n
}

// numbers are the ids of a process in each pid namespace from the caller's down.
func numbers(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	lines := strings.Split(string(b), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "NSpid:") })
	if at < 0 {
		return nil
	}
	return strings.Fields(lines[at])[1:]
}

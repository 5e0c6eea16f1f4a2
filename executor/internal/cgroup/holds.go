package cgroup

import (
	"slices"
	"strconv"
	"strings"
)

// Holds reports whether what a control file says is what was written to it. A
// file may say more: io.max has a line for each disk, and cpu.max a period.
// Sizes count as the same however they are written; rounding is the size of the
// pages that the kernel rounds down to, or 0.
func Holds(wrote, says string, rounding uint64) bool {
	want := strings.Fields(wrote)
	if strings.Contains(says, "invalid") { // kept, and without effect: cpuset.cpus.partition
		return false
	}
	for line := range strings.Lines(says) {
		have := strings.Fields(line)
		if !slices.ContainsFunc(want, func(w string) bool {
			return !slices.ContainsFunc(have, func(h string) bool { return same(w, h, rounding) })
		}) {
			return true
		}
	}
	return wrote == says
}

func same(wrote, says string, rounding uint64) bool {
	if wrote == says {
		return true
	}
	if k, v, ok := strings.Cut(wrote, "="); ok {
		k2, v2, ok := strings.Cut(says, "=")
		return ok && k == k2 && same(v, v2, rounding)
	}
	if wrote == "-1" || wrote == "max" { // v1 says the largest number instead
		return says == "max" || len(says) >= len("9223372036854771712")
	}
	a, ok1 := size(wrote)
	b, ok2 := size(says)
	if rounding > 0 {
		a -= a % rounding
	}
	return ok1 && ok2 && a == b || sameList(wrote, says)
}

func sameList(a, b string) bool {
	n := numbers(a)
	return n != nil && slices.Equal(n, numbers(b))
}

// maxCPUs is more than any kernel is built for.
const maxCPUs = 1 << 14

// numbers are those of a list such as "0-2,5", or nil.
func numbers(list string) []int {
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || b > maxCPUs || len(out) > maxCPUs {
			return nil
		}
		for n := a; n <= b; n++ {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// size reads a number with the kernel's suffixes, memparse of lib/cmdline.c.
func size(s string) (uint64, bool) {
	shift := 0
	if i := strings.IndexAny(s, "kKmMgGtT"); i == len(s)-1 && i > 0 {
		shift = 10 * (1 + strings.Index("kmgt", strings.ToLower(s[i:])))
		s = s[:i]
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n << shift, err == nil
}

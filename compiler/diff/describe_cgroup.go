package diff

import (
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Files of the cgroup that are written as they are. Those that bound something take it
// away where they are there; how much, only where the value is one number.

func (d describer) CgroupFile(s *plan.CgroupFile) error {
	rank, v := int64(says), word(s.Value)
	if bounds(s.File) {
		rank, v = takes, bound(s.File, s.Value)
		if v.rank == unlimited {
			rank = says // as without it
		}
	}
	d.is("cgroup file", plan.Literal(s.File), rank, s.File)
	d.has("", v)
	return nil
}

// bounds reports whether a file of a cgroup bounds what processes in it can have.
func bounds(file string) bool {
	switch file {
	case "cgroup.max.depth", "cgroup.max.descendants", "cpuset.cpus", "cpuset.mems":
		return true
	}
	return strings.HasSuffix(file, ".max") || strings.HasSuffix(file, ".high")
}

// bound is the value of such a file.
func bound(file, text string) value {
	v := word(text)
	n, isNumber := bytesOf(text)
	switch {
	case text == "max" || strings.HasPrefix(text, "max "): // as in cpu.max
		v.rank = unlimited
	case file == "cpuset.cpus" || file == "cpuset.mems":
		if v = cpus(text); v.rank == 0 {
			v.when = text
		}
	case file == "cpu.max":
		v.rank, v.when = share(text)
	case isNumber:
		v.rank = amount(&n, number).rank
	default: // a line for a device or a resource
		v.when = text
	}
	return v
}

// share is the time of a CPU that "QUOTA PERIOD" gives, in millionths; a period that is
// not said is 100 ms.
func share(text string) (rank int64, when string) {
	quota, period, more := strings.Cut(text, " ")
	if !more {
		period = "100000"
	}
	q, err := strconv.ParseInt(quota, 10, 32)
	p, err2 := strconv.ParseInt(period, 10, 32)
	if err != nil || err2 != nil || p <= 0 {
		return 0, text
	}
	return q * 1e6 / p, ""
}

// bytesOf is a number as such files take it, also with K, M, G or T behind it.
func bytesOf(text string) (n uint64, ok bool) {
	digits, shift := text, 0
	if i := strings.IndexAny(text, "KMGTkmgt"); i >= 0 && i == len(text)-1 {
		digits, shift = text[:i], 10*(1+strings.IndexByte("KMGT", text[i]&^0x20))
	}
	m, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || m > unlimited>>shift {
		return 0, false
	}
	return m << shift, true
}

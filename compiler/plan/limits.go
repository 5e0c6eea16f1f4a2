package plan

import (
	"strconv"
	"strings"
)

// String says the limit as messages and reviews do: "memory limit 64 MiB",
// "pids limit 32", "cpu limit 1.5 CPUs".
func (s *Limit) String() string {
	value := "unlimited"
	if s.Value != nil {
		value = strconv.FormatUint(*s.Value, 10)
	}
	switch s.Resource {
	case "memory", "swap":
		if s.Resource == "swap" && s.Value == nil {
			return "swap unlimited"
		}
		if s.Value != nil && *s.Value > 0 {
			value = Bytes(*s.Value)
		}
	case "memory_high":
		if s.Value != nil {
			value = Bytes(*s.Value)
		}
		return "memory_high limit " + value
	case "cpus":
		if s.Value != nil {
			value = Decimal(*s.Value, 5) + " CPUs"
		}
		return "cpu limit " + value
	case "cpu_weight":
		return "cpu weight " + value
	case "pids":
	default: // a plan that was not compiled here may say anything
		return strconv.QuoteToASCII(s.Resource) + " limit " + value
	}
	return s.Resource + " limit " + value
}

// String is the processors as in "cpuset 0-3".
func (s *CPUSet) String() string { return "cpuset " + s.CPUs }

// String is the disk as in "io limits of ./data".
func (s *IO) String() string { return "io limits of " + s.Device }

// String is the rule as a Boxfile has it.
func (s *OOM) String() string { return "oom: " + s.Kill }

// String is the file as in "memory.low = 64M".
func (s *CgroupFile) String() string { return s.File + " = " + s.Value }

// String is the timeout as in "timeout 90s".
func (s *Timeout) String() string { return "timeout " + Duration(s.After) }

// Stop ends the box when boxfile is asked to. SIGTERM reaches the command as Signal,
// SIGINT as itself, and after the grace period everything in the box is killed; a
// second SIGINT does that at once. All other signals just reach the command.
type Stop struct {
	Signal string `json:"signal"` // without SIG
	Grace  int64  `json:"grace"`  // nanoseconds
}

// String is the grace period as in "grace period 10s".
func (s *Stop) String() string { return "grace period " + Duration(s.Grace) }

// Bytes writes a number of bytes in the largest binary unit of which it is a
// whole number: "64 MiB", "4097 bytes".
func Bytes(n uint64) string {
	for _, u := range [...]struct {
		shift uint
		name  string
	}{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 {
			return strconv.FormatUint(n>>u.shift, 10) + " " + u.name
		}
	}
	return strconv.FormatUint(n, 10) + " bytes"
}

// Duration writes nanoseconds in the largest unit of which they are a whole
// number, as a Boxfile would: "90s", "24h", "1500ms".
func Duration(ns int64) string {
	for _, u := range [...]struct {
		ns   int64
		name string
	}{{3600e9, "h"}, {60e9, "m"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}} {
		if ns != 0 && ns%u.ns == 0 {
			return strconv.FormatInt(ns/u.ns, 10) + u.name
		}
	}
	if ns == 0 {
		return "0s"
	}
	return strconv.FormatInt(ns, 10) + "ns"
}

// Decimal writes n with the last places of it after the point, without zeros at the end.
func Decimal(n uint64, places int) string {
	digits := strconv.FormatUint(n, 10)
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	point := len(digits) - places
	return strings.TrimRight(strings.TrimRight(digits[:point]+"."+digits[point:], "0"), ".")
}

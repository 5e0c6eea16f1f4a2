package schema

import (
	"strconv"
	"strings"
)

// parseCPUs reads a number of CPUs as microseconds in each 100 ms. It counts in
// decimals: what is written is what the kernel is asked.
func parseCPUs(s string) (us uint64, wrong, fix string) {
	const decimals = 5
	const example = "write 1.5, for example"
	v := strings.TrimPrefix(s, "+")
	whole, fraction, _ := strings.Cut(v, ".")
	switch {
	case strings.HasPrefix(v, "-"):
		return 0, "it is not negative", example
	case strings.Trim(v, "0123456789.") != "" && strings.ContainsAny(v, "iInN"):
		return 0, "it is no number of CPUs", "leave it out for no limit"
	case strings.Trim(v, "0123456789.") != "":
		return 0, "it is written without an exponent", example
	case len(whole) > 1 && whole[0] == '0':
		return 0, "the leading zero could mean octal", "write " + strings.TrimLeft(whole[:len(whole)-1], "0") + v[len(whole)-1:]
	case len(fraction) > decimals:
		return 0, "the kernel counts in microseconds of each 100 ms, which are five decimals", "write " + strings.TrimRight(whole+"."+fraction[:decimals], ".")
	}
	us, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	switch {
	case err != nil || us > 8192*100000:
		return 0, "possible are 0.01 to 8192", ""
	case us == 0:
		return 0, "possible are 0.01 to 8192", "leave it out for no limit"
	case us < 1000:
		return 0, "possible are 0.01 to 8192: the kernel gives no less than a millisecond", "write 0.01"
	}
	return us, "", ""
}

const maxCPU = 8191

// parseCPUSet reads a list of CPUs, N or N-M, and returns it sorted and joined.
func parseCPUSet(s string) (list, wrong, fix string) {
	if t := strings.ReplaceAll(s, " ", ""); t != s && t != "" {
		if _, again, _ := parseCPUSet(t); again == "" {
			return "", "a list of CPUs has no spaces", "write " + t
		}
	}
	var has [maxCPU + 2]bool
	for part := range strings.SplitSeq(s, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, okA := cpuNumber(from)
		b, okB := cpuNumber(to)
		switch {
		case !okA || !okB:
			return "", "a list of CPUs is numbers and ranges with commas between them", "write 0-3,6, for example"
		case a > maxCPU || b > maxCPU:
			return "", "the last CPU that Linux can have is 8191", ""
		case a > b:
			return "", "the range " + part + " ends before it begins", "write " + to + "-" + from
		}
		for i := a; i <= b; i++ {
			has[i] = true
		}
	}
	var out strings.Builder
	for i := 0; i <= maxCPU; i++ {
		if !has[i] {
			continue
		}
		first := i
		for has[i+1] {
			i++
		}
		if out.Len() > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strconv.Itoa(first))
		if i > first {
			out.WriteString("-" + strconv.Itoa(i))
		}
	}
	return out.String(), "", ""
}

// cpuNumber reads digits; a number that is too large is maxCPU + 1.
func cpuNumber(s string) (int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > maxCPU {
		n = maxCPU + 1
	}
	return n, true
}

// durationUnits are Go's, in nanoseconds, the largest first.
var durationUnits = [...]struct {
	name string
	ns   int64
}{{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3}, {"ns", 1}}

// otherUnits are what people write for them, as hours or in place of a unit.
var otherUnits = [...]struct {
	name, unit string
	by         int64
}{
	{"w", "h", 168}, {"week", "h", 168}, {"d", "h", 24}, {"day", "h", 24}, {"hr", "h", 1}, {"hour", "h", 1}, {"min", "m", 1}, {"minute", "m", 1},
	{"sec", "s", 1}, {"second", "s", 1}, {"msec", "ms", 1}, {"millisecond", "ms", 1}, {"h", "h", 1}, {"m", "m", 1}, {"s", "s", 1}, {"ms", "ms", 1},
}

// longest is a year, in hours.
const longest = 8760

// durationForm is what a text that is no duration is told.
const durationForm = "a duration is a number with h, m, s or ms"

// parseDuration reads a duration as Go writes it, in nanoseconds. It is
// time.ParseDuration but for signs, rounding and what its messages say; package
// time has a clock, which the document does not look at.
func parseDuration(s string) (ns int64, wrong, fix string) {
	ns, wrong = scanDuration(s)
	if wrong == durationForm {
		fix = nearestDuration(s)
	}
	return ns, wrong, fix
}

func scanDuration(s string) (ns int64, wrong string) {
	const most = longest * 3600e9
	tooLong := "it is more than a year, " + strconv.Itoa(longest) + "h"
	if strings.HasPrefix(s, "-") {
		return 0, "a duration is not negative"
	}
	if s == "" {
		return 0, durationForm
	}
	for s != "" {
		number, unit, tail := durationTerm(s)
		whole, fraction, _ := strings.Cut(number, ".")
		one := unitOf(unit)
		if one == 0 || whole+fraction == "" || strings.Contains(fraction, ".") {
			return 0, durationForm
		}
		n, err := strconv.ParseInt("0"+whole, 10, 64)
		if err != nil || n > most/one {
			return 0, tooLong
		}
		ns += n * one
		for _, digit := range fraction {
			if (one == 0 || one%10 != 0) && digit != '0' {
				return 0, "it is more exact than a nanosecond"
			}
			one /= 10
			ns += int64(digit-'0') * one
		}
		if ns > most {
			return 0, tooLong
		}
		s = tail
	}
	return ns, ""
}

// durationTerm cuts a number and the unit after it from the beginning.
func durationTerm(s string) (number, unit, tail string) {
	n := len(s) - len(strings.TrimLeft(s, "0123456789."))
	number, s = s[:n], s[n:]
	u := strings.IndexAny(s, "0123456789.")
	if u < 0 {
		u = len(s)
	}
	return number, s[:u], s[u:]
}

func unitOf(name string) int64 {
	for _, u := range durationUnits {
		if u.name == name {
			return u.ns
		}
	}
	return 0
}

// nearestDuration is how a duration is written that reads as "90 s", "90sec" or "1d".
func nearestDuration(s string) string {
	const example = "write 90s, for example"
	out := ""
	for rest := strings.ToLower(strings.ReplaceAll(s, " ", "")); rest != ""; {
		number, unit, tail := durationTerm(rest)
		rest = tail
		found := false
		for _, o := range otherUnits {
			if unit != o.name && unit != o.name+"s" || unit == "ms" && o.unit == "m" || number == "" {
				continue
			}
			if o.by > 1 {
				n, err := strconv.ParseInt(number, 10, 32)
				if err != nil {
					return example
				}
				number = strconv.FormatInt(n*o.by, 10)
			}
			out, found = out+number+o.unit, true
			break
		}
		if !found && unit == "" && number != "" && tail == "" && out == "" {
			out, found = number+"s", true
		}
		if !found {
			return example
		}
	}
	if _, wrong := scanDuration(out); wrong != "" {
		return example
	}
	return "write " + out
}

// signals are the standard ones of signal(7) without SIG, by their number on most
// architectures, from 1 on.
var signals = [...]string{"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
	"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"}

// signalNumber is 0 for a name that is none.
func signalNumber(name string) int {
	for i, s := range signals {
		if s == name {
			return i + 1
		}
	}
	return 0
}

// signalFix is the nearest right spelling of a signal.
func signalFix(s string) string {
	if n, err := strconv.Atoi(s); err == nil {
		if n > 0 && n <= len(signals) {
			return "write " + signals[n-1]
		}
		return "see signal(7)"
	}
	upper := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if signalNumber(upper) > 0 {
		return "write " + upper
	}
	if near := Nearest(upper, signals[:]); near != "" {
		return "write " + near
	}
	return "see signal(7)"
}

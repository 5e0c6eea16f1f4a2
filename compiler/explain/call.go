package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/seccomp"
	"github.com/boxfile/boxfile/schema"
)

// Call is what the filter of the plan does to a system call.
type Call struct {
	Name string
	// Filter is false where the plan has none: the kernel alone decides.
	Filter bool
	// Meets are the rules that the call can meet, in their order, by architecture
	// (GOARCH). The last one has no arguments.
	Meets map[string][]plan.SeccompRule
}

// goarches are those that boxes run on.
var goarches = [...]string{"amd64", "arm64"}

// askCall answers for a system call.
func (v *view) askCall(word string) (*Answer, error) {
	known := seccomp.Calls()
	if _, ok := slices.BinarySearch(known, word); !ok {
		return nil, &UnknownError{Word: word, Kind: "call", Near: schema.Nearest(word, known)}
	}
	a := &Answer{Asked: "call " + word, Call: &Call{Name: word}}
	filter, at := first[*plan.Seccomp](v)
	if filter == nil {
		a.Sentence = word + " is not refused: the box has no filter of system calls, and the kernel alone decides"
		a.Steps = v.steps("capabilities", "keyring")
		return a, nil
	}
	if filter.Digest != "" {
		if filter.Digest != seccomp.Digest {
			a.Sentence = word + ": the default profile of this plan is not the one that this boxfile knows"
			a.Steps = []int{at}
			return a, nil
		}
		filter = seccomp.Full(nil)
	}
	a.Call.Filter, a.Call.Meets, a.Steps = true, map[string][]plan.SeccompRule{}, []int{at}
	for _, arch := range goarches {
		a.Call.Meets[arch] = filter.Meets(word, arch)
	}
	if same(a.Call.Meets[goarches[0]], a.Call.Meets[goarches[1]]) {
		a.Sentence = word + " " + verdict(a.Call.Meets[goarches[0]])
	} else {
		a.Sentence = fmt.Sprintf("%s on %s %s; on %s it %s", word, goarches[0], verdict(a.Call.Meets[goarches[0]]), goarches[1], verdict(a.Call.Meets[goarches[1]]))
	}
	if passes(a.Call.Meets[goarches[0]]) {
		a.Steps = sorted(append(a.Steps, v.steps("capabilities")...))
		a.Sentence += "; what it may do is still the kernel's to decide"
	}
	return a, nil
}

func passes(rules []plan.SeccompRule) bool {
	return slices.ContainsFunc(rules, func(r plan.SeccompRule) bool { return r.Passes() })
}

func same(a, b []plan.SeccompRule) bool {
	return slices.EqualFunc(a, b, func(x, y plan.SeccompRule) bool {
		return x.SeccompAction == y.SeccompAction && arguments(x.Args) == arguments(y.Args)
	})
}

// verdict says what becomes of a call that meets these rules.
func verdict(rules []plan.SeccompRule) string {
	var parts []string
	for len(rules) > 0 {
		n := 1 // rules in a row that do the same
		for n < len(rules) && rules[n].SeccompAction == rules[0].SeccompAction && len(rules[n].Args) > 0 {
			n++
		}
		switch {
		case len(rules[0].Args) > 0:
			parts = append(parts, effect(rules[0].SeccompAction)+" where "+conditions(rules[:n]))
		case parts == nil:
			parts = append(parts, effect(rules[0].SeccompAction))
		default:
			parts = append(parts, "otherwise "+effect(rules[0].SeccompAction))
		}
		rules = rules[n:]
	}
	return strings.Join(parts, ", ")
}

// conditions are when one of some rules fits.
func conditions(rules []plan.SeccompRule) string {
	const most = 8
	out := make([]string, 0, most)
	for _, r := range rules[:min(most, len(rules))] {
		out = append(out, arguments(r.Args))
	}
	if len(rules) > most {
		out = append(out, strconv.Itoa(len(rules)-most)+" more of the kind fit")
	}
	return strings.Join(out, ", or ")
}

func arguments(args []plan.SeccompArg) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = "argument " + strconv.Itoa(int(a.Index)+1)
		if a.Mask != nil && *a.Mask == 1<<32-1 {
			out[i] += " (32 bits)"
		} else if a.Mask != nil {
			out[i] += fmt.Sprintf(" & %#x", *a.Mask)
		}
		out[i] += fmt.Sprintf(" %s %#x", a.Op, a.Value)
	}
	return join(out)
}

// errnos are those that profiles use, errno(3).
var errnos = [...]struct {
	number uint16
	name   string
}{{1, "EPERM"}, {13, "EACCES"}, {22, "EINVAL"}, {38, "ENOSYS"}, {97, "EAFNOSUPPORT"}}

func effect(a plan.SeccompAction) string {
	switch a.Action {
	case "allow":
		return "passes the filter"
	case "log":
		return "passes the filter, and is logged"
	case "errno":
		if a.Errno == 0 {
			return "is refused, as if it had succeeded"
		}
		for _, e := range errnos {
			if e.number == a.Errno {
				return "is refused with " + e.name
			}
		}
		return "is refused with error " + strconv.Itoa(int(a.Errno))
	case "trap":
		return "is refused with the signal SYS"
	case "kill_thread":
		return "ends the thread"
	}
	return "ends the process"
}

// nests reports whether a process of the box may ask for a user namespace of its own.
func (v *view) nests() bool {
	filter, _ := first[*plan.Seccomp](v)
	return filter == nil || filter.Nests(goarches[0]) || filter.Nests(goarches[1])
}

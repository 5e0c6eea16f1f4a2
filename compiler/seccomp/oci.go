package seccomp

import "github.com/boxfile/boxfile/compiler/plan"

// OCI is a profile in the form that Parse reads.
type OCI struct {
	Default  string    `json:"defaultAction"`
	Errno    *uint16   `json:"defaultErrnoRet,omitempty"`
	Syscalls []OCIRule `json:"syscalls"`
}

// OCIRule is one of its rules.
type OCIRule struct {
	Names    []string            `json:"names"`
	Action   string              `json:"action"`
	Errno    *uint16             `json:"errnoRet,omitempty"`
	Args     []OCIArg            `json:"args,omitempty"`
	Includes map[string][]string `json:"includes,omitempty"`
}

// OCIArg is a condition on an argument.
type OCIArg struct {
	Index uint8  `json:"index"`
	Value uint64 `json:"value"`
	Two   uint64 `json:"valueTwo"`
	Op    string `json:"op"`
}

// Profile writes the rules of a step as a profile. What a profile cannot say is
// written as words that Parse refuses.
func Profile(s *plan.Seccomp) *OCI {
	out := &OCI{Syscalls: []OCIRule{}}
	if s.Otherwise != nil {
		out.Default, out.Errno = action(s.Otherwise)
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		rule := OCIRule{Names: r.Calls}
		rule.Action, rule.Errno = action(&r.SeccompAction)
		if len(r.Arches) > 0 {
			rule.Includes = map[string][]string{"arches": r.Arches}
		}
		for _, a := range r.Args {
			arg := OCIArg{Index: a.Index, Value: a.Value, Op: compares.word(a.Op)}
			if a.Mask != nil {
				arg.Op, arg.Value, arg.Two = "SCMP_CMP_MASKED_EQ", *a.Mask, a.Value
			}
			rule.Args = append(rule.Args, arg)
		}
		out.Syscalls = append(out.Syscalls, rule)
	}
	return out
}

func action(a *plan.SeccompAction) (string, *uint16) {
	if a.Action == "errno" {
		return actions.word(a.Action), &a.Errno
	}
	return actions.word(a.Action), nil
}

// word is the first word for what it is, or "".
func (w words) word(is string) string {
	for _, one := range w {
		if one.is == is {
			return one.word
		}
	}
	return ""
}

package diff

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/seccomp"
)

// Seccomp is told by system call where the plan has the rules. The default profile
// without any capability is only a digest there; with capabilities it allows more.
func (d describer) Seccomp(s *plan.Seccomp) error {
	name := plan.Literal(s.Profile)
	d.is("seccomp:", "refuses system calls by "+name, takes)
	d.lead = "seccomp:"
	v := value{text: name}
	switch {
	case s.Profile != "default":
		v.bits = 1 << 2
	case s.Digest != "":
		v.text += " as it is without capabilities"
		v.bits = 1
	default:
		v.text += " with what the capabilities are for"
		v.bits = 1 | 1<<1
	}
	d.attrs = append(d.attrs, attr{about: "profile", key: "profile", value: v, aside: true})
	if s.Rules == nil && s.Otherwise == nil {
		return nil
	}
	d.judge(s)
	return nil
}

// judge says what becomes of each system call.
func (d *subject) judge(s *plan.Seccomp) {
	by := map[string][]*plan.SeccompRule{}
	for i := range s.Rules {
		for _, call := range s.Rules[i].Calls {
			by[call] = append(by[call], &s.Rules[i])
		}
	}
	d.rest, d.calls = verdict(nil, s.Otherwise), map[string]value{}
	for call, rules := range by {
		d.calls[call] = verdict(rules, s.Otherwise)
	}
}

// filters has two profiles compared by system call also where one is the default
// profile, whose rules are not in a plan.
func (c *comparison) filters(i, j int) {
	from, ok := c.from.plan.Steps[i].(*plan.Seccomp)
	to, ok2 := c.to.plan.Steps[j].(*plan.Seccomp)
	if !ok || !ok2 || from.Profile == to.Profile {
		return
	}
	for _, s := range [...]struct {
		filter *plan.Seccomp
		of     *subject
	}{{from, c.from.steps[i]}, {to, c.to.steps[j]}} {
		if s.of.calls == nil && s.filter.Digest == seccomp.Digest {
			s.of.judge(seccomp.Full(nil))
		}
	}
}

// verdict is what a filter does with a call that some of its rules name. The text is
// all of it; the rank is whether the call passes never, sometimes or always, and when is
// on which conditions it does sometimes.
func verdict(rules []*plan.SeccompRule, otherwise *plan.SeccompAction) value {
	var text, when strings.Builder
	some, all := false, true
	judge := func(a *plan.SeccompAction) {
		passes := a != nil && (a.Action == "allow" || a.Action == "log")
		some, all = some || passes, all && passes
		said, err := json.Marshal(a)
		if err != nil {
			return // a struct of a word and a number
		}
		text.Write(said)
		when.WriteString(strconv.FormatBool(passes))
	}
	final := false
	for _, r := range rules {
		if final = len(r.Arches) == 0 && len(r.Args) == 0; final {
			judge(&r.SeccompAction)
			break
		}
		for _, operand := range []any{r.Arches, r.Args} {
			if said, err := json.Marshal(operand); err == nil {
				text.Write(said)
				when.Write(said)
			}
		}
		judge(&r.SeccompAction)
	}
	if !final {
		judge(otherwise)
	}
	v := value{text: text.String()}
	switch {
	case all:
		v.rank = 2
	case some:
		v.rank, v.when = 1, when.String()
	}
	return v
}

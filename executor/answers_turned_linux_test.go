package executor_test

import (
	"runtime"
	"slices"
	"strconv"

	"github.com/boxfile/boxfile/compiler/explain"
	"github.com/boxfile/boxfile/compiler/plan"
)

// turned are the answers that say the opposite of one in one respect. What the plan
// leaves to the machine is no claim, and is not among them.
func (m *meeting) turned(a *explain.Answer) map[string]*explain.Answer {
	out := map[string]*explain.Answer{}
	switch {
	case a.Path != nil && !m.void(a.Path):
		for what, p := range m.turnedPaths(a.Path) {
			out[what] = &explain.Answer{Path: p}
		}
	case a.Capability != nil:
		for _, set := range []string{"bounding", "permitted", "effective", "inheritable", "ambient"} {
			c := *a.Capability
			if slices.Contains(c.Sets, set) {
				c.Sets = without(c.Sets, set)
			} else {
				c.Sets = append(slices.Clone(c.Sets), set)
			}
			out["the set "+set] = &explain.Answer{Capability: &c}
		}
	case a.Variable != nil:
		v := *a.Variable
		if v.Known {
			v.Value += "!"
			out["the value"] = &explain.Answer{Variable: &v}
			gone := explain.Variable{Name: v.Name, Step: -1}
			out["whether it is set"] = &explain.Answer{Variable: &gone}
		} else if v.Step < 0 {
			v.Step, v.Known = 0, true
			out["whether it is set"] = &explain.Answer{Variable: &v}
		}
	case a.Port != nil && !a.Port.Shared:
		p := *a.Port
		if len(p.Leads) > 0 {
			p.Leads = slices.Clone(p.Leads)
			p.Leads[0].Box++
			out["where it leads"] = &explain.Answer{Port: &p}
		}
		if slices.ContainsFunc(p.Leads, func(l explain.Lead) bool { return l.Host == p.Number }) {
			q := *a.Port
			q.Leads = nil
			out["whether it leads anywhere"] = &explain.Answer{Port: &q}
		}
	case a.Call != nil:
		if c := m.turnedCall(a.Call); c != nil {
			out["whether it passes"] = &explain.Answer{Call: c}
		}
	}
	return out
}

// turnedCall has everything that was refused pass, and everything else refused.
func (m *meeting) turnedCall(c *explain.Call) *explain.Call {
	errno := plan.SeccompRule{SeccompAction: plan.SeccompAction{Action: "errno", Errno: 1}}
	pass := plan.SeccompRule{SeccompAction: plan.SeccompAction{Action: "allow"}}
	for _, a := range attempts() {
		if attemptedCall(a) != c.Name {
			continue
		}
		r := &pass
		if c.Filter {
			r = fits(c.Meets[runtime.GOARCH], a)
		}
		got := m.found.Calls[a.name]
		switch {
		case r.Passes() && got != "1":
			return &explain.Call{Name: c.Name, Filter: true, Meets: map[string][]plan.SeccompRule{runtime.GOARCH: {errno}}}
		case !r.Passes() && got != m.base[a.name] && !m.mayDiffer(a):
			return &explain.Call{Name: c.Name, Filter: true, Meets: map[string][]plan.SeccompRule{runtime.GOARCH: {pass}}}
		}
	}
	return nil
}

func (m *meeting) turnedPaths(p *explain.Path) map[string]*explain.Path {
	out := map[string]*explain.Path{}
	turn := func(what string, change func(*explain.Path)) {
		c := *p
		c.Options = slices.Clone(p.Options)
		change(&c)
		out[what] = &c
	}
	f := m.found.Paths[p.Path]
	switch p.There {
	case explain.Yes:
		turn("whether it is there", func(c *explain.Path) { c.There = explain.No })
	case explain.No:
		turn("whether it is there", func(c *explain.Path) { c.There = explain.Yes })
		return out
	}
	if f.Lstat != 0 || f.Kind == "link" || f.Kind == "other" {
		return out
	}
	if p.Masked {
		if f.Null {
			turn("whether it is hidden", func(c *explain.Path) { c.Masked = false })
		}
		return out
	}
	if f.Kind == "device" {
		return out
	}
	if p.Kind != "" {
		turn("its kind", func(c *explain.Path) { c.Kind = "device" })
	}
	if p.Written {
		turn("its content", func(c *explain.Path) { c.Content += "!" })
	}
	if f.Entries > 0 || f.Kind == "file" {
		turn("whether it is hidden", func(c *explain.Path) { c.Masked = true })
	}
	if p.ReadOnly && (p.Exact || p.Host != "" && !m.hostReadOnly(p)) || !p.ReadOnly && !slices.Contains(f.Options, "ro") {
		turn("whether it can be written", func(c *explain.Path) { c.ReadOnly = !c.ReadOnly })
	}
	if f.Tried && f.Write == 0 {
		turn("Landlock", func(c *explain.Path) { c.Walled, c.BestEffort = true, false })
	}
	for i, o := range p.Options {
		if p.Exact {
			turn("the option "+o, func(c *explain.Path) { c.Options = slices.Delete(c.Options, i, i+1) })
		}
	}
	for _, o := range []string{"nodev", "noexec", "nosuid", "nosymfollow"} {
		if !slices.Contains(f.Options, o) {
			turn("no "+o+strconv.Itoa(len(p.Options)), func(c *explain.Path) { c.Options = append(c.Options, o) })
		}
	}
	return out
}

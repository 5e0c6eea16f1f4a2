package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// Capability is what the plan says of a capability of the command.
type Capability struct {
	Name string   // without CAP_
	Sets []string // that hold it when the command starts
}

// Variable is what the plan says of a variable of the command's environment.
type Variable struct {
	Name  string
	Step  int    // that sets it, or -1
	Value string // where it is the plan's own
	Known bool   // whether Value is
}

// steps are the places of all steps that the plan has of some kinds.
func (v *view) steps(kinds ...string) []int {
	var out []int
	for i, s := range v.plan.Steps {
		if slices.Contains(kinds, plan.InfoOf(s).Name) {
			out = append(out, i)
		}
	}
	return out
}

// first is the first step of a type, or nil.
func first[S plan.Step](v *view) (step S, at int) {
	for i, s := range v.plan.Steps {
		if s, ok := s.(S); ok {
			return s, i
		}
	}
	return step, -1
}

// askCapability answers for a capability, with or without CAP_.
func (v *view) askCapability(word string) (*Answer, error) {
	name := strings.TrimPrefix(strings.ToUpper(word), "CAP_")
	if !slices.Contains(schema.CapabilityNames(), name) {
		e := &UnknownError{Word: word, Kind: "cap"}
		if n := schema.Nearest(name, schema.CapabilityNames()); n != "" {
			e.Near = "CAP_" + n
		}
		if strings.HasPrefix(strings.ToUpper(word), "CAP_") {
			e.Has = "capabilities(7) lists all"
		}
		return nil, e
	}
	a := &Answer{Asked: "cap " + name, Capability: &Capability{Name: name}, Steps: v.steps("capabilities", "no_new_privs")}
	var sets []string
	if s, _ := first[*plan.Capabilities](v); s != nil {
		sets = s.Sets(name)
		a.Capability.Sets = sets
	}
	own := choose(v.isolated("user"), "over what belongs to the box's own user namespace, and not over this machine", "over this machine, because the box is in its user namespace")
	if at, ok := v.joins["user"]; ok {
		own = "over what belongs to the user namespace that the box joins"
		a.Steps = sorted(append(a.Steps, at))
	}
	never := len(v.steps("no_new_privs")) > 0
	switch {
	case len(sets) == 0:
		a.Sentence = "CAP_" + name + " is in none of the five sets: the command does not have it, and nothing in the box can gain it"
	case !slices.Contains(sets, "effective"):
		a.Sentence = fmt.Sprintf("CAP_%s is in the %s set alone: the command does not have it, and ", name, join(sets)) +
			choose(never, "nothing in the box can gain it, because of no_new_privs", "a program that root owns and that is setuid could gain it")
	default:
		a.Sentence = fmt.Sprintf("the command has CAP_%s (%s), ", name, join(sets)) +
			own
	}
	if !slices.Contains(sets, "effective") && v.nests() {
		a.Sentence += "; the filter of system calls lets a process make a user namespace, in which it has all of them"
		a.Steps = sorted(append(a.Steps, v.steps("seccomp")...))
	}
	if v.own >= 0 && slices.Contains(sets, "effective") {
		a.Steps = sorted(append(a.Steps, v.own))
	}
	return a, nil
}

// askVariable answers for a variable of the environment.
func (v *view) askVariable(word string) (*Answer, error) {
	if word == "" || strings.ContainsAny(word, "= \x00") {
		return nil, &UnknownError{Word: word, Kind: "env"}
	}
	a := &Answer{Asked: "env " + word, Variable: &Variable{Name: word, Step: -1}}
	names := []string{}
	for i, s := range v.plan.Steps {
		e, ok := s.(*plan.Env)
		if !ok {
			continue
		}
		names = append(names, e.Name)
		if e.Name == word {
			a.Variable.Step, a.Steps = i, []int{i}
			a.variable(e)
		}
	}
	if a.Steps == nil {
		a.Sentence = fmt.Sprintf("%s is not set in the box: the environment is %s, and nothing else of the caller's", plan.Literal(word), list(names, 8))
	}
	return a, nil
}

func (a *Answer) variable(e *plan.Env) {
	secrets := []string{}
	value := ""
	for _, p := range e.Value {
		value += p.Text
		if p.Secret != "" {
			secrets = append(secrets, p.Secret)
		}
	}
	switch {
	case e.Pass == "tty":
		a.Sentence = plan.Literal(e.Name) + " is set to the caller's value where the box has a terminal of its own and the caller has a value, and not set otherwise"
	case e.Pass != "":
		a.Sentence = plan.Literal(e.Name) + " is set to the caller's value, and not set where the caller has none"
	case len(secrets) > 0:
		a.Sentence = plan.Literal(e.Name) + " is set, with the value of the secret input " + list(secrets, 8) + ", which no plan shows"
	default:
		a.Variable.Value, a.Variable.Known = value, true
		a.Sentence = plan.Literal(e.Name) + " is set by the plan, to the same value everywhere"
	}
}

package plan_test

import (
	"slices"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		path, dir string
		want      bool
	}{{"/a/b", "/a", true}, {"/a", "/a", true}, {"/a", "/", true}, {"/", "/", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/", "/a", false}} {
		if plan.Within(c.path, c.dir) != c.want {
			t.Errorf("%s within %s is not %v", c.path, c.dir, c.want)
		}
	}
}

func TestSetsOfACapability(t *testing.T) {
	c := &plan.Capabilities{Bounding: []string{"CHOWN", "KILL"}, Permitted: []string{"KILL"}, Effective: []string{"KILL"}}
	for name, want := range map[string][]string{"KILL": {"bounding", "permitted", "effective"}, "CHOWN": {"bounding"}, "BPF": nil} {
		if got := c.Sets(name); !slices.Equal(got, want) {
			t.Errorf("%s is in %q, not %q", name, got, want)
		}
	}
}

// The rules that a call meets end with the first that has no arguments, or with what
// becomes of all other calls.
func TestRulesThatACallMeets(t *testing.T) {
	pass, no := plan.SeccompAction{Action: "allow"}, plan.SeccompAction{Action: "errno", Errno: 1}
	s := &plan.Seccomp{Otherwise: &no, Rules: []plan.SeccompRule{
		{Calls: []string{"clone"}, Args: []plan.SeccompArg{{Op: "==", Value: 1}}, SeccompAction: pass},
		{Calls: []string{"read", "write"}, SeccompAction: pass},
		{Calls: []string{"read"}, SeccompAction: no},
		{Calls: []string{"open"}, Arches: []string{"amd64"}, SeccompAction: pass},
	}}
	for _, c := range []struct {
		call, arch, first string
		rules             int
		allowed           bool
	}{
		{"clone", "amd64", "allow", 2, true}, {"read", "amd64", "allow", 1, true}, {"open", "amd64", "allow", 1, true}, {"open", "arm64", "errno", 1, false},
		{"mount", "amd64", "errno", 1, false},
	} {
		rules := s.Meets(c.call, c.arch)
		if len(rules) != c.rules || rules[0].Action != c.first || len(rules[len(rules)-1].Args) != 0 || s.Allows(c.call, c.arch) != c.allowed {
			t.Errorf("%s on %s meets %+v, and is allowed: %v", c.call, c.arch, rules, s.Allows(c.call, c.arch))
		}
	}
	if log := (plan.SeccompAction{Action: "log"}); !log.Passes() || no.Passes() {
		t.Error("a call that is logged passes, one that is refused does not")
	}
}

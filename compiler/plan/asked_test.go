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

// A user namespace is made by three calls, with a flag that a filter sees of two.
func TestWhoMayMakeAUserNamespace(t *testing.T) {
	flag, all := uint64(0x10000000), uint64(0x7e020000)
	masked := func(action string, mask *uint64, op string, value uint64) plan.SeccompRule {
		return plan.SeccompRule{Calls: []string{"unshare", "clone"}, Args: []plan.SeccompArg{{Index: 0, Mask: mask, Op: op, Value: value}}, SeccompAction: plan.SeccompAction{Action: action}}
	}
	of := func(otherwise string, rules ...plan.SeccompRule) *plan.Seccomp {
		return &plan.Seccomp{Otherwise: &plan.SeccompAction{Action: otherwise}, Rules: rules}
	}
	plain := func(call string) plan.SeccompRule {
		return plan.SeccompRule{Calls: []string{call}, SeccompAction: plan.SeccompAction{Action: "allow"}}
	}
	for _, c := range []struct {
		name   string
		filter *plan.Seccomp
		want   bool
	}{
		{"all", of("allow"), true}, {"none", of("errno"), false}, {"unshare", of("errno", plain("unshare")), true}, {"clone", of("errno", plain("clone")), true},
		{"clone3", of("errno", plain("clone3")), true}, {"setns", of("errno", plain("setns")), false}, {"a digest", &plan.Seccomp{Profile: "default", Digest: "sha256:0"}, false},
		{"without flags", of("errno", masked("allow", &all, "==", 0)), false}, {"with exactly none", of("errno", masked("allow", nil, "==", 0)), false},
		{"without other flags", of("errno", masked("allow", new(uint64), "==", 0)), true}, {"with the flag", of("errno", masked("allow", &flag, "==", flag)), true},
		{"but with flags", of("errno", masked("allow", &all, "!=", 0)), true},
		{"all but the flag", of("allow", masked("errno", &flag, "==", flag), plan.SeccompRule{Calls: []string{"clone3"}, SeccompAction: plan.SeccompAction{Action: "errno"}}), false},
		{"all but all flags at once", of("allow", masked("errno", &all, "==", all)), true},
	} {
		if got := c.filter.Nests("amd64"); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestBeneath(t *testing.T) {
	for p, want := range map[string]bool{
		"./data": true, "data/../other": true, ".": true, "..data": true, "./..data/x": true,
		"..": false, "../data": false, "./data/../..": false, "a/../../a": false, "/": false, "/data": false,
	} {
		if plan.Beneath(p) != want {
			t.Errorf("%s: %v", p, !want)
		}
	}
}

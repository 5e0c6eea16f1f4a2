package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// planOf is a small plan, in the order of plan.Kinds, with a key for each limit.
func planOf(more ...plan.Step) *plan.Plan {
	steps := append([]plan.Step{
		&plan.CloseFDs{}, &plan.Unshare{Namespaces: []string{"user", "mount", "pid"}}, &plan.IDMap{}, &plan.Propagation{Mode: "private"},
		&plan.Rootfs{Type: "tmpfs", Write: "none"}, &plan.PivotRoot{}, &plan.Hostname{Name: "x"}, &plan.Init{}, &plan.Exec{Args: []string{"/bin/true"}},
	}, more...)
	order := func(s plan.Step) int {
		return slices.IndexFunc(plan.Kinds(), func(k plan.Info) bool { return k.Name == plan.InfoOf(s).Name })
	}
	slices.SortStableFunc(steps, func(a, b plan.Step) int { return order(a) - order(b) })
	p := &plan.Plan{Name: "x"}
	for i, s := range steps {
		at := plan.Position{Line: i + 1, Col: 1}
		if l, ok := s.(*plan.Limit); ok {
			at.Key = "resources." + l.Resource
		}
		p.Add(s, at)
	}
	return p
}

// machineOf has a kernel of that version, and runs programs by run.
func machineOf(v host.Version, run func(*program.Program) *executor.Failure) Machine {
	return Machine{
		Probe: func(host.Needs) (host.Facts, error) {
			return host.Facts{Kernel: v, UID: 1000, GID: 1000, NoFile: 1024, NProc: 1024, Folder: "/", Paths: map[string]host.Path{"/src": {Type: host.Directory}}}, nil
		},
		Run: func(p *program.Program, _ executor.Options) (executor.Status, error) {
			if f := run(p); f != nil {
				return executor.Status{}, f
			}
			return executor.Status{}, nil
		},
	}
}

func works(*program.Program) *executor.Failure { return nil }

// answers is checks as "part answer", in one line.
func answers(t *testing.T, m Machine, p *plan.Plan) (string, []Check) {
	t.Helper()
	checks, err := m.Examine(p, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	words := make([]string, len(checks))
	for i, c := range checks {
		words[i] = c.Part + " " + string(c.Answer)
	}
	return strings.Join(words, ", "), checks
}

// What a plan has works; what it has not is not needed.
func TestAPlanThatWorks(t *testing.T) {
	got, checks := answers(t, machineOf(host.Version{Major: 6, Minor: 1}, works), planOf())
	const want = "namespaces ok, idmap not_needed, rootfs ok, rootfs.enter ok, overlay not_needed, resources not_needed, ports not_needed, network not_needed, hostname ok, security.landlock not_needed, security ok, command ok"
	if got != want || checks[0].Found != "user, mount, pid" {
		t.Errorf("%s; %+v", got, checks[0])
	}
}

// A kernel that is too old is said before anything is run, for all boxes or for the key that asks for more.
func TestTheFloorOfKernels(t *testing.T) {
	never := func(*program.Program) *executor.Failure { t.Error("something ran"); return nil }
	got, checks := answers(t, machineOf(host.Version{Major: 5, Minor: 10}, never), planOf())
	if !strings.HasPrefix(got, "box no, namespaces not_tried,") || checks[0].Found != "kernel 5.10 is too old" || !strings.Contains(checks[0].Cause, "Linux 5.12") {
		t.Errorf("%s; %+v", got, checks[0])
	}
	mount := &plan.Mount{Type: "bind", Source: "/src", Target: "/src", Options: []string{"nosymfollow"}}
	got, checks = answers(t, machineOf(host.Version{Major: 5, Minor: 13}, works), planOf(mount))
	at := slices.IndexFunc(checks, func(c Check) bool { return c.Part == "mounts" })
	if !strings.Contains(got, "mounts no") || checks[at].Found != "nosymfollow needs Linux 5.14" || checks[at].Cause != "this is Linux 5.13" {
		t.Errorf("%s; %+v", got, checks)
	}
	if got, _ = answers(t, machineOf(host.Version{Major: 5, Minor: 14}, works), planOf(mount)); !strings.Contains(got, "mounts ok") {
		t.Error(got)
	}
}

// All that is missing is found at once, and a command that may be in it is not said to be missing.
func TestAllThatIsMissingIsFound(t *testing.T) {
	notFound := func(p *program.Program) *executor.Failure {
		for i, s := range p.Plan.Steps {
			if _, ok := s.(*plan.Exec); ok {
				return &executor.Failure{Step: i, Op: 3, Message: "not found in the box"}
			}
		}
		return nil
	}
	memory := uint64(64 << 20)
	p := planOf(&plan.Mount{Type: "bind", Source: "/a", Target: "/a"}, &plan.Mount{Type: "bind", Source: "/b", Target: "/b"},
		&plan.Cgroup{}, &plan.Limit{Resource: "memory", Value: &memory}, &plan.Device{Path: "/dev/nosuch"}, &plan.Dev{})
	got, checks := answers(t, machineOf(host.Version{Major: 6, Minor: 1}, notFound), p)
	const want = "namespaces ok, idmap not_needed, rootfs ok, rootfs.enter ok, overlay not_needed, devices no, mounts no, mounts no, resources.memory no, ports not_needed, network not_needed, hostname ok, security.landlock not_needed, security ok, command not_tried"
	if got != want {
		t.Error(got)
	}
	for _, c := range checks {
		if c.Answer == Fails && (c.Step < 0 || partOf(p, c.Step) != c.Part) {
			t.Errorf("step %d is none of %s", c.Step, c.Part)
		}
	}
	if got, _ = answers(t, machineOf(host.Version{Major: 6, Minor: 1}, notFound), planOf()); !strings.HasSuffix(got, "command no") {
		t.Errorf("a command that is missing: %s", got)
	}
}

// What comes after a failure that nothing can do without is not tried, what came before it is.
func TestWhatBuildsOnAFailureIsNotTried(t *testing.T) {
	failsAt := func(kind string, op func(*program.Program, int) int) func(*program.Program) *executor.Failure {
		return func(p *program.Program) *executor.Failure {
			step := slices.IndexFunc(p.Plan.Steps, func(s plan.Step) bool { return plan.InfoOf(s).Name == kind })
			return &executor.Failure{Step: step, Op: op(p, step), Message: kind, Cause: "cause of " + kind, Fix: "fix", Err: unix.EPERM}
		}
	}
	first := func(p *program.Program, step int) int {
		return slices.IndexFunc(p.Enter, func(o program.Op) bool { return o.Step == step })
	}
	none := func(*program.Program, int) int { return -1 }
	port := &plan.Publish{Address: "127.0.0.1", Host: 8080, Box: 80, Count: 1, Protocol: "tcp"}
	for _, tt := range []struct {
		kind string
		op   func(*program.Program, int) int
		want string
	}{
		{"unshare", none, "namespaces no, idmap not_needed, rootfs not_tried, rootfs.enter not_tried, overlay not_needed, resources not_needed, ports ok, network not_needed, hostname not_tried, security.landlock not_needed, security not_tried, command not_tried"},
		{"pivot_root", first, "namespaces ok, idmap not_needed, rootfs ok, rootfs.enter no, overlay not_needed, resources not_needed, ports ok, network not_needed, hostname not_tried, security.landlock not_needed, security not_tried, command not_tried"},
	} {
		if got, _ := answers(t, machineOf(host.Version{Major: 6, Minor: 1}, failsAt(tt.kind, tt.op)), planOf(port)); got != tt.want {
			t.Errorf("%s: %s", tt.kind, got)
		}
	}
}

// A machine that cannot be looked at is an error, not an answer.
func TestAMachineThatCannotBeLookedAt(t *testing.T) {
	m := Machine{Probe: func(host.Needs) (host.Facts, error) { return host.Facts{}, unix.EIO }}
	if _, err := m.Examine(planOf(), "/", nil); err == nil {
		t.Error("no error")
	}
}

// Every kind of step belongs to a part, if only to one of its own name.
func TestEveryKindHasAPart(t *testing.T) {
	for _, k := range plan.Kinds() {
		p := &plan.Plan{}
		p.Add(k.New(), plan.Position{Key: "resources." + k.Name})
		p.Add(k.New(), plan.Position{})
		if got := fmt.Sprint(rowsOf(p)); partOf(p, 0) == "" || !strings.Contains(got, partOf(p, 1)) {
			t.Errorf("%s: %s", k.Name, got)
		}
	}
}

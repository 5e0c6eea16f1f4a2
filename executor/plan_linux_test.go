package executor_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/internal/seccomp"
)

// Plans of these tests are written by hand, in the order of plan.Kinds: the
// executor is tested against its own contract, without the compiler.

type planner struct {
	steps []plan.Step
	name  string // of the box; "" is testbox
}

// fullPlan is a box with everything that a default Boxfile asks for, in a tmpfs
// root that holds nothing but the probe. Options change it.
func fullPlan(t *testing.T, args ...string) *planner {
	t.Helper()
	return &planner{steps: []plan.Step{
		&plan.Stop{Signal: "TERM", Grace: 10e9},
		&plan.CloseFDs{}, &plan.Session{},
		&plan.Unshare{Namespaces: []string{"user", "mount", "pid", "network", "ipc", "uts", "cgroup"}},
		&plan.IDMap{}, &plan.Propagation{Mode: "private"},
		&plan.Rootfs{Type: "tmpfs", ReadOnly: true, Options: []string{"nodev", "nosuid"}, Write: "none"},
		&plan.Mount{Type: "proc", Target: "/proc", Options: []string{"nodev", "noexec", "nosuid"}},
		&plan.Dev{Nodes: []string{"null", "zero", "full", "random", "urandom", "tty"}, ShmSize: 64 << 20},
		&plan.File{Target: "/etc/hosts", Content: "127.0.0.1 localhost\n", Perms: "0644", ReadOnly: true},
		&plan.Mount{Type: "tmpfs", Target: "/tmp", Options: []string{"nodev", "nosuid"}, Perms: "1777", Size: 1 << 20},
		&plan.Mount{Type: "bind", Source: probeCopy(t), Target: "/probe", ReadOnly: true, Options: []string{"nodev", "nosuid"}},
		&plan.PivotRoot{},
		&plan.Mask{Paths: []string{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/scsi", "/proc/timer_list"}, Optional: true},
		&plan.Readonly{Paths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}, Optional: true},
		&plan.Hostname{Name: "testbox"}, &plan.Loopback{},
		&plan.Rlimit{Name: "core", Soft: new(uint64), Hard: new(uint64)},
		&plan.Umask{Mask: "0022"}, &plan.Groups{Kept: true}, &plan.Workdir{Path: "/"},
		&plan.Capabilities{}, &plan.NoNewPrivs{}, &plan.Seccomp{Profile: "default", Digest: seccomp.DefaultDigest}, &plan.Init{},
		&plan.Env{Name: modeEnv, Value: []plan.EnvPart{{Text: "probe"}}},
		&plan.Exec{Args: append([]string{"/probe"}, args...)},
	}}
}

// replace puts s where the first step of its type is.
func (p *planner) replace(s plan.Step) *planner {
	for i, old := range p.steps {
		if plan.InfoOf(old).Name == plan.InfoOf(s).Name {
			p.steps[i] = s
			return p
		}
	}
	panic("no step like " + plan.InfoOf(s).Name)
}

// without takes the steps of a kind out.
func (p *planner) without(kind string) *planner {
	var out []plan.Step
	for _, s := range p.steps {
		if plan.InfoOf(s).Name != kind {
			out = append(out, s)
		}
	}
	p.steps = out
	return p
}

// before inserts steps before the first one of a kind.
func (p *planner) before(kind string, add ...plan.Step) *planner {
	for i, s := range p.steps {
		if plan.InfoOf(s).Name == kind {
			p.steps = append(p.steps[:i:i], append(add, p.steps[i:]...)...)
			return p
		}
	}
	panic("no step " + kind)
}

func (p *planner) plan() *plan.Plan {
	out := &plan.Plan{Name: cmp.Or(p.name, "testbox"), File: "test.yaml"}
	for i, s := range p.steps {
		out.Add(s, plan.Position{Line: i + 1, Col: 1})
	}
	return out
}

// facts runs the probe in a box and returns what it saw.
func (b *box) facts(p *plan.Plan) facts {
	b.t.Helper()
	r := b.run(p)
	if r.code != 0 {
		b.t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	var f facts
	if err := json.NewDecoder(bytes.NewBufferString(r.stdout)).Decode(&f); err != nil {
		b.t.Fatalf("%v in %q", err, r.stdout)
	}
	return f
}

// users are who runs boxes in tests: the tester and, for root, an ordinary user as well.
func users(t *testing.T) map[string]*syscall.Credential {
	t.Helper()
	out := map[string]*syscall.Credential{"self": nil}
	if os.Getuid() != 0 {
		return out
	}
	c, err := ordinaryUser()
	if err != nil {
		skip(t, "an ordinary user is missing: "+err.Error())
		return out
	}
	out["ordinary"] = c
	return out
}

// ordinaryUser is the user that BOXFILE_TEST_USER names, or "tester".
func ordinaryUser() (*syscall.Credential, error) {
	name := os.Getenv("BOXFILE_TEST_USER")
	if name == "" {
		name = "tester"
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// skip leaves a test out and says what is missing; where everything could be installed that is a failure.
func skip(t *testing.T, missing string) {
	t.Helper()
	if os.Getenv("BOXFILE_TEST_NO_SKIP") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// each runs a test as every user, with the box's folder owned by that user.
func each(t *testing.T, test func(t *testing.T, b *box)) {
	for name, cred := range users(t) {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			b.user = cred
			if cred != nil {
				if err := os.Chown(b.dir, int(cred.Uid), int(cred.Gid)); err != nil {
					t.Fatal(err)
				}
			}
			test(t, b)
		})
	}
}

func (b *box) path(parts ...string) string {
	return filepath.Join(append([]string{b.dir}, parts...)...)
}

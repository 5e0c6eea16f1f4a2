package compiler

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// Whatever a Boxfile becomes passes, whichever keys it has.
func TestCheckPassesWhatWasCompiled(t *testing.T) {
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		if err := Check(example(t, f)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	for _, text := range []string{
		"rootfs: empty\nnetwork: {mode: outbound, dns: [192.0.2.1], hosts: {b: 192.0.2.3, a: 192.0.2.2}}\nmounts: [{type: dir, target: /etc}]",
		"rootfs: empty\nnetwork: {mode: none, hosts: {b: 192.0.2.3}}\nmounts: [{type: dir, target: /etc}]",
		"network: {mode: outbound, dns: [192.0.2.1, '2001:db8::1'], hosts: {a: 192.0.2.2}}",
		"rootfs: {dir: ./a, write: {keep: ./k}, enter: chroot}\nmounts: [{type: overlay, target: /o, lower: [./b, ./c], write: {keep: ./k}}]",
		"rootfs: {host: true, write: discard}\nmounts: [{source: ./a, target: /a, create: dir}, {source: ./a, target: /b}, {source: ./a, target: /c, create: file}]",
		"namespaces: {user: host, ipc: host, uts: host, cgroup: host}\nnetwork: host\nuser: 7:8\ngroups: [4, 2]\nproc: host-ro\nsys: ro",
		"proc: none\nsys: none\nmounts: [{type: proc, target: /proc}, {type: sysfs, target: /sys}, {type: mqueue, target: /dev/mqueue}, {type: devpts, target: /d}, {type: tmpfs, target: /dev/shm, size: 1M}, {type: symlink, source: x, target: /l}, {type: file, content: \"a\\n\", target: /f, mode: rw, perms: '0600'}]",
		"idmap: subuid\ngroups: [27]\nuser: 1000\nsecurity: {capabilities: default, no_new_privs: false, mask: [/a, /b], readonly: [/c], landlock: best-effort}",
		"user: 1000\nsecurity: {capabilities: [KILL, CHOWN], seccomp: none}",
		"env: {A: '', B: \"x ${{ inputs.S }} $$ ${{ inputs.V }} y\", C: \"${{ inputs.V }}\", PATH: /x, TERM: dumb}\nenv_pass: [HOME, LANG]\ninputs: {S: {secret: true}, V: {default: \"${{ not this\"}}",
		"ports: ['8000-8009:9000-9009', '0.0.0.0:53:53/udp', {host: 0, box: 5432, address: '::1'}]\ntimeout: 90s\nstop: {signal: INT, grace: 1500us}",
		"resources: {memory: 1G, memory_high: 512M, swap: unlimited, cpus: 0.29, cpu_weight: 5, pids: 9, cpuset: '0-3,6', oom: box, enforce: best-effort, io: [{device: ./d, read_bps: 1M, weight: 5}], unified: {memory.low: 1M, cpu.idle: 1}}",
		"rlimits: {core: unlimited, nofile: {soft: 1, hard: unlimited}, stack: 8M, as: 1G, nproc: 7}\ninit: false\numask: '0777'\nworkdir: '/a b'",
		"namespaces: {ipc: {join: /proc/1/ns/ipc}, uts: {join: ./u}, cgroup: host, time: {boottime: 10s, monotonic: 1500ms}}\nnetwork: {join: /run/netns/blue, dns: [192.0.2.1]}\ntty: true",
		"namespaces: {pid: host}\nproc: host-ro\nresources: {memory: 1G}\ntty: false\nstop: {signal: INT, grace: 1s}",
		"namespaces: {user: {join: /proc/1/ns/user}, time: {join: /proc/1/ns/time}}\nnetwork: {join: /proc/1/ns/net}",
		"inputs: {V: {default: \"${{ x\"}}\nwaive: [{risk: BX037, reason: \"${{ inputs.V }} \\u202E\"}, {risk: BX024, reason: ' a', until: 2028-02-29}]",
		"devices: [/dev/fuse, /dev/net/tun]\nmounts: [{source: '/a b:c', target: '/x:y', optional: true, options: [noexec, nosymfollow]}]",
	} {
		b, err := schema.Parse("x.yaml", []byte("boxfile: 1\ncommand: [x, '', \"a\\x01\\u202E\\n\", '${']\n"+text+"\n"), nil)
		if err != nil {
			t.Fatal(schema.Render(err, false))
		}
		p, err := Compile(b, nil)
		if err != nil {
			t.Fatal(schema.Render(err, false))
		}
		if err := Check(p); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func TestCheckPassesTheLargestPlan(t *testing.T) {
	p, err := compile(t, manyMounts(9000))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(p); err != nil {
		t.Error(err)
	}
}

// without is a default box's plan, of which steps are dropped or changed.
func without(t *testing.T, text string, change func(p *plan.Plan)) error {
	t.Helper()
	p, err := compile(t, "boxfile: 1\ncommand: [ls]\n"+text+"\n")
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	change(p)
	return Check(p)
}

func drop(kind string) func(p *plan.Plan) {
	return func(p *plan.Plan) {
		for i := len(p.Steps) - 1; i >= 0; i-- {
			if plan.InfoOf(p.Steps[i]).Name == kind {
				p.Steps, p.Positions = slices.Delete(p.Steps, i, i+1), slices.Delete(p.Positions, i, i+1)
			}
		}
	}
}

// What keeps a box closed cannot be taken out of a plan, even with a digest that is right.
func TestCheckRefusesWhatNoBoxfileBecomes(t *testing.T) {
	for _, kind := range []string{
		"close_fds", "session", "unshare", "idmap", "propagation", "rootfs", "dev", "pivot_root", "mask", "readonly", "hostname", "loopback",
		"umask", "groups", "workdir", "capabilities", "exec", "env", "rlimit",
	} {
		if err := without(t, "", drop(kind)); err == nil {
			t.Errorf("a plan without %s passes", kind)
		}
	}
	if err := without(t, "namespaces: {user: host}", drop("no_new_privs")); err == nil {
		t.Error("a plan without no_new_privs passes in the host's user namespace")
	}
	if err := without(t, "network: outbound", drop("block_loopback")); err == nil {
		t.Error("a plan with a way out to this machine's loopback passes")
	}
	if err := without(t, "security: {seccomp: none}", drop("keyring")); err == nil {
		t.Error("a plan that shares the caller's keys passes")
	}
	if err := without(t, "resources: {memory: 1G}", drop("cgroup")); err == nil {
		t.Error("a plan with a limit and no cgroup passes")
	}
}

func TestCheckRefusesAnotherOrder(t *testing.T) {
	p, err := compile(t, "boxfile: 1\ncommand: [ls]\n")
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(p.Steps) - 1 {
		q := &plan.Plan{Name: p.Name, Steps: slices.Clone(p.Steps), Positions: slices.Clone(p.Positions)}
		q.Steps[i], q.Steps[i+1] = q.Steps[i+1], q.Steps[i]
		proc := plan.InfoOf(p.Steps[i+1]).Name == "dev" // behind /dev it is a mount of the file's own, with proc: none
		if err := Check(q); err == nil && !proc {
			t.Errorf("steps %d and %d pass in the other order: %s", i+1, i+2, plan.InfoOf(p.Steps[i]).Name)
		}
		q.Steps = slices.Insert(slices.Clone(p.Steps), i, p.Steps[i])
		q.Positions = slices.Insert(slices.Clone(p.Positions), i, p.Positions[i])
		if err := Check(q); err == nil {
			t.Errorf("step %d passes twice: %s", i+1, plan.InfoOf(p.Steps[i]).Name)
		}
	}
}

func TestCheckRefusesOperandsThatNoBoxfileHas(t *testing.T) {
	const text = "mounts: ['./a:/a', {type: tmpfs, target: /t}]\nports: ['80:80']\nenv: {A: b}\nresources: {memory: 1G}\ntimeout: 9s\nsecurity: {seccomp: default}"
	for want, change := range map[string]func(s plan.Step){
		"target":             func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { m.Target = "../a" }) },
		"target above":       func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { m.Target = "/a/../../b" }) },
		"target on /":        func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { m.Target = "/" }) },
		"target on /proc":    func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { m.Target = "/proc/self" }) },
		"source":             func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { m.Source = "a" }) },
		"type":               func(s plan.Step) { mountAt(s, "/t", func(m *plan.Mount) { m.Type = "debugfs" }) },
		"setuid programs":    func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { m.Options = []string{"nodev"} }) },
		"order of options":   func(s plan.Step) { mountAt(s, "/a", func(m *plan.Mount) { slices.Reverse(m.Options) }) },
		"writable /proc":     func(s plan.Step) { mountAt(s, "/proc", func(m *plan.Mount) { m.Options = nil }) },
		"propagation":        func(s plan.Step) { on(s, func(s *plan.Propagation) { s.Mode = "shared" }) },
		"namespaces":         func(s plan.Step) { on(s, func(s *plan.Unshare) { s.Namespaces = s.Namespaces[:1] }) },
		"no mount namespace": func(s plan.Step) { on(s, func(s *plan.Unshare) { s.Namespaces = slices.Delete(s.Namespaces, 1, 2) }) },
		"address":            func(s plan.Step) { on(s, func(s *plan.Publish) { s.Address = "localhost" }) },
		"protocol":           func(s plan.Step) { on(s, func(s *plan.Publish) { s.Protocol = "sctp" }) },
		"count":              func(s plan.Step) { on(s, func(s *plan.Publish) { s.Count = 0 }) },
		"range beyond 65535": func(s plan.Step) { on(s, func(s *plan.Publish) { s.Count = 65535 }) },
		"name of a variable": func(s plan.Step) { on(s, func(s *plan.Env) { s.Name = "A=B" }) },
		"limit":              func(s plan.Step) { on(s, func(s *plan.Limit) { s.Resource = "rdma" }) },
		"rlimit":             func(s plan.Step) { on(s, func(s *plan.Rlimit) { s.Name = "x" }) },
		"signal":             func(s plan.Step) { on(s, func(s *plan.Timeout) { s.Signal = "WINCE" }) },
		"umask":              func(s plan.Step) { on(s, func(s *plan.Umask) { s.Mask = "9" }) },
		"ambient capability": func(s plan.Step) { on(s, func(s *plan.Capabilities) { s.Ambient = []string{"SYS_ADMIN"} }) },
		"no such capability": func(s plan.Step) { on(s, func(s *plan.Capabilities) { s.Bounding = []string{"ROOT"} }) },
		"seccomp's digest":   func(s plan.Step) { on(s, func(s *plan.Seccomp) { s.Digest = "sha256:0" }) },
		"seccomp, no rules": func(s plan.Step) {
			on(s, func(s *plan.Seccomp) { s.Digest, s.Otherwise = "", &plan.SeccompAction{Action: "allow"} })
		},
		"mask":                func(s plan.Step) { on(s, func(s *plan.Mask) { s.Paths = s.Paths[1:] }) },
		"device nodes":        func(s plan.Step) { on(s, func(s *plan.Dev) { s.Nodes = append(s.Nodes, "mem") }) },
		"command":             func(s plan.Step) { on(s, func(s *plan.Exec) { s.Args = nil }) },
		"groups":              func(s plan.Step) { on(s, func(s *plan.Groups) { s.GIDs = []uint32{0} }) },
		"host path":           func(s plan.Step) { on(s, func(s *plan.System) { s.Path = "/etc/shadow" }) },
		"users of the rootfs": func(s plan.Step) { on(s, func(s *plan.File) { s.Content += "x:x:0:0::/:/bin/sh\n" }) },
	} {
		err := without(t, text, func(p *plan.Plan) {
			for _, s := range p.Steps {
				change(s)
			}
		})
		if err == nil {
			t.Errorf("another %s passes", want)
		}
	}
	if err := without(t, "", func(p *plan.Plan) { p.File = "../x.yaml" }); err == nil {
		t.Error("a path passes as the name of the file")
	}
	if err := without(t, "", func(p *plan.Plan) { p.Positions[0].Line = -1 }); err == nil {
		t.Error("a line before the first passes")
	}
	for _, w := range []plan.Waiver{{Risk: "\x1b[31m", Reason: "a"}, {Risk: "BX999", Reason: "a"}, {Risk: "BX001"}, {Risk: "BX001", Reason: " "},
		{Risk: "BX001", Reason: "a", Until: "2027-02-30"}, {Risk: "BX001", Reason: "a", Until: "\x1b[31m"}, {Risk: "BX001", Reason: "a", Line: -1}} {
		if err := without(t, "", func(p *plan.Plan) { p.Waivers = append(p.Waivers, w) }); err == nil {
			t.Errorf("the waiver %+v passes", w)
		}
	}
	if err := without(t, "", func(p *plan.Plan) { p.Name = "\x1b[31m" }); err == nil {
		t.Error("another name passes")
	}
}

func on[S any](s plan.Step, change func(*S)) {
	if s, ok := s.(any).(*S); ok {
		change(s)
	}
}

func mountAt(s plan.Step, target string, change func(*plan.Mount)) {
	if m, ok := s.(*plan.Mount); ok && m.Target == target {
		change(m)
	}
}

// The error names the step.
func TestCheckNamesTheStep(t *testing.T) {
	err := without(t, "", drop("session"))
	if err == nil || !strings.HasPrefix(err.Error(), "step 3, unshare: a compiled plan has session there") {
		t.Error(err)
	}
}

func BenchmarkCheck(b *testing.B) {
	p := example(b, "../examples/go-build.yaml")
	for b.Loop() {
		if err := Check(p); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever a plan holds, it is refused or passed, and nothing else happens.
func TestCheckTakesAnyPlan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	words := []string{"", "/a", "./a", "bind", "keep", "0755", "${{ inputs.x }}", "/etc/hosts", "a\tb\nc\td\n", "nameserver x\n", "default", "\x00", "default"}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(r.IntN(2) == 0)
		case reflect.String:
			v.SetString(words[r.IntN(len(words))])
		case reflect.Int, reflect.Int64:
			v.SetInt(int64(r.IntN(5)) - 1)
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			v.SetUint(uint64(r.IntN(5)))
		case reflect.Pointer:
			if r.IntN(2) == 0 {
				v.Set(reflect.New(v.Type().Elem()))
				fill(v.Elem())
			}
		case reflect.Slice:
			n := r.IntN(3)
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		}
	}
	for range 300 {
		p := &plan.Plan{Name: "x"}
		for range r.IntN(20) {
			s := plan.Kinds()[r.IntN(len(plan.Kinds()))].New()
			fill(reflect.ValueOf(s).Elem())
			p.Add(s, plan.Position{})
		}
		if err := Check(p); err == nil {
			t.Errorf("%+v passes", p.Steps)
		}
	}
}

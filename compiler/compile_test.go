package compiler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
	"github.com/boxfile/boxfile/schema"
)

func compile(t testing.TB, text string) (*plan.Plan, error) {
	t.Helper()
	b, err := schema.Parse("dir/test.yaml", []byte(text), nil)
	if err != nil {
		t.Fatalf("%s\n%s", schema.Render(err, false), text)
	}
	return Compile(b, nil)
}

func digest(t testing.TB, text string) string {
	t.Helper()
	p, err := compile(t, text)
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	d, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What the sections refuse, with its place.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"hostname of the host": {"hostname: x\nnamespaces: {uts: host}", "2:11: hostname would rename the host"},
		"hostname of another":  {"hostname: x\nnamespaces: {uts: {join: /u}}", "2:11: hostname would rename whatever else is in the namespace"},
		"idmap, joined users":  {"idmap: subuid\nnamespaces: {user: {join: /u}}", "2:8: idmap maps ids of a new user namespace"},
		"shared pid, own proc": {"namespaces: {pid: host}", "2:19: no /proc of the box's own can be made"},
		"joined pid, own proc": {"namespaces: {pid: {join: /p}}", "2:19: no /proc of the box's own can be made"},
		"shared pid, no init":  {"namespaces: {pid: host}\nproc: none\ninit: false", "4:7: init: false leaves nobody to end the box"},
		"shared pid, no limit": {"namespaces: {pid: host}\nproc: none\nresources: {enforce: best-effort, pids: 9}", "4:22: best-effort could leave the box without the cgroup"},
		"clocks, joined users": {"namespaces: {user: {join: /u}, time: {boottime: 1s}}", "2:38: boottime and monotonic cannot be set"},
		"way out, others":      {"network: outbound\nnamespaces: {user: {join: /u}}", "2:10: network: outbound needs namespaces.user: new"},
		"groups of the caller": {"groups: [7]", "2:10: groups cannot be set"},
		"idmap without users":  {"idmap: subuid\nnamespaces: {user: host}", "idmap maps ids"},
		"overlapping ranges":   {"idmap: {uids: [{box: 0, host: 1, size: 9}, {box: 5, host: 50, size: 1}], gids: [{box: 0, host: 1, size: 1}]}", "overlaps"},
		"unmapped user":        {"user: 7:0\nidmap: {uids: [{box: 0, host: 1, size: 1}], gids: [{box: 0, host: 1, size: 1}]}", "user 7 of the box is in no range"},
		"mount on root":        {"mounts: ['/a:/']", "2:10: a mount cannot cover /"},
		"mount on proc":        {"mounts: ['/a:/proc']", "nothing can be mounted at /proc"},
		"mount below proc":     {"mounts: ['/a:/proc/self/attr']", "nothing can be mounted at /proc/self/attr"},
		"mount on sys":         {"mounts: ['/a:/sys/x']", "nothing can be mounted at /sys/x"},
		"mount on dev":         {"mounts: ['/a:/dev']", "nothing can be mounted at /dev"},
		"second proc":          {"mounts: [{type: proc, target: /proc}]", "already decided by the key proc"},
		"proc elsewhere":       {"mounts: [{type: proc, target: /p}]", "has to be at /proc"},
		"writable sys":         {"mounts: [{type: sysfs, target: /sys, mode: rw}]", "a writable /sys"},
		"same target":          {"mounts: ['/a:/x', '/b:/x']", "/x is already taken by line 2"},
		"hidden target":        {"mounts:\n- /a:/x/y\n- /b:/x", "4:3: /x would hide /x/y of line 3"},
		"way out, users":       {"network: outbound\nnamespaces: {user: host}", "2:10: network: outbound needs namespaces.user: new"},
		"way out, NET_RAW":     {"network: outbound\nsecurity: {capabilities: [KILL, NET_RAW]}", "3:33: network: outbound keeps this machine's loopback out of reach"},
		"hosts twice":          {"rootfs: empty\nmounts: ['/a:/etc/hosts']\nnetwork: {mode: none, hosts: {a: 192.0.2.1}}", "3:10: /etc/hosts is already decided by the key network"},
		"env twice":            {"env: {A: b}\nenv_pass: [A]", "3:12: A is both in env and in env_pass"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compile(t, "boxfile: 1\n"+c.text+"\nshell: 'true'\n")
			if err == nil || !strings.Contains(schema.Render(err, false), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// Reformatting, reordering keys and comments change nothing; a different value does.
func TestDigestIsOfTheMeaning(t *testing.T) {
	a := digest(t, "boxfile: 1\nname: x\nmounts: ['./a:/a', {type: tmpfs, target: /t}]\nshell: ls\n")
	for _, same := range []string{
		"# a comment\nshell: ls\nname: \"x\"\nmounts:\n  - ./a:/a:ro\n  - target: /t\n    type: tmpfs\n    perms: \"1777\"\nboxfile: 1\n",
		"boxfile: 1\r\nname: x\r\nmounts: [{source: ./a, target: /a, mode: ro}, {type: tmpfs, target: /t}]\r\ncommand: [/bin/sh, -c, ls]\r\n",
	} {
		if digest(t, same) != a {
			t.Errorf("another digest for\n%s", same)
		}
	}
	a = digest(t, "boxfile: 1\nenv: {Z: a, PATH: /x, A: b}\nenv_pass: [TERM, B]\nrlimits: {stack: 8M, core: 5, as: 1G}\nnetwork: {mode: outbound, hosts: {b: 192.0.2.1, a: 192.0.2.2}}\nresources: {unified: {memory.min: 4M, memory.low: 64M}}\nshell: ls\n")
	if digest(t, "boxfile: 1\nenv_pass: [B, TERM]\nresources: {unified: {memory.low: 64M, memory.min: 4M}}\nnetwork: {hosts: {a: 192.0.2.2, b: 192.0.2.1}, mode: outbound}\nrlimits: {as: 1G, stack: 8M, core: 5}\nenv: {PATH: /x, A: b, Z: a}\nshell: ls\n") != a {
		t.Error("another order of the keys of maps has another digest")
	}
	if digest(t, "boxfile: 1\nname: x\nmounts: ['./a:/a:rw', {type: tmpfs, target: /t}]\nshell: ls\n") == a {
		t.Error("a writable mount has the same digest")
	}
}

// Limits come in one order, each from where its value stands; memory bounds swap as well.
func TestLimitsCompileInOneOrder(t *testing.T) {
	p, err := compile(t, `boxfile: 1
shell: ls
timeout: 90s
stop: {signal: INT, grace: 500ms}
resources:
  unified: {memory.low: 1M, cpu.idle: 1}
  oom: box
  io:
    - {device: ./data, read_bps: 10M, write_iops: 100}
    - {weight: 200, device: /dev/sda}
  pids: 64
  cpuset: 3,0-1
  cpu_weight: 200
  cpus: 0.29
  memory_high: 48M
  memory: 64M
  enforce: best-effort
`)
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	want := []string{
		`5:1 resources {"best_effort":true}`,
		`16:11 resources.memory {"resource":"memory","value":67108864}`,
		`15:16 resources.memory_high {"resource":"memory_high","value":50331648}`,
		`0:0 resources.swap {"resource":"swap","value":0,"optional":true}`,
		`14:9 resources.cpus {"resource":"cpus","value":29000}`,
		`13:15 resources.cpu_weight {"resource":"cpu_weight","value":200}`,
		`11:9 resources.pids {"resource":"pids","value":64}`,
		`12:11 resources.cpuset {"cpus":"0-1,3"}`,
		`9:16 resources.io[0] {"device":"./data","read_bps":10485760,"write_iops":100}`,
		`10:29 resources.io[1] {"device":"/dev/sda","weight":200}`,
		`7:8 resources.oom {"kill":"box"}`,
		`6:39 resources.unified.cpu.idle {"file":"cpu.idle","value":"1"}`,
		`6:25 resources.unified.memory.low {"file":"memory.low","value":"1M"}`,
		`3:10 timeout {"after":90000000000,"signal":"INT","grace":500000000}`,
		`4:1 stop {"signal":"INT","grace":500000000}`,
	}
	for i, w := range want {
		b, err := json.Marshal(p.Steps[i])
		at := p.Positions[i]
		if got := fmt.Sprintf("%d:%d %s %s", at.Line, at.Col, at.Key, b); err != nil || got != w {
			t.Errorf("step %d is %s, want %s", i+1, got, w)
		}
	}
	if k := plan.InfoOf(p.Steps[len(want)]).Name; k != "close_fds" {
		t.Errorf("%s follows the limits", k)
	}
}

// Where the file decides about swap there is no default, and without memory none is needed.
func TestSwapIsBoundedWithMemory(t *testing.T) {
	for text, want := range map[string]string{
		"{memory: 1G}":                  `[{"resource":"swap","value":0,"optional":true}]`,
		"{memory: 1G, swap: 0}":         `[{"resource":"swap","value":0}]`,
		"{memory: 1G, swap: 4K}":        `[{"resource":"swap","value":4096}]`,
		"{memory: 1G, swap: unlimited}": `[{"resource":"swap","value":null}]`,
		"{swap: 0}":                     `[{"resource":"swap","value":0}]`,
		"{pids: 9}":                     `null`,
		"{memory: 1G, unified: {memory.swap.max: max}}":     `null`,
		"{memory: 1G, unified: {memory.swap.high: \"1M\"}}": `null`,
	} {
		p, err := compile(t, "boxfile: 1\nshell: ls\nresources: "+text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		var swap []plan.Step
		for _, s := range p.Steps {
			if l, ok := s.(*plan.Limit); ok && l.Resource == "swap" {
				swap = append(swap, s)
			}
		}
		if got, _ := json.Marshal(swap); string(got) != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A box that shares its pid namespace has a cgroup that it ends through, with a limit of processes.
func TestASharedPidNamespaceHasACgroup(t *testing.T) {
	for text, want := range map[string]string{
		"namespaces: {pid: host}\nproc: host-ro":                               `[{"ends":true},{"resource":"pids","value":2048}]`,
		"namespaces: {pid: {join: /p}, user: {join: /u}}":                      `[{"ends":true},{"resource":"pids","value":2048}]`,
		"namespaces: {pid: host, user: host}\nresources: {pids: 9}":            `[{"ends":true},{"resource":"pids","value":9}]`,
		"namespaces: {pid: host}\nproc: none\nresources: {cpus: 1}":            `[{"ends":true},{"resource":"cpus","value":100000},{"resource":"pids","value":2048}]`,
		"namespaces: {pid: new, time: {boottime: 1s}}\nresources: {pids: 200}": `[{},{"resource":"pids","value":200}]`,
	} {
		p, err := compile(t, "boxfile: 1\nshell: ls\n"+text+"\n")
		if err != nil {
			t.Fatal(schema.Render(err, false))
		}
		var limits []plan.Step
		for _, s := range p.Steps {
			switch s.(type) {
			case *plan.Cgroup, *plan.Limit:
				limits = append(limits, s)
			}
		}
		if got, _ := json.Marshal(limits); string(got) != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Secrets are names in a plan.
func TestSecretsStayOut(t *testing.T) {
	text := "boxfile: 1\ninputs: {T: {secret: true}}\nenv: {A: \"x${{ inputs.T }}\"}\nshell: ls\n"
	b, err := schema.Parse("f.yaml", []byte(text), map[string]string{"T": "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := p.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(buf.String(), "hunter2") || !strings.Contains(buf.String(), `"secret": "T"`) {
		t.Errorf("%s", buf.String())
	}
}

// Steps come in the order of the table, mounts and what goes with them in the file's.
func TestOrder(t *testing.T) {
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) < 12 {
		t.Fatal(len(files), err)
	}
	together := []string{"mount", "file", "symlink", "dir", "dev", "device"}
	for _, f := range files {
		p := example(t, f)
		last := 0
		for i, s := range p.Steps {
			row := plan.Row(s)
			if slices.Contains(together, plan.InfoOf(s).Name) {
				row = plan.Row((*plan.Mount)(nil))
			}
			if row < last {
				t.Errorf("%s: step %d, %s, is out of order", f, i+1, plan.InfoOf(s).Name)
			}
			last = row
		}
	}
}

func example(t testing.TB, file string) *plan.Plan {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := schema.Parse(file, data, nil)
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	p, err := Compile(b, func(path string) (string, []byte, error) {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), path))
		return path, text, err
	})
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	return p
}

// The compiler cannot look at the machine: it imports nothing that can, and
// meets the executor in package plan only.
func TestRooms(t *testing.T) {
	banned := []string{"os", "os/exec", "os/user", "io/fs", "time", "net", "syscall", "path/filepath", "math/rand", "golang.org/x/sys/unix"}
	const ours = "github.com/boxfile/boxfile/"
	for pkg, allowed := range map[string][]string{
		"schema": {}, "compiler/plan": {}, "compiler/risk": {"compiler/plan"}, "compiler": {"schema", "compiler/plan", "compiler/risk", "compiler/seccomp"}, "compiler/seccomp": {"schema", "compiler/plan"}, "compiler/render": {"compiler/plan", "compiler/diff", "compiler/risk"}, "compiler/diff": {"compiler/plan", "compiler/seccomp"},
		"executor/lsns": {}, "executor/lock": {"compiler/plan"},
		"executor/host": {}, "executor/program": {"compiler/plan", "executor/host", "executor/internal/seccomp"}, "executor/internal/seccomp": {"compiler/plan"}, "executor/internal/fork": {}, "executor/internal/cgroup": {}, "executor/internal/scope": {}, "executor/internal/port": {}, "executor/internal/pty": {}, "executor/internal/signals": {},
		"compiler/explain": {"schema", "compiler/plan", "compiler/render", "compiler/seccomp"},
		"executor/doctor":  {"executor", "executor/program", "executor/host", "compiler/plan"},
		"executor":         {"executor/host", "executor/program", "executor/internal/fork", "executor/internal/cgroup", "executor/internal/scope", "executor/internal/port", "executor/internal/pty", "executor/internal/signals", "executor/lsns", "compiler/plan"},
	} {
		out, err := exec.Command("go", "list", "-f", "{{join .Imports \"\\n\"}}", ours+pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, imp := range strings.Fields(string(out)) {
			if short, ok := strings.CutPrefix(imp, ours); ok && !slices.Contains(allowed, short) {
				t.Errorf("%s imports %s", pkg, short)
			}
			if !strings.HasPrefix(pkg, "executor") && slices.Contains(banned, imp) {
				t.Errorf("%s imports %s", pkg, imp)
			}
		}
	}
}

func manyMounts(n int) string {
	var b strings.Builder
	b.WriteString("boxfile: 1\nshell: ls\nmounts:\n")
	for i := range n {
		fmt.Fprintf(&b, "- /a:/b/%d\n", i)
	}
	return b.String()
}

// Ten thousand mounts compile in little memory.
func TestManyMounts(t *testing.T) {
	text := manyMounts(10000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p, err := compile(t, text)
	if err != nil || len(p.Steps) < 10000 {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 100 {
		t.Errorf("%d MiB were allocated, counting what was freed again", mib)
	}
}

func BenchmarkManyMounts(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := manyMounts(n)
			for b.Loop() {
				if _, err := compile(b, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Whatever parses compiles to the same bytes twice, survives JSON, keeps its digest,
// and passes for what a Boxfile becomes.
func FuzzCompile(f *testing.F) {
	files, _ := filepath.Glob("../examples/*.yaml")
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := schema.Parse("f.yaml", data, nil)
		if err != nil {
			return
		}
		p, err := Compile(b, nil)
		if err != nil {
			return
		}
		if err := Check(p); err != nil {
			t.Errorf("it is taken for no plan of a Boxfile: %v", err)
		}
		var first, second bytes.Buffer
		if err := p.Encode(&first); err != nil {
			t.Fatal(err)
		}
		again, err := plan.Decode(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, first.String())
		}
		if err := again.Encode(&second); err != nil || first.String() != second.String() {
			t.Errorf("%v: JSON does not come back\n%s\n%s", err, first.String(), second.String())
		}
		if more := risk.New(p, again); len(more) > 0 || len(risk.Find(p)) != len(risk.Find(again)) {
			t.Errorf("a plan that comes back has other risks: %v", more)
		}
	})
}

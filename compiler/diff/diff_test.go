package diff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

func compiled(t testing.TB, name string, text []byte, dir string) *plan.Plan {
	t.Helper()
	inputs := map[string]string{}
	if strings.Contains(string(text), "secret:") {
		inputs["A"] = "given"
	}
	b, err := schema.Parse(name, text, inputs)
	if err != nil {
		t.Fatalf("%s\n%s", schema.Render(err, false), text)
	}
	p, err := compiler.Compile(b, func(path string) (string, []byte, error) {
		text, err := os.ReadFile(filepath.Join(dir, path))
		return path, text, err
	})
	if err != nil {
		t.Fatalf("%s\n%s", schema.Render(err, false), text)
	}
	return p
}

// What the two files beside each other in examples and testdata differ in, as a reviewer reads it.
func TestAChangeIsSaidInWords(t *testing.T) {
	var plans []*plan.Plan
	for _, f := range []string{"../../examples/web.yaml", "../../testdata/web-widened.yaml"} {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, compiled(t, filepath.Base(f), text, "."))
	}
	d, err := diff.Compare(plans[0], plans[1])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"widens web.yaml:resources.memory web-widened.yaml:resources.memory memory limit 64 MiB → 512 MiB",
		"widens web.yaml:ports[0] web-widened.yaml:ports[0] port 8080 moves from 127.0.0.1 to 0.0.0.0",
		"widens web.yaml:mounts[0] web-widened.yaml:mounts[0] mounts ./web: read-only → read-write",
		"widens - web-widened.yaml:mounts[1] mount + /var/run/docker.sock at /run/docker.sock (read-only, nodev, nosuid)",
		"widens web.yaml:(security.capabilities) web-widened.yaml:security.capabilities capability + SYS_PTRACE (all five sets)",
		"widens web.yaml:(security.seccomp) web-widened.yaml:(security.seccomp) seccomp: profile default as it is without capabilities → default with what the capabilities are for",
		"narrows web.yaml:resources.pids web-widened.yaml:resources.pids pids limit 32 → 16",
		"neutral - web-widened.yaml:env.DEBUG environment + DEBUG = 1",
		"neutral web.yaml:command web-widened.yaml:command command: busybox httpd -f -p 8080 -h /srv/www → busybox httpd -f -v -p 8080 -h /srv/www",
	}
	for i, c := range d.Changes {
		got := fmt.Sprintf("%s %s %s %s", c.Direction, place(c.From), place(c.To), c.What())
		if i >= len(want) || got != want[i] {
			t.Errorf("change %d is %s", i+1, got)
		}
	}
	if len(d.Changes) != len(want) {
		t.Errorf("%d changes, want %d", len(d.Changes), len(want))
	}
}

func place(p *diff.Place) string {
	if p == nil {
		return "-"
	}
	if p.At.IsDefault() {
		return p.File + ":(" + p.At.Key + ")"
	}
	return p.File + ":" + p.At.Key
}

func TestSomeChangesInWords(t *testing.T) {
	long := strings.Repeat("a", 200)
	for _, c := range []struct{ old, new, want string }{
		{"mounts: ['./src:/src']", "mounts: ['./src:/src:rw']", "mounts ./src: read-only → read-write"},
		{"ports: ['5432:5432']", "ports: ['0.0.0.0:5432:5432']", "port 5432 moves from 127.0.0.1 to 0.0.0.0"},
		{"security: {capabilities: [SYS_PTRACE], seccomp: none}", "security: {seccomp: none}", "capability − SYS_PTRACE (bounding, permitted, effective)"},
		{"ports: ['10.0.0.5:80:80']", "ports: ['203.0.113.9:80:80']", "port 80 + 203.0.113.9"},
		{"resources: {memory: 512M}", "resources: {memory: 1G}", "memory limit 512 MiB → 1 GiB"},
		{"resources: {pids: 5, swap: 0}", "resources: {pids: 5, swap: unlimited}", "swap limit 0 → unlimited"},
		{"resources: {cpus: 1.5}", "resources: {cpus: 2}", "cpu limit 1.5 CPUs → 2 CPUs"},
		{"timeout: 90s", "timeout: 2m", "timeout 90s → 2m"},
		{"", "namespaces: {ipc: host}", "namespace ipc: the box's own → the host's"},
		{"", "namespaces: {ipc: {join: /proc/1/ns/ipc}}", "namespace ipc: the box's own → one that is joined"},
		{"mounts: ['./a:/a']", "mounts: [{source: ./a, target: /a, options: [noexec]}]", "mounts ./a: option + noexec"},
		{"umask: '0022'", "umask: '0077'", "umask 0022 → 0077"},
		{"env: {A: b}", "env_pass: [A]", "environment A: b → the caller's"},
		{"mounts: ['./a:/a', './b:/b']", "mounts: ['./b:/b', './a:/a']", "mount ./b at /b comes after mount ./a at /a → after /dev of the box's own"},
		{"env: {A: \"a\\e[31mb\\u202e\"}", "", `environment − A = "a\x1b[31mb\u202e"`},
		{"rootfs: {dir: ./a}", "rootfs: {dir: ./b}", "rootfs: + the tree ./b"},
		{"mounts: ['./a:/a']", "mounts: ['/:/a']", "mount + / at /a (read-only, nodev, nosuid)"},
		{"mounts: ['.:/src:rw', './.git:/src/.git']", "mounts: ['.:/src:rw']", "mounts .: /src/.git: covered by another step → in reach"},
		{"mounts: ['/usr/share:/usr/share', {type: tmpfs, target: /usr/share/doc}]", "mounts: ['/usr/share:/usr/share']", "mounts /usr/share: /usr/share/doc: covered by another step → in reach"},
		{"", "mounts: [{source: ./" + long + ", target: /a, mode: rw}]", "mount + ./" + long + " at /a (read-write, nodev, nosuid)"},
		{"env: {A: " + long + "}", "", "environment − A = " + long[:156] + "…"},
		{"security: {seccomp: ./strict.json}", "security: {seccomp: ./other.json}", "system calls + socket (on other conditions)"},
		{"security: {seccomp: ./strict.json}", "security: {seccomp: ./looser.json}", `system calls + openat, socket`},
		{"security: {seccomp: ./strict.json}", "security: {seccomp: ./rest.json}", `system calls + all that are not named, socket`},
	} {
		var got []string
		for _, change := range between(t, c.old, c.new).Changes {
			got = append(got, change.What())
		}
		if !slices.Contains(got, c.want) {
			t.Errorf("{%s} -> {%s} is said as\n\t%s\nwant\n\t%s", c.old, c.new, strings.Join(got, "\n\t"), c.want)
		}
	}
}

// What a rootfs brings along is one line, not seventeen.
func TestStepsOfOneOriginAreSaidTogether(t *testing.T) {
	d := between(t, "", "rootfs: {host: true, write: discard}")
	if len(d.Changes) > 5 {
		for _, c := range d.Changes {
			t.Error(c.What())
		}
	}
}

// Where there was no file there is no wall to take down: all that a new box says of walls is neutral.
func TestAFileThatIsNewOrGoneHasOneDirection(t *testing.T) {
	p := compiled(t, "new.yaml", []byte("{boxfile: 1, command: [ls], mounts: ['./a:/a'], resources: {memory: 1G}}\n"), ".")
	for _, c := range []struct {
		from, to *plan.Plan
		has, not diff.Direction
	}{{&plan.Plan{File: "new.yaml"}, p, diff.Widens, diff.Narrows}, {p, &plan.Plan{File: "new.yaml"}, diff.Narrows, diff.Widens}} {
		d, err := diff.Compare(c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if !d.Has(c.has) || d.Has(c.not) {
			t.Errorf("%+v", d.Changes)
		}
	}
}

// Two values that are too long for a line are shown from where they differ.
func TestLongValuesAreShownFromWhereTheyDiffer(t *testing.T) {
	long := strings.Repeat("a", 1000)
	d := between(t, "env: {A: "+long+"b}", "env: {A: "+long+"c}")
	if w := d.Changes[0].What(); len(w) > 500 || !strings.Contains(w, "aab") || !strings.Contains(w, "aac") {
		t.Error(w)
	}
}

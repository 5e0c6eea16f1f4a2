package risk_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/risk"
	"github.com/boxfile/boxfile/compiler/seccomp"
	"github.com/boxfile/boxfile/schema"
)

const filter = `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve", "read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}`

// compile makes a plan of a Boxfile whose folder has profiles.
func compile(t testing.TB, text string) *plan.Plan {
	t.Helper()
	b, err := schema.Parse("dir/dev.yaml", []byte(text), map[string]string{"KEY": "x"})
	if err != nil {
		t.Fatalf("%s\n%s", schema.Render(err, false), text)
	}
	p, err := compiler.Compile(b, func(path string) (string, []byte, error) {
		if path == "./default.json" { // what docs/risks.md says to begin with
			return path, seccomp.JSON(), nil
		}
		if path == "./clone.json" {
			return path, []byte(strings.Replace(filter, `"read"`, `"read", "clone"`, 1)), nil
		}
		if path == "./open.json" {
			return path, []byte(strings.Replace(filter, `"read"`, `"read", "unshare", "bpf"`, 1)), nil
		}
		return path, []byte(filter), nil
	})
	if err != nil {
		t.Fatalf("%s\n%s", schema.Render(err, false), text)
	}
	return p
}

// boxfile is lines in a Boxfile that has no risk without them.
func boxfile(lines string) string {
	text := "boxfile: 1\nshell: 'true'\n"
	if strings.Contains(lines, "shell:") {
		text = "boxfile: 1\n"
	}
	if !strings.Contains(lines, "resources:") {
		text += "resources: {memory: 64M, pids: 64}\n"
	}
	return text + lines + "\n"
}

func bind(mount string) string { return "mounts: ['" + mount + "']" }

// rows have lines that make one risk and no other, and lines that look alike and make none.
var rows = []struct{ id, risky, twin string }{
	{"BX001", bind("/:/host"), bind("/srv:/host")},
	{"BX001", bind("../../../..:/host"), bind("../../..:/host")},
	{"BX001", bind("../../../../../../..:/host:rw"), bind("../../../../../../srv:/host:rw")},
	{"BX001", "rootfs: /", "rootfs: ./root"},
	{"BX001", "mounts: [{type: overlay, target: /o, lower: [./a, /]}]", "mounts: [{type: overlay, target: /o, lower: [./a, ./b]}]"},
	{"BX002", bind("/var/run/docker.sock:/s"), bind("/var/run/docker.socket:/s")},
	{"BX002", bind("/run/docker.sock:/run/docker.sock"), bind("/run/docker.pid:/run/docker.pid")},
	{"BX002", bind("/run/user/1000/podman:/p"), bind("/run/user/1000/pod:/p")},
	{"BX002", bind("/run/containerd/containerd.sock:/c"), bind("/run/containerdx:/c")},
	{"BX002", bind("../../../../../var/run/docker:/s"), bind("../../../../../var/ran/docker:/s")},
	{"BX002", bind("./docker.sock:/s"), bind("./docker.socks:/s")},
	{"BX003", bind("/run/dbus/system_bus_socket:/b"), bind("/run/dbusx:/b")},
	{"BX003", bind("/var/run/dbus:/b"), bind("/var/run/d:/b")},
	{"BX003", bind("/run/systemd/private:/b"), bind("/run/systemdx/private:/b")},
	{"BX003", bind("/run/snapd.socket:/b"), bind("/run/snapd.sock:/b")},
	{"BX003", bind("/run/libvirt:/b"), bind("/run/lib:/b")},
	{"BX003", bind("/run/user/1000/bus:/b"), bind("/run/user/1000/bust:/b")},
	{"BX004", bind("/tmp/.X11-unix/X0:/x"), bind("/tmp/X0:/x")},
	{"BX004", bind("/run/user/1000/wayland-0:/w"), bind("/run/user/1000/way:/w")},
	{"BX005", bind("/tmp/ssh-XXXXabc/agent.12:/a"), bind("/tmp/sshd/agent.12:/a")},
	{"BX005", bind("/run/user/1000/gnupg/S.gpg-agent:/a"), bind("/run/user/1000/other:/a")},
	{"BX006", bind("/home/ann:/h"), bind("/home/ann/src:/h")},
	{"BX006", bind("/root:/h:rw"), bind("/rooted:/h")},
	{"BX006", bind("/home:/h"), bind("/homes:/h")},
	{"BX006", bind("/var/home/ann:/h"), bind("/var/homes/ann:/h")},
	{"BX007", bind("/home/ann/.ssh:/k"), bind("/home/ann/.sshrc:/k")},
	{"BX007", bind("/home/ann/.aws/credentials:/k"), bind("/home/ann/aws/credentials:/k")},
	{"BX007", bind("/root/.kube:/k"), bind("/srv/kube:/k")},
	{"BX007", bind("../.env:/k"), bind("../.environment:/k")},
	{"BX007", bind("/home/ann/.config/gh:/k"), bind("/home/ann/.config/ghostty:/k")},
	{"BX007", bind("/home/ann/.config:/k"), bind("/home/ann/config:/k")},
	{"BX008", bind("/home/ann/.bashrc:/b:rw"), bind("/home/ann/.bashrc:/b:ro")},
	{"BX008", bind("./.git:/g:rw"), bind("./.gitignore:/g:rw")},
	{"BX008", bind("./.git/hooks:/g:rw"), bind("./git/hooks:/g:rw")},
	{"BX009", bind("./.git:/g"), bind("./.github:/g")},
	{"BX010", bind(".:/src:rw"), bind(".:/src:ro")},
	{"BX010", bind("./dev.yaml:/b:rw"), bind("./dev.yml:/b:rw")},
	{"BX010", bind("./dev.lock:/b:rw"), bind("./dev.lock:/b")},
	{"BX010", bind("./dev.plan.json:/b:rw"), bind("./plan.json:/b:rw")},
	{"BX010", bind("../..:/src:rw"), bind("../../other:/src:rw")},
	{"BX011", bind("/etc/cron.d:/c:rw"), bind("/etc/cron.d:/c:ro")},
	{"BX011", bind("/usr/local:/u:rw"), bind("/usrlocal:/u:rw")},
	{"BX011", bind("/var/lib/dpkg:/v:rw"), bind("/var/cache:/v:rw")},
	{"BX011", bind("/lib/modules:/m:rw"), bind("/lib/modules:/m")},
	{"BX012", bind("/etc/shadow:/s"), bind("/etc/shells:/s")},
	{"BX012", bind("/etc:/s"), bind("/etc/default:/s")},
	{"BX012", bind("/var/lib/docker/volumes:/s"), bind("/var/lib/dockers:/s")},
	{"BX013", "proc: host-ro", "proc: none"},
	{"BX014", "sys: ro", "sys: none"},
	{"BX015", "devices: [/dev/sda1]", "devices: [/dev/null]"},
	{"BX015", "devices: [/dev/mem]", "devices: [/dev/zero]"},
	{"BX015", "devices: [/dev/mapper/root]", "devices: [/dev/full]"},
	{"BX015", "devices: ['/dev/char/1:1']", "devices: [/dev/full]"},
	{"BX015", "devices: [/dev/bcache0]", "devices: [/dev/full]"},
	{"BX016", "devices: [/dev/kvm]", "devices: [/dev/random]"},
	{"BX016", "devices: [/dev/fuse]", "devices: [/dev/tty]"},
	{"BX017", "namespaces: {user: host}", "namespaces: {user: new}"},
	{"BX018", "namespaces: {pid: host}\nproc: none", "namespaces: {pid: new}\nproc: none"},
	{"BX019", "network: host", "network: none"},
	{"BX019", "network: {join: /proc/1/ns/net}", "network: none"},
	{"BX019", "network: {join: /proc/self/ns/net}", "network: none"},
	{"BX019", "network: {join: /proc/thread-self/ns/net}", "network: none"},
	{"BX019", "network: {join: /proc/1/task/1/ns/net}", "network: none"},
	{"BX019", "network: {join: ../../../../../proc/self/task/7/ns/net}", "network: none"},
	{"BX020", "namespaces: {ipc: {join: /proc/self/ns/ipc}}", "namespaces: {ipc: new}"},
	{"BX020", "namespaces: {ipc: host}", "namespaces: {ipc: new}"},
	{"BX021", "namespaces: {uts: host}", "namespaces: {uts: new}"},
	{"BX022", "namespaces: {cgroup: host}", "namespaces: {cgroup: new}"},
	{"BX023", idmap(0, 1), idmap(1000, 1)},
	{"BX023", idmap(999, 1), idmap(100000, 65536)},
	{"BX023", idmap(100000, 65537), "idmap: subuid"},
	{"BX024", "network: outbound", "network: {mode: none, hosts: {a.example: 192.0.2.1}}"},
	{"BX025", "ports: ['0.0.0.0:8080:80']", "ports: ['8080:80']"},
	{"BX025", "ports: ['[::]:8080:80']", "ports: ['[::1]:8080:80']"},
	{"BX025", "ports: ['192.0.2.1:8080:80']", "ports: ['127.9.9.9:8080:80']"},
	{"BX026", "ports: ['443:80']", "ports: ['1024:80']"},
	{"BX026", "ports: ['1023:80']", "ports: ['0:80']"},
	{"BX027", "rootfs: {host: true, enter: chroot}", "rootfs: {host: true, enter: pivot_root}"},
	{"BX028", caps("SYS_ADMIN"), caps("")},
	{"BX029", caps("SYS_PTRACE"), caps("")},
	{"BX030", caps("SYS_MODULE, BPF"), caps("")},
	{"BX031", caps("NET_ADMIN"), caps("")},
	{"BX032", caps("DAC_OVERRIDE"), caps("")},
	{"BX033", caps("SYS_NICE"), caps("")},
	{"BX033", "security: {capabilities: default}", "security: {capabilities: none}"},
	{"BX034", "security: {seccomp: none}", "security: {seccomp: default}"},
	{"BX035", "security: {seccomp: ./open.json}", "security: {seccomp: ./tight.json}"},
	{"BX035", "security: {seccomp: ./clone.json}", "security: {seccomp: ./tight.json}"},
	{"BX035", "security: {seccomp: ./clone.json}", "security: {seccomp: ./default.json}"},
	{"BX036", "security: {no_new_privs: false}", "security: {no_new_privs: true}"},
	{"BX037", "resources: {pids: 64}", "resources: {pids: 64, memory: 1G}"},
	{"BX037", "resources: {memory_high: 1G}", "resources: {memory: 1G}"},
	{"BX038", "rlimits: {nproc: unlimited}\nresources: {memory: 1G}", "rlimits: {nproc: 4096}\nresources: {memory: 1G}"},
	{"BX039", "resources: {memory: 1G, enforce: best-effort}", "resources: {memory: 1G, enforce: strict}"},
	{"BX039", "security: {landlock: best-effort}", "security: {landlock: true}"},
	{"BX040", "resources: {memory: 1G, unified: {cpu.idle: 1}}", "resources: {memory: 1G, cpu_weight: 1}"},
	{"BX041", "env: {DB_PASSWORD: hunter2}", "env: {DB_PASSWORD_FILE: /run/password}"},
	{"BX041", "env: {SMTP_PASS: hunter2}", "env: {BYPASS: hunter2}"},
	{"BX041", "env: {AWS_SECRET_ACCESS_KEY: abc}", "env: {AWS_REGION: eu-west-1}"},
	{"BX041", "env: {AWS_ACCESS_KEY_ID: abc}", "env: {KEY_ID: abc}"},
	{"BX041", "env: {X: AKIAIOSFODNN7EXAMPLE}", "env: {X: AKIA}"},
	{"BX041", "env: {U: 'postgres://me:pw@db/x'}", "env: {U: 'postgres://me@db/x'}"},
	{"BX041", "shell: 'curl https://u:p@h/'", "shell: 'curl https://u:$P@h/'"},
	{"BX041", "mounts: [{type: file, target: /k, content: \"-----BEGIN OPENSSH PRIVATE KEY-----\\n\"}]", "mounts: [{type: file, target: /k, content: \"-----BEGIN PUBLIC KEY-----\\n\"}]"},
	{"BX041", "env: {TOKEN: abc}", "inputs: {KEY: {secret: true}}\nenv: {TOKEN: '${{ inputs.KEY }}'}"},
	{"BX041", "env: {TOKEN: abc}", "env: {TOKEN: ''}"},
	{"BX041", "env: {MYSQL_ROOT_PASSWORD: root}", "env: {MYSQL_ALLOW_EMPTY_PASSWORD: 'Yes'}"},
	{"BX042", "env_pass: [GITHUB_TOKEN]", "env_pass: [LANG]"},
	{"BX042", "env_pass: [PGPASSWORD]", "env_pass: [PASSWORD_STORE_DIR]"},
	{"BX043", "mounts: [{type: tmpfs, target: /etc}]", "mounts: [{type: tmpfs, target: /tmp}]"},
	{"BX043", bind("./usr:/usr"), bind("./usr:/opt/usr")},
	{"BX044", "rootfs: {host: true, write: {keep: ./kept}}", "rootfs: {host: true, write: discard}"},
	{"BX047", "mounts: ['./src:/src:rw', './hooks:/src/conf/hooks']", "mounts: ['./src:/src:rw', './hooks:/src/hooks']"},
	{"BX047", "mounts: ['./src:/src:rw', {type: file, target: /src/a/b, content: x}]", "mounts: ['./src:/src', {type: file, target: /src/a/b, content: x}]"},
	{"BX047", "mounts: ['./src:/src:rw']\nsecurity: {readonly: [/src/a/b/c]}", "mounts: ['./src:/src:rw', './a:/src/a:rw', './b:/src/a/b:rw']\nsecurity: {readonly: [/src/a/b/c]}"},
	{"BX047", "mounts: ['./src:/src:rw']\nsecurity: {mask: [/src/a/b]}", "mounts: ['./src:/src:rw', {type: tmpfs, target: /src/a}]\nsecurity: {mask: [/src/a/b]}"},
	{"BX046", "network: {join: /run/netns/vpn}", "network: none"},
	{"BX046", "namespaces: {ipc: {join: /proc/4711/ns/ipc}}", "namespaces: {ipc: new}"},
	{"BX045", "mounts: [{source: ./a, target: /a, optional: true}]", "mounts: [{source: ./a, target: /a}]"},
}

func caps(list string) string { return "security: {capabilities: [" + list + "]}" }

func idmap(host, size int) string {
	return fmt.Sprintf("idmap: {uids: [{box: 0, host: 2000, size: 1}, {box: 1, host: %d, size: %d}], gids: [{box: 0, host: 2000, size: 1}]}", host, size)
}

func ids(p *plan.Plan) []string {
	var out []string
	for _, f := range risk.Find(p) {
		out = append(out, f.ID)
	}
	return out
}

func TestEachRiskIsFoundAloneAndItsTwinIsNot(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		t.Run(r.id+" "+r.risky, func(t *testing.T) {
			p, twin := compile(t, boxfile(r.risky)), compile(t, boxfile(r.twin))
			if got := ids(p); !slices.Equal(got, []string{r.id}) {
				t.Errorf("%v, want %s\n%s", details(p), r.id, r.risky)
			}
			if got := ids(twin); len(got) > 0 {
				t.Errorf("the twin has %v\n%s", details(twin), r.twin)
			}
		})
		seen[r.id] = true
	}
	for _, id := range risk.IDs() {
		if !seen[id] {
			t.Errorf("no row makes %s", id)
		}
	}
}

func details(p *plan.Plan) []string {
	var out []string
	for _, f := range risk.Find(p) {
		out = append(out, f.ID+" "+f.Detail(func(s string) string { return s }))
	}
	return out
}

// One directory may hold several sockets: each kind is told, once.
func TestADirectoryBringsTheSocketsThatAreInIt(t *testing.T) {
	for mount, want := range map[string][]string{
		"/run:/r":           {"BX002", "BX003", "BX004", "BX005", "BX012"},
		"/var/run:/r":       {"BX002", "BX003", "BX004", "BX005", "BX012"},
		"/run/user/1000:/r": {"BX002", "BX003", "BX004", "BX005"},
		"/tmp:/r":           {"BX004", "BX005"},
		"/var/lib:/r":       {"BX002", "BX012"},
	} {
		if got := ids(compile(t, boxfile(bind(mount)))); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", mount, got, want)
		}
	}
}

// A finding says what brings it, and the line.
func TestAFindingHasItsStepAndPlace(t *testing.T) {
	p := compile(t, "boxfile: 1\nshell: 'true'\nmounts:\n- ./a:/a\n- /run/docker.sock:/s:rw\n")
	f := risk.Find(p)[0]
	if _, ok := p.Steps[f.Step].(*plan.Mount); !ok || f.ID != "BX002" || f.Position.Line != 5 || f.Position.Key != "mounts[1]" || f.Info().Severity != risk.High {
		t.Errorf("%+v", f)
	}
	if d := f.Detail(strings.ToUpper); d != "/RUN/DOCKER.SOCK at /S, read-write" {
		t.Error(d)
	}
	last := risk.Find(p)[1]
	if last.ID != "BX037" || last.Step != -1 || !last.Position.IsDefault() {
		t.Errorf("%+v", last)
	}
}

// The value of a secret is in no finding.
func TestSecretsAreNotRepeated(t *testing.T) {
	for _, lines := range []string{"env: {PASSWORD: hunter2}", "env: {X: ghp_hunter2hunter2hunter2hunter2hunter2hunter2}", "shell: 'curl https://u:hunter2@h/'",
		"mounts: [{type: file, target: /k, content: \"-----BEGIN RSA PRIVATE KEY-----\\nhunter2\"}]"} {
		p := compile(t, boxfile(lines))
		if got := strings.Join(details(p), "\n"); !strings.Contains(got, "BX041") || strings.Contains(got, "hunter2") {
			t.Errorf("%s\n%s", lines, got)
		}
	}
}

// The order of keys is nobody's business.
func TestTheOrderOfKeysDoesNotMatter(t *testing.T) {
	parts := []string{"network: host", "sys: ro", "env: {A_TOKEN: x, B_TOKEN: y}", "devices: [/dev/kvm, /dev/sda]", "security: {seccomp: none, no_new_privs: false, capabilities: [SYS_ADMIN, KILL]}",
		"mounts: [/run/docker.sock:/a, /etc:/b, .:/c:rw]", "resources: {enforce: best-effort, unified: {cpu.idle: 1}}", "namespaces: {ipc: host, uts: host}"}
	want := details(compile(t, "boxfile: 1\nshell: ls\n"+strings.Join(parts, "\n")+"\n"))
	if len(want) < 15 {
		t.Fatalf("only %v", want)
	}
	for range parts {
		parts = append(parts[1:], parts[0])
		if got := details(compile(t, strings.Join(parts, "\n")+"\nboxfile: 1\nshell: ls\n")); !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%v\nwant %v", got, want)
		}
	}
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}

// New risks are those of things that the older plan does not have.
func TestNewRisksAreToldApart(t *testing.T) {
	older := compile(t, boxfile("mounts: [/run/docker.sock:/s, /etc:/e]\nnetwork: host"))
	newer := compile(t, boxfile("network: host\nmounts: [/etc:/e, /x:/x, /run/docker.sock:/s:rw, /home/ann:/h]"))
	var got []string
	for _, f := range risk.New(older, newer) {
		got = append(got, f.ID)
	}
	if want := []string{"BX002", "BX006"}; !slices.Equal(got, want) { // the socket is writable now
		t.Errorf("%v, want %v", got, want)
	}
	if n := risk.New(newer, newer); len(n) > 0 {
		t.Errorf("a plan has risks that it has not: %v", n)
	}
	none := &plan.Plan{}
	if gone := risk.New(newer, none); len(gone) > 0 {
		t.Errorf("a box that is gone has new risks: %v", gone)
	}
	if a, b := risk.New(none, newer), risk.Find(newer); len(a) != len(b) {
		t.Errorf("%d of %d risks are new where there was no box", len(a), len(b))
	}
	if a, b := risk.New(nil, newer), risk.Find(newer); len(a) != len(b) {
		t.Errorf("%d of %d risks are new where there was nothing", len(a), len(b))
	}
}

// A waiver holds through its last day, and for its risk only.
func TestWaivers(t *testing.T) {
	p := compile(t, boxfile("network: host\nsys: ro\nwaive:\n- {risk: BX019, reason: it is the proxy, until: 2027-01-31}\n- {risk: BX002, reason: none is here}\n"))
	for today, want := range map[string]string{
		"":           "open BX014; waived BX019; expired ; unused BX002",
		"2027-01-31": "open BX014; waived BX019; expired ; unused BX002",
		"2027-02-01": "open BX019 BX014; waived ; expired BX019; unused BX002",
	} {
		v := risk.Judge(p, today)
		text := "open"
		for _, f := range v.Open {
			text += " " + f.ID
		}
		text += "; waived "
		for _, w := range v.Waived {
			text += w.ID
			if w.Waiver.Reason != "it is the proxy" || w.Waiver.Line != 7 {
				t.Errorf("%+v", w.Waiver)
			}
		}
		text += "; expired "
		for _, w := range v.Expired {
			text += w.Risk
		}
		text += "; unused "
		for _, w := range v.Unused {
			text += w.Risk
		}
		if text != want {
			t.Errorf("%s: %s, want %s", today, text, want)
		}
	}
}

// Waivers change no step, come back from a saved plan, and are not in the digest.
func TestWaiversAreBesideThePlan(t *testing.T) {
	with, without := compile(t, boxfile("sys: ro\nwaive: [{risk: BX014, reason: a}]")), compile(t, boxfile("sys: ro"))
	a, _ := with.Digest()
	if b, _ := without.Digest(); a != b {
		t.Errorf("%s and %s", a, b)
	}
	var buf bytes.Buffer
	if err := with.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	back, err := plan.Decode(&buf)
	if err != nil || !slices.Equal(back.Waivers, with.Waivers) || len(back.Waivers) != 1 {
		t.Errorf("%v, %v", back, err)
	}
}

var section = regexp.MustCompile(`(?m)^## (BX\d{3}): (.+)$`)

// docs/risks.md has a section for each id, in their order, with the title and
// severity of the table, and each says what to write instead.
func TestEveryRiskHasItsSection(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "risks.md"))
	if err != nil {
		t.Skip("the repository is not here, only the test binary")
	}
	heads := section.FindAllStringSubmatchIndex(string(page), -1)
	if len(heads) != len(risk.Table()) {
		t.Fatalf("%d sections for %d risks", len(heads), len(risk.Table()))
	}
	for i, r := range risk.Table() {
		if row := fmt.Sprintf("| [%s](#%s) | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Severity, r.Title); !strings.Contains(string(page), row) {
			t.Errorf("the table of the page lacks %s", row)
		}
		if want := fmt.Sprintf("BX%03d", i+1); r.ID != want {
			t.Errorf("%s is in the place of %s", r.ID, want)
		}
		h := heads[i]
		id, title := string(page[h[2]:h[3]]), string(page[h[4]:h[5]])
		if id != r.ID || title != r.Title {
			t.Errorf("the section %q is %q in the table: %q", id, r.ID, r.Title)
		}
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		text := string(page[h[1]:end])
		for _, want := range []string{`<a id="` + strings.ToLower(r.ID) + `"></a>`, "**" + r.Severity.String() + "**", "**Why.** ", "**Instead.** "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q", r.ID, want)
			}
		}
	}
}

func BenchmarkManyMounts(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "- /srv/some/where/%d:/b/%d:rw\n", i, i)
	}
	p := compile(b, boxfile("mounts:\n"+text.String()))
	for b.Loop() {
		risk.Find(p)
	}
}

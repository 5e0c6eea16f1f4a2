//go:build linux

package escape

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// peer is another program that makes boxes, at its defaults: with no option beyond
// those without which the probe would not run.
type peer struct {
	name, program string
	root, user    bool // who can run it here
	optional      bool // not packaged, or too large to be installed for this
	command       func(x *trial) []string
}

func peers() []peer {
	return []peer{
		{name: "bwrap", program: "bwrap", root: true, user: true, command: func(x *trial) []string {
			return []string{"bwrap", "--ro-bind", x.path("root"), "/", "--proc", "/proc", "--dev", "/dev", "/probe", "introspect"}
		}},
		{name: "nsjail", program: "nsjail", root: true, user: true, optional: true, command: func(x *trial) []string {
			return []string{"nsjail", "-Mo", "-Q", "--chroot", x.path("root"), "--", "/probe", "introspect"}
		}},
		{name: "crun", program: "crun", root: true, command: func(x *trial) []string {
			x.bundle("crun")
			// it refuses a v2 hierarchy with controllers beside v1
			return []string{"unshare", "--mount", "sh", "-c", `umount -l /sys/fs/cgroup/unified 2>/dev/null; exec "$@"`, "sh",
				"crun", "--root", x.path("state"), "--cgroup-manager=disabled", "run", "--bundle", x.path("bundle"), boxName()}
		}},
		{name: "runc", program: "runc", root: true, user: true, command: func(x *trial) []string {
			x.bundle("runc")
			return []string{"runc", "--root", x.path("state"), "run", "--bundle", x.path("bundle"), boxName()}
		}},
		{name: "podman", program: "podman", root: true, optional: true, command: func(x *trial) []string {
			return []string{"podman", "--cgroup-manager=cgroupfs", "run", "--rm", "--network=none", "--rootfs", x.path("root"), "/probe", "introspect"}
		}},
		{name: "firejail", program: "firejail", user: true, // root gets another profile, which hides the tests' folder
			command: func(x *trial) []string {
				return []string{"firejail", "--quiet", x.path("root", probeName), "introspect"}
			}},
		{name: "nspawn", program: "systemd-nspawn", root: true, command: func(x *trial) []string {
			x.file("root/usr/", "")
			return []string{"systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory", x.path("root"), "--machine", boxName(), "/probe", "introspect"}
		}},
	}
}

// bundle makes what the runtime itself proposes, for the probe.
func (x *trial) bundle(runtime string) {
	x.t.Helper()
	x.file("bundle/", "")
	x.file("state/", "")
	words := []string{runtime, "spec", "--bundle", x.path("bundle")}
	if x.caller != nil || os.Getuid() != 0 {
		words = append(words, "--rootless")
	}
	if r := x.run(box{}, words...); r.code != 0 {
		x.t.Fatalf("%q: exit %d: %s%s", words, r.code, r.stdout, r.stderr)
	}
	file := x.path("bundle", "config.json")
	text, err := os.ReadFile(file)
	x.must(err)
	var config map[string]any
	x.must(json.Unmarshal(text, &config))
	process, _ := config["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/probe", "introspect"}
	root, _ := config["root"].(map[string]any)
	root["path"] = x.path("root")
	text, err = json.Marshal(config)
	x.must(err)
	x.must(os.WriteFile(file, text, 0o644))
	x.own()
}

// defaultYAML is a box with nothing but the command, and what the command is.
const defaultYAML = "mounts: ['./root/probe:/probe']\n"

// No peer's default is tighter than boxfile's on any line, or the line has a reason.
func TestNoPeersDefaultIsTighter(t *testing.T) {
	for _, c := range configs()[:2] {
		t.Run(c.name, func(t *testing.T) {
			c.need(t)
			x := newTrial(t, c)
			outside := x.introspect(box{outside: true, args: []string{shared.probe, "introspect"}})
			before := x.host()
			own := facts(x.introspect(box{yaml: defaultYAML}), outside)
			table := []column{{"boxfile", own}}
			for _, p := range peers() {
				if as := (x.caller == nil && os.Getuid() == 0); as && !p.root || !as && !p.user {
					continue
				}
				t.Run(p.name, func(t *testing.T) {
					if _, err := exec.LookPath(p.program); err != nil {
						if p.optional {
							t.Skip(p.program + " is not installed")
						}
						fixture.Skip(t, p.program+" is not installed")
					}
					y := newTrial(t, c)
					before, groups := y.host(), cgroups()
					r := y.run(box{}, p.command(y)...)
					y.removeCgroups(groups)
					var i introspection
					if err := json.Unmarshal([]byte(r.stdout), &i); err != nil {
						t.Fatalf("exit %d: %v\n%s%s", r.code, err, r.stdout, r.stderr)
					}
					theirs := facts(i, outside)
					table = append(table, column{p.name, theirs})
					for _, l := range tighter(own, theirs) {
						if reason := accepted(p.name, l); reason != "" {
							t.Logf("tighter: %s: %s", l, reason)
						} else {
							t.Errorf("tighter than boxfile: %s", l)
						}
					}
					y.nothingLeft(before)
					for _, p := range y.problems {
						t.Error(p)
					}
				})
			}
			x.nothingLeft(before)
			for _, p := range x.problems {
				t.Error(p)
			}
			t.Log(render(table))
		})
	}
}

// The comparison can fail: bubblewrap's filter would be missed, were it boxfile that has none.
func TestPeersCanBeTighter(t *testing.T) {
	c := configs()[1]
	c.need(t)
	x := newTrial(t, c)
	outside := x.introspect(box{outside: true, args: []string{shared.probe, "introspect"}})
	own := facts(x.introspect(box{yaml: defaultYAML}), outside)
	for name, yaml := range map[string]string{"seccomp": "security: {seccomp: none}\n", "namespaces": "network: host\n", "capabilities": "security: {capabilities: default}\n",
		"environment": "env: {A: b}\n", "limits": "rlimits: {core: unlimited}\n", "root": "rootfs: {host: true, write: discard}\n", "open": "proc: new\nsys: ro\n"} {
		weak := facts(x.introspect(box{yaml: defaultYAML + yaml}), outside)
		if lines := tighter(weak, own); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name) }) {
			t.Errorf("%s is not missed: %q", strings.TrimSpace(yaml), lines)
		}
	}
	for _, p := range x.problems {
		t.Error(p)
	}
}

func (x *trial) introspect(b box) introspection {
	x.t.Helper()
	var i introspection
	r := x.up(b, "introspect")
	if err := json.Unmarshal([]byte(r.stdout), &i); err != nil {
		x.t.Fatalf("exit %d: %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return i
}

// cgroups lists all there are.
func cgroups() map[string]bool {
	all := map[string]bool{}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(p string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all[p] = true
		}
		return nil
	})
	return all
}

// removeCgroups removes what a peer has left: those that bear its box's name, and systemd-nspawn's two.
func (x *trial) removeCgroups(before map[string]bool) {
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		var left []string
		for p := range cgroups() {
			if name := filepath.Base(p); !before[p] && (name == "payload" || name == "supervisor" || strings.Contains(name, boxName())) {
				left = append(left, p)
			}
		}
		if len(left) == 0 {
			return
		}
		slices.Sort(left)
		var err error
		for _, p := range slices.Backward(left) {
			err = os.Remove(p) // it may not be empty yet
		}
		if err != nil && time.Now().After(end) {
			x.fail("the peer has left %q: %v", left, err)
			return
		}
	}
}

// fact is a line of the comparison: the less, the tighter.
type fact struct {
	line string
	has  []string          // what is there
	most map[string]uint64 // how much of it
}

func facts(i, outside introspection) []fact {
	status := func(names ...string) []string {
		var all []string
		for _, n := range names {
			bits, _ := strconv.ParseUint(i.Status[n], 16, 64)
			for b := range 64 {
				if bits&(1<<b) != 0 {
					all = append(all, fmt.Sprintf("%s %d", n, b))
				}
			}
		}
		return all
	}
	unless := func(no bool, what ...string) []string {
		if no {
			return nil
		}
		return what
	}
	var shared, fds, devices []string
	for n, id := range i.Namespaces {
		if id == outside.Namespaces[n] && !strings.HasSuffix(n, "_for_children") {
			shared = append(shared, n)
		}
	}
	for fd := range i.FDs {
		fds = append(fds, fd)
	}
	for name, d := range i.Devices {
		if !strings.HasPrefix(d, "100000") && !strings.HasPrefix(d, "40000") && !strings.HasPrefix(d, "120000") {
			devices = append(devices, name)
		}
	}
	return []fact{
		{line: "namespaces shared with the host", has: shared},
		{line: "capabilities", has: status("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
		{line: "new privileges", has: unless(i.Status["NoNewPrivs"] == "1", "possible")},
		{line: "seccomp", has: unless(i.Status["Seccomp"] == "2", "none")},
		{line: "descriptors", has: fds},
		{line: "keyring of the caller", has: unless(i.Keyring == "" || i.Keyring != outside.Keyring, i.Keyring)},
		{line: "session of the caller", has: unless(i.Session > 0, "shared")},
		{line: "environment", most: map[string]uint64{"variables": uint64(len(i.Env))}},
		{line: "processes", most: map[string]uint64{"visible": uint64(i.Processes)}},
		{line: "interfaces", has: i.Interfaces},
		{line: "root", has: unless(!i.RootWrites, "writable")},
		{line: "devices", has: devices},
		{line: "process 1", has: i.First},
		{line: "limits", most: i.Limits},
		{line: "open", has: i.Open},
	}
}

// tighter is the lines on which theirs has less than own.
func tighter(own, theirs []fact) []string {
	var all []string
	for n, o := range own {
		for _, h := range o.has {
			if !slices.Contains(theirs[n].has, h) {
				all = append(all, o.line+": "+h)
			}
		}
		for k, v := range o.most {
			if v > theirs[n].most[k] {
				all = append(all, fmt.Sprintf("%s: %s: %d instead of %d", o.line, k, v, theirs[n].most[k]))
			}
		}
	}
	slices.Sort(all)
	return all
}

type column struct {
	name  string
	facts []fact
}

// render is the table that make peers prints.
func render(table []column) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-32s", "")
	for _, c := range table {
		fmt.Fprintf(&b, "%-10s", c.name)
	}
	for n, f := range table[0].facts {
		if f.line == "limits" {
			continue
		}
		fmt.Fprintf(&b, "\n%-32s", f.line)
		for _, c := range table {
			n := uint64(len(c.facts[n].has))
			for _, v := range c.facts[slices.IndexFunc(c.facts, func(g fact) bool { return g.line == f.line })].most {
				n = v
			}
			fmt.Fprintf(&b, "%-10d", n)
		}
	}
	return b.String()
}

// accepted is why a line may be tighter elsewhere.
func accepted(peer, line string) string {
	for _, a := range acceptedLines {
		if (a.peer == "" || a.peer == peer) && strings.HasPrefix(line, a.line) {
			return a.reason
		}
	}
	return ""
}

var acceptedLines = []struct{ peer, line, reason string }{
	{"", "limits: nofile", "a program that works with many files raises its own limit, up to the caller's; rlimits: {nofile: 1024} says otherwise"},
	{"", "processes", "process 1 is boxfile's own, which reaps what the command does not; init: false says otherwise"},
	{"firejail", "open: r:/proc/sys/kernel/core_pattern", "it can be read only, and is no secret"},
	{"firejail", "open: r:/proc/sys/vm/panic_on_oom", "it can be read only, and is no secret"},
	{"nsjail", "environment", "programs look for PATH and HOME"},
	{"nsjail", "devices", "programs cannot do without a /dev"},
	{"nsjail", "limits", "its bounds of time, memory and sizes end honest programs; resources and rlimits have them"},
}

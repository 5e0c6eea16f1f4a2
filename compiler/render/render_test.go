package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

func bound(n uint64) *uint64 { return &n }

// everyKind has a step of each kind, with operands that are hard to show.
func everyKind() *plan.Plan {
	p := &plan.Plan{Name: "every", File: "every.yaml"}
	for i, s := range []plan.Step{
		&plan.CreateSource{Path: "./cache dir", Type: "dir"}, &plan.Keep{Dir: "./kept"},
		&plan.Cgroup{BestEffort: true}, &plan.Limit{Resource: "memory", Value: bound(64 << 20)}, &plan.Limit{Resource: "memory_high", Value: bound(1 << 20)},
		&plan.Limit{Resource: "swap", Value: bound(0), Optional: true}, &plan.Limit{Resource: "swap"}, &plan.Limit{Resource: "cpus", Value: bound(150000)},
		&plan.Limit{Resource: "cpu_weight", Value: bound(200)}, &plan.Limit{Resource: "pids", Value: bound(64)}, &plan.CPUSet{CPUs: "0-3,6"},
		&plan.IO{Device: "./my data", ReadBPS: bound(10 << 20), WriteBPS: bound(1), ReadIOPS: bound(2), WriteIOPS: bound(3), Weight: bound(2000)}, &plan.IO{Device: "/dev/sda", Weight: bound(7)},
		&plan.OOM{Kill: "box"}, &plan.CgroupFile{File: "memory.low", Value: "6 M"}, &plan.Timeout{After: 90e9, Signal: "TERM", Grace: 10e9},
		&plan.IDMapRanges{Mode: "ranges", UIDs: []plan.IDRange{{Box: 0, Host: 1000, Size: 1}, {Box: 1, Host: 100000, Size: 65536}}, GIDs: []plan.IDRange{{Box: 0, Host: 1000, Size: 1}}},
		&plan.CloseFDs{}, &plan.Session{}, &plan.Unshare{Namespaces: []string{"user", "mount", "pid"}}, &plan.IDMap{UID: 0, GID: 0},
		&plan.Propagation{Mode: "private"}, &plan.Rootfs{Type: "dir", Source: "./rootfs", Options: []string{"nodev", "nosuid"}, Write: "keep", Keep: "./kept"},
		&plan.System{Path: "/usr", Write: "none"}, &plan.System{Path: "/bin", Write: "discard"},
		&plan.Mount{Type: "bind", Source: "./it's", Target: "/src", ReadOnly: true, Options: []string{"nodev", "nosuid"}, Optional: true},
		&plan.Mount{Type: "tmpfs", Target: "/tmp", Options: []string{"nodev", "nosuid"}, Size: 64 << 20, Perms: "1777"},
		&plan.Mount{Type: "overlay", Target: "/o", ReadOnly: true, Options: []string{}, Lower: []string{"./a", "./b"}, Write: "none"},
		&plan.File{Target: "/etc/motd", Content: "one\ntwo\n", Perms: "0644", ReadOnly: true}, &plan.File{Target: "/x", Content: "\x1b[2Jclear\n", Perms: "0600"},
		&plan.Symlink{Target: "/l", Link: "../x"}, &plan.Dir{Target: "/d", Perms: "0755"},
		&plan.Dev{Nodes: []string{"null", "zero"}, ShmSize: 64 << 20}, &plan.Device{Path: "/dev/kmsg"},
		&plan.PivotRoot{}, &plan.Chroot{}, &plan.Mask{Paths: []string{"/proc/kcore"}, Optional: true}, &plan.Readonly{Paths: []string{"/etc"}},
		&plan.Publish{Address: "0.0.0.0", Host: 8080, Box: 80, Count: 1, Protocol: "tcp"}, &plan.Publish{Address: "::1", Host: 0, Box: 81, Count: 1, Protocol: "udp"},
		&plan.Outbound{DNS: "10.0.2.3"}, &plan.Publish{Address: "192.0.2.1", Host: 8000, Box: 9000, Count: 10, Protocol: "tcp"},
		&plan.Hostname{Name: "every"}, &plan.Loopback{}, &plan.PortAddress{Box: []string{"169.254.1.2"}, Host: []string{"169.254.1.1"}, UDP: "169.254.64.0/18"}, &plan.BlockLoopback{}, &plan.Rlimit{Name: "core", Soft: bound(0), Hard: bound(0)},
		&plan.Rlimit{Name: "nofile", Soft: bound(1024), AtMost: true}, &plan.Umask{Mask: "0022"}, &plan.Groups{GIDs: []uint32{}, Kept: true},
		&plan.Groups{GIDs: []uint32{4, 27}}, &plan.User{UID: 1000, GID: 1000}, &plan.Workdir{Path: "/src"},
		&plan.Capabilities{Bounding: []string{"CHOWN"}, Permitted: []string{}, Effective: []string{}, Inheritable: []string{}, Ambient: []string{}},
		&plan.NoNewPrivs{}, &plan.TTY{}, &plan.Init{}, &plan.Env{Name: "A", Value: []plan.EnvPart{{Text: "a b"}}}, &plan.Env{Name: "LANG", Pass: "always"},
		&plan.Env{Name: "TERM", Pass: "tty"}, &plan.Env{Name: "AUTH", Value: []plan.EnvPart{{Text: "Bearer "}, {Secret: "TOKEN"}}},
		&plan.Exec{Args: []string{"/bin/sh", "-c", "echo one\necho two\n"}},
	} {
		at := plan.Position{Line: i + 1, Col: 3, Key: "x"}
		if i%3 == 0 {
			at = plan.Position{}
		}
		p.Add(s, at)
	}
	return p
}

func TestTextNumbersEveryStepAndNamesItsPlace(t *testing.T) {
	var b bytes.Buffer
	p := everyKind()
	if err := render.Text(&b, p); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"box     every\n", "file    every.yaml\n", "digest  sha256:", "host side\n", "box side\n", "default\n", "every.yaml:2:3\n", "| two\n",
		`AUTH = "Bearer " (secret input TOKEN)`, "LANG = (caller's LANG)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	for _, want := range []string{"make a cgroup for the box; what cannot be enforced is told and left", "memory limit 64 MiB ", "memory is reclaimed above 1 MiB ", "swap limit 0 (where the host has swap) ",
		"swap unlimited ", "cpu limit 1.5 CPUs (150 ms in each 100 ms) ", "cpu weight 200 ", "pids limit 64 ", "CPU 0-3,6 only ", `io of the disk below "./my data": read 10 MiB/s, write 1 bytes/s,`,
		"io of /dev/sda: weight 7 ", "the memory limit ends the whole box ", `memory.low = "6 M" (cgroup v2) `, "end the box after 90s: TERM, after 10s KILL "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\n"); n < len(p.Steps) {
		t.Errorf("%d lines for %d steps", n, len(p.Steps))
	}
}

func TestEveryKindHasWords(t *testing.T) {
	for _, k := range plan.Kinds() {
		if w := render.Words(k.New()); k.Name != "exec" && w == "" || strings.Contains(w, "%!") || strings.Contains(w, "\n") {
			t.Errorf("%s: %q", k.Name, w)
		}
	}
	for _, s := range everyKind().Steps {
		if w := render.Words(s); w == "" || strings.ContainsAny(w, "\n\x1b") || strings.Contains(w, "%!") {
			t.Errorf("%T: %q", s, w)
		}
	}
}

// A terminal obeys escape sequences and hides what has no shape (CVE-2021-42574).
func TestABoxfileCannotPaintOverATerminal(t *testing.T) {
	for _, evil := range []string{"\x1b]0;title\a", "\rhidden", "a\u202eb", "\u200b", "\u3164", "\u2800", "a\ufe0f", "a\U000e0101", "e\u0301", "s\u0336", "\u180b", "\x9b2J", "\xff", "a\nb\x1b[1A", "\u0085", "\u2028", "\x7f"} {
		p := &plan.Plan{Name: evil, File: evil + ".yaml"}
		p.Add(&plan.Exec{Args: []string{evil, evil}}, plan.Position{Line: 1, Col: 1})
		p.Add(&plan.File{Target: evil, Content: evil, Perms: evil}, plan.Position{})
		p.Add(&plan.Mount{Type: evil, Source: evil, Target: evil, Options: []string{evil}, Lower: []string{evil}, Write: evil}, plan.Position{})
		p.Add(&plan.Env{Name: evil, Value: []plan.EnvPart{{Text: evil}, {Secret: evil}}}, plan.Position{})
		p.Add(&plan.Capabilities{Bounding: []string{evil}}, plan.Position{})
		p.Add(&plan.Limit{Resource: evil, Optional: true}, plan.Position{})
		p.Add(&plan.CPUSet{CPUs: evil}, plan.Position{})
		p.Add(&plan.IO{Device: evil}, plan.Position{})
		p.Add(&plan.OOM{Kill: evil}, plan.Position{})
		p.Add(&plan.CgroupFile{File: evil, Value: evil}, plan.Position{})
		p.Add(&plan.Timeout{Signal: evil}, plan.Position{})
		var b bytes.Buffer
		if err := render.Text(&b, p); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), evil) {
			t.Errorf("%q is shown as it is in\n%s", evil, b.String())
		}
	}
}

func TestJSONIsWhatDecodeReads(t *testing.T) {
	var b bytes.Buffer
	p := everyKind()
	if err := render.JSON(&b, p); err != nil {
		t.Fatal(err)
	}
	back, err := plan.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := p.Digest()
	if y, _ := back.Digest(); x != y {
		t.Errorf("digest %s became %s", x, y)
	}
}

//go:build unix

package editor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/schema"
)

func boxURI(kind string, i int) string { return fmt.Sprintf("file:///boxes/%s%d.yaml", kind, i) }

// One server answers for all: it takes a second to start.
func TestAnEditor(t *testing.T) {
	s := start(t)
	t.Run("tells mistakes", func(t *testing.T) { tells(t, s) })
	t.Run("offers keys and values", func(t *testing.T) { offers(t, s) })
	t.Run("writes examples", func(t *testing.T) { writes(t, s) })
	t.Run("explains keys", func(t *testing.T) { explains(t, s) })
	t.Run("finds nothing in the examples", func(t *testing.T) { finds(t, s) })
}

// The examples name their schema themselves, and have nothing wrong but what docs/editors.md explains.
func finds(t *testing.T, s *server) {
	files, err := filepath.Glob("../../../../examples/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), "examples", err)
	}
	texts := map[string]string{}
	for _, f := range files {
		path, err := filepath.Abs(f)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts["file://"+path] = string(text)
		s.open("file://"+path, string(text))
	}
	explained := 0
	for uri, text := range texts {
		for _, said := range s.verdict(uri) {
			number, _, _ := strings.Cut(said, ":")
			at, err := strconv.Atoi(number)
			if err == nil && strings.Contains(said, "Incorrect type") && strings.Contains(strings.Split(text, "\n")[at-1], "${{ inputs.") {
				explained++ // an input in the place of a number
				continue
			}
			t.Errorf("%s:%s", filepath.Base(uri), said)
		}
		marked := strings.Replace(text, "\nboxfile:", "\nbox‸file:", 1)
		if got := s.hover(uri+".copy.yaml", marked); !strings.Contains(got, "Version of the language") {
			t.Errorf("%s: its schema was not found: %q", filepath.Base(uri), got)
		}
	}
	if explained == 0 {
		t.Error("no example has an input in the place of a number: docs/editors.md explains what nobody sees")
	}
}

// A wrong key or value is told at its line, with its name or with what is possible.
func tells(t *testing.T, s *server) {
	rows := []struct{ text, want string }{
		{"boxfile: 1\nshel: x\n", "2: Property shel is not allowed."},
		{"boxfile: 2\nshell: x\n", "1: Value must be 1."},
		{"shell: x\n", `1: Missing property "boxfile".`},
		{"boxfile: 1\nproc: nwe\n", `2: Value is not accepted. Valid values: "new", "host-ro", "none".`},
		{"boxfile: 1\nrootfs:\n  dri: ./x\n", "3: Property dri is not allowed."},
		{"boxfile: 1\nrootfs: {dir: ./x, write: {kepe: ./y}}\n", "2: Property kepe is not allowed."},
		{"boxfile: 1\nrootfs: {dir: ./x, write: discrad}\n", `2: Value is not accepted. Valid values: "none", "discard".`},
		{"boxfile: 1\nnetwork: nnoe\n", `2: Value is not accepted. Valid values: "none", "outbound", "host".`},
		{"boxfile: 1\nnetwork: {mode: none, dsn: []}\n", "2: Property dsn is not allowed."},
		{"boxfile: 1\nnamespaces:\n  pdi: new\n", "3: Property pdi is not allowed."},
		{"boxfile: 1\nnamespaces: {pid: {jion: /x}}\n", "2: Property jion is not allowed."},
		{"boxfile: 1\nidmap: {uid: []}\n", "2: Property uid is not allowed."},
		{"boxfile: 1\nidmap: cller\n", `2: Value is not accepted. Valid values: "caller", "subuid".`},
		{"boxfile: 1\nmounts:\n  - tpye: tmpfs\n    target: /tmp\n", "3: Property tpye is not allowed."},
		{"boxfile: 1\nmounts: [{type: tmpsf, target: /tmp}]\n", `2: Value is not accepted. Valid values: "bind", "tmpfs", "overlay",`},
		{"boxfile: 1\nports: [{hsot: 1, box: 3}]\n", "2: Property hsot is not allowed."},
		{"boxfile: 1\nrlimits: {nofiel: 3}\n", "2: Property nofiel is not allowed."},
		{"boxfile: 1\nrlimits: {nofile: {sotf: 3}}\n", "2: Property sotf is not allowed."},
		{"boxfile: 1\nresources:\n  memroy: 1M\n", "3: Property memroy is not allowed."},
		{"boxfile: 1\nresources: {io: [{device: /, raed: 1}]}\n", "2: Property raed is not allowed."},
		{"boxfile: 1\ntty: maybe\n", `2: Value is not accepted. Valid values: "auto", true, false.`},
		{"boxfile: 1\nsecurity: {landlock: maybe}\n", `2: Value is not accepted. Valid values: true, false, "best-effort".`},
		{"boxfile: 1\nsecurity: {capabilities: al}\n", `2: Value is not accepted. Valid values: "none", "default".`},
		{"boxfile: 1\ncommand: ls\n", `2: Incorrect type. Expected "array".`},
		{"boxfile: 1\nenv: {A: &a b}\nshell: *a\n", ""}, // YAML that only boxfile refuses
	}
	for i, r := range rows {
		s.open(boxURI("wrong", i), r.text)
	}
	for i, r := range rows {
		got := s.verdict(boxURI("wrong", i))
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, r.want) }) && r.want != "" {
			t.Errorf("%s%q, want %s", r.text, got, r.want)
		}
		if r.want == "" && len(got) > 0 {
			t.Errorf("%s%q, want nothing", r.text, got)
		}
	}
}

// Keys and values are offered where they can stand.
func offers(t *testing.T, s *server) {
	for i, r := range []struct{ text, want, not string }{
		{"boxfile: 1\n‸\nshell: x\n", "mounts network rlimits security", "shell memory"},
		{"boxfile: 1\nresources:\n  ‸\n", "memory cpus pids io oom enforce", "mounts"},
		{"boxfile: 1\nmounts:\n  - ‸\n", "type source target mode write", "mounts host"},
		{"boxfile: 1\nmounts:\n  - type: ‸\n", "bind tmpfs overlay dir", "ro"},
		{"boxfile: 1\nrlimits:\n  ‸\n", "as nofile stack", "soft"},
		{"boxfile: 1\nrootfs:\n  ‸\n", "host empty dir write enter", "keep"},
		{"boxfile: 1\nproc: ‸\n", "new host-ro none", "ro"},
		{"boxfile: 1\nnetwork: ‸\n", "none outbound host", "new"},
		{"boxfile: 1\nsecurity:\n  landlock: ‸\n", "true false best-effort", "none"},
	} {
		got := s.completions(boxURI("offer", i), r.text)
		for _, w := range strings.Fields(r.want) {
			if !slices.Contains(got, w) {
				t.Errorf("%s%q, without %s", r.text, got, w)
			}
		}
		for _, w := range strings.Fields(r.not) {
			if slices.Contains(got, w) {
				t.Errorf("%s%q, with %s", r.text, got, w)
			}
		}
	}
}

// An example that is a map is listed by what is in it, and what the editor writes is right.
func writes(t *testing.T, s *server) {
	for i, r := range []struct{ text, label string }{
		{"inputs: ‸\n", "VERSION: {description: what to build, default: main}"},
		{"rootfs: ‸\n", "dir: ./rootfs, write: discard"},
		{"rootfs: {dir: ./x}\nmounts: ‸\n", "type: tmpfs, target: /tmp, size: 64M"},
		{"mounts:\n  - ‸\n", "type: tmpfs, target: /tmp, size: 64M"},
		{"namespaces: ‸\n", "ipc: host"},
		{"network: ‸\n", "mode: outbound, dns: [192.0.2.53]"},
		{"ports:\n  - ‸\n", "host: 0, box: 5432"},
		{"env: ‸\n", "LANG: C.UTF-8"},
		{"rlimits: ‸\n", "nofile: 4096"},
		{"rlimits:\n  nofile: ‸\n", "soft: 1024, hard: 4096"},
		{"resources: ‸\n", "memory: 512M, cpus: 1.5, pids: 64"},
		{"resources:\n  io:\n    - ‸\n", "device: ./data, read_bps: 100M, write_bps: 10M"},
		{"stop: ‸\n", "signal: INT, grace: 5s"},
		{"security: ‸\n", "capabilities: [NET_BIND_SERVICE]"},
		{"waive: ‸\n", "risk: BX024, reason: …, until: 2027-01-31"},
	} {
		text := "boxfile: 1\nshell: x\n" + r.text
		offers, found := s.offers(boxURI("write", i), text), false
		for _, o := range offers {
			if strings.Contains(o.Label+o.InsertText, "[object") {
				t.Errorf("%s%q", text, o)
			}
			if found = found || o.Label == r.label; o.Label != r.label {
				continue
			}
			before, after, _ := strings.Cut(text, "‸")
			indent := before[strings.LastIndex(before, "\n")+1:]
			written := before + strings.ReplaceAll(o.InsertText, "\n", "\n"+indent[:len(indent)-len(strings.TrimLeft(indent, " "))]) + after
			if _, err := schema.Parse("x.yaml", []byte(written), nil); err != nil {
				t.Errorf("%s\n%s", schema.Render(err, false), written)
			}
		}
		if !found {
			t.Errorf("%s%q, without %s", text, offers, r.label)
		}
	}
}

// A key under the pointer says what it is, in the words of the reference page.
func explains(t *testing.T, s *server) {
	for i, r := range []struct{ text, want string }{
		{"boxfile: 1\nres‸ources: {pids: 1}\n", "Limits of the box as a whole"},
		{"boxfile: 1\nresources:\n  mem‸ory: 3\n", "The most memory that the box may hold"},
		{"boxfile: 1\nmounts:\n  - {ty‸pe: tmpfs}\n", "`bind` (a directory or file of the host)"},
		{"boxfile: 1\nrlimits:\n  no‸file: 3\n", "Open files of a process."},
		{"boxfile: 1\nrlimits:\n  nofile: {so‸ft: 3, hard: 4}\n", "What is in force"},
		{"boxfile: 1\nnamespaces:\n  p‸id: new\n", "Process ids."},
		{"boxfile: 1\nproc: n‸ew\n", "a /proc that shows the box's processes only"},
	} {
		if got := s.hover(boxURI("hover", i), r.text); !strings.Contains(got, r.want) {
			t.Errorf("%s%q, want %q", r.text, got, r.want)
		}
	}
}

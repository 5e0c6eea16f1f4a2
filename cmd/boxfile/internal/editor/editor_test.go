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
)

func boxURI(kind string, i int) string { return fmt.Sprintf("file:///boxes/%s%d.yaml", kind, i) }

// One server answers for all: it takes a second to start.
func TestAnEditor(t *testing.T) {
	s := start(t)
	t.Run("tells mistakes", func(t *testing.T) { tells(t, s) })
	t.Run("offers keys and values", func(t *testing.T) { offers(t, s) })
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

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// namespaces is what a lister says in JSON, by inode.
func (r *run) namespaces(name string, words ...string) map[uint64]namespaceLine {
	r.t.Helper()
	out, code := r.command(nil, name, words...)
	var list namespaceList
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
		r.t.Fatalf("%s: exit %d, %v\n%s", name, code, err, out)
	}
	rows := map[uint64]namespaceLine{}
	for _, n := range list.Namespaces {
		n.Command = strings.TrimSpace(n.Command)
		n.Box = nil
		rows[n.NS] = n
	}
	return rows
}

// sleeper starts a box that lives until the test ends.
func (r *run) sleeper(text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "box.yaml")
	if err := os.WriteFile(file, []byte("boxfile: 1\n"+text+"\nshell: echo ready; exec cat\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
	open(r.t, r.dir)
	words := []string{filepath.Join(bin, "boxfile"), "up", file}
	if r.user {
		var err error
		if words, err = ordinaryCommand(words); err != nil {
			fixture.Skip(r.t, err.Error())
		}
	}
	startUntil(r.t, exec.Command(words[0], words[1:]...))
}

// boxfile lsns says what lsns(8) says.
func TestLsnsAgrees(t *testing.T) {
	if _, err := exec.LookPath("lsns"); err != nil {
		fixture.Skip(t, "lsns is not installed")
	}
	for _, user := range []bool{false, true} {
		if user && os.Getuid() != 0 {
			continue
		}
		r := &run{t: t, dir: t.TempDir(), user: user}
		r.sleeper("name: agree")
		ours := func(more ...string) map[uint64]namespaceLine {
			return r.namespaces(filepath.Join(bin, "boxfile"), append([]string{"lsns", "--json"}, more...)...)
		}
		theirs := func(more ...string) map[uint64]namespaceLine {
			return r.namespaces("lsns", append([]string{"-J", "-l", "-o", "NS,TYPE,NPROCS,PID,USER,COMMAND"}, more...)...)
		}
		for _, more := range [][]string{nil, {"-p", r.other()}} {
			wrong := "never asked"
			for end := time.Now().Add(60 * time.Second); wrong != "" && time.Now().Before(end); { // other processes come and go
				before, they, after := ours(more...), theirs(more...), ours(more...)
				wrong = disagree(before, they, after)
			}
			if wrong != "" {
				t.Errorf("ordinary user %v, %v: %s", user, more, wrong)
			}
		}
	}
}

// disagree is the first difference among what did not change meanwhile, or "".
func disagree(before, they, after map[uint64]namespaceLine) string {
	say := func(n namespaceLine) string { b, _ := json.Marshal(n); return string(b) }
	for ns, n := range before {
		if after[ns] == n && they[ns] != n {
			return say(n) + " is " + say(they[ns]) + " for lsns"
		}
	}
	for ns, n := range they {
		_, was := before[ns]
		if _, is := after[ns]; !was && !is {
			return "lsns has " + say(n) + " as well"
		}
	}
	return ""
}

// A box's own namespaces have its name, those that it shares have none, and nothing
// else has one. The JSON is what its schema says.
func TestLsnsKnowsBoxes(t *testing.T) {
	schema, err := jsonschema.CompileString("lsns.schema.json", string(lsnsSchema))
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []bool{false, true} {
		if user && os.Getuid() != 0 {
			continue
		}
		r := &run{t: t, dir: t.TempDir(), user: user}
		name := "known" + strconv.Itoa(os.Getpid()) + strconv.FormatBool(user)
		r.sleeper("name: " + name + "\nnamespaces: {ipc: host}")
		var types []string
		for end := time.Now().Add(60 * time.Second); len(types) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) { // a box is known once it has lived 5 ms
			out, _ := r.boxfile(nil, "lsns", "--json")
			var v any
			var list namespaceList
			if err := json.Unmarshal([]byte(out), &v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Fatalf("%#v", err)
			}
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				t.Fatal(err)
			}
			for _, n := range list.Namespaces {
				if n.Box != nil && *n.Box == name {
					types = append(types, n.Type)
				}
			}
		}
		if got := strings.Join(slices.Sorted(slices.Values(types)), " "); got != "cgroup mnt net pid user uts" {
			t.Errorf("ordinary user %v: the box's own namespaces are %q", user, got)
		}
	}
}

// The lessons of docs/namespaces.md are true: what they show is what happens, but for
// numbers and who one is.
func TestTheLessonsAreTrue(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "namespaces.md"))
	if err != nil {
		t.Skip("the repository is not here, only the test binary")
	}
	if _, err := exec.LookPath("pgrep"); err != nil {
		fixture.Skip(t, "pgrep is not installed")
	}
	dir := filepath.Join(bin, "lessons")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	numbers, who := regexp.MustCompile(`\d{2,}`), regexp.MustCompile(`(?m)^(N \w+ +\d+ +N )\S+ +`)
	same := func(text string) string {
		return who.ReplaceAllString(numbers.ReplaceAllString(spacing.ReplaceAllString(text, " "), "N"), "${1}me ")
	}
	shown := 0
	for _, m := range fence.FindAllStringSubmatch(string(doc), -1) {
		for _, part := range strings.Split("\n"+m[2], "\n$ ")[1:] {
			line, want, _ := strings.Cut(part, "\n")
			if file, ok := strings.CutPrefix(line, "cat "); ok {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			shown++
			contains(t, line, same(want), same(tourRun(t, dir, line, false)))
		}
	}
	if shown != 6 {
		t.Errorf("the lessons show %d commands; this test knows of 6", shown)
	}
}

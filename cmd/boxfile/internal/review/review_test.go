//go:build unix

package review

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAReviewTellsWhatChangesInEveryBox(t *testing.T) {
	r := newRepository(t)
	r.write("dev.yaml", box("ro"))
	r.write("same.yaml", box("rw"))
	r.write("gone.yaml", "boxfile: 1\nname: gone\nproc: none\ncommand: [ls, -l, /]\n")
	r.write("ci/moved.yml", box("rw")+"description: this one moves\nname: moved\n")
	r.write("notes.yaml", "a: 1\n")
	r.write("filter.yaml", "boxfile: 1\nsecurity: {seccomp: ./filter.json}\nshell: x\n")
	r.write("filter.json", `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "rmdir"], "action": "SCMP_ACT_ERRNO"}]}`)
	base := r.commit()
	r.write("dev.yaml", box("rw"))
	r.write("same.yaml", "# other words\n"+box("rw"))
	r.write("new.yaml", "boxfile: 1\nnetwork: host\nshell: echo something else altogether\n")
	r.write("filter.json", `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}`)
	r.git("rm", "-q", "gone.yaml")
	if err := os.MkdirAll(filepath.Join(r.dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("mv", "ci/moved.yml", "sub/moved.yml")
	r.commit()

	out, code := r.review("-m", "out.md", "-s", "out.sarif", base)
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for _, want := range []string{"mounts ./src: read-only → read-write", ":dev.yaml → ./dev.yaml", "./new.yaml: a new box", ":gone.yaml: ", ":filter.yaml → ./filter.yaml"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q in\n%s", want, out)
		}
	}
	for _, not := range []string{"same.yaml", "notes.yaml"} {
		if strings.Contains(out, not) {
			t.Errorf("%s in\n%s", not, out)
		}
	}
	if md := r.read("out.md"); !strings.Contains(md, "read-only → read-write") {
		t.Errorf("Markdown:\n%s", md)
	}
	if _, code := r.review("-f", "widened", base); code != 3 {
		t.Errorf("-f widened: exit code %d", code)
	}
	if out, code := r.review("-f", "changed", "HEAD"); code != 0 || out != "" {
		t.Errorf("no change: exit code %d\n%s", code, out)
	}
	r.write("dev.yaml", box("ro"))
	for when, want := range map[string]int{"never": 0, "widened": 0, "changed": 2} {
		if _, code := r.review("-f", when, "HEAD"); code != want {
			t.Errorf("a change that narrows, -f %s: exit code %d", when, code)
		}
	}
	r.git("checkout", "-q", ".")
	if out, code := r.review("-f", "changed", base, "new.yaml", "same.yaml"); code != 3 || strings.Contains(out, "dev.yaml") {
		t.Errorf("files that are named: exit code %d\n%s", code, out)
	}
	if out, code := r.review(strings.Repeat("0", 40)); code != 0 || !strings.Contains(out, "./same.yaml: a new box") {
		t.Errorf("beside nothing everything is new: exit code %d\n%s", code, out)
	}
}

// A file that was only moved is the same box.
func TestARenamedBoxIsComparedWithItself(t *testing.T) {
	r := newRepository(t)
	r.write("a/dev.yaml", box("rw"))
	base := r.commit()
	if err := os.MkdirAll(filepath.Join(r.dir, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("mv", "a/dev.yaml", "b/dev.yaml")
	if out, code := r.review("-f", "changed", base); out != "" || code != 0 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// The names of files are anybody's: none is read as a word of a command, and none gets lost.
func TestAReviewTakesEveryNameForAName(t *testing.T) {
	r := newRepository(t)
	names := []string{
		"a b.yaml", " .yaml", "-m.yaml", "--exit-code.yaml", "$(touch pwned).yaml", "`touch pwned`.yaml", "; touch pwned;.yaml", "new\nline.yaml", "tab\t.yaml",
		"HEAD:x.yaml", "a:b.yaml", "*.yaml", "?.yaml", "[x].yaml", "]$(touch pwned)[.yaml", "@.yaml", "'\".yaml", `\n.yaml`, "ü.yaml", "${HOME}.yaml", "a[$(touch pwned)].yaml", ":(top)x.yaml",
		"-/-.yaml", "x\x1b[31m.yaml", "bytes\xff.yaml",
	}
	if err := os.WriteFile(filepath.Join(r.dir, "bytes\xff.yaml"), nil, 0o644); err != nil {
		names = names[:len(names)-1] // this file system has names in UTF-8 only
	}
	for _, n := range names {
		r.write(n, box("ro"))
	}
	base := r.commit()
	for _, n := range names {
		r.write(n, box("rw"))
	}
	out, code := r.review("-m", "out.md", "-s", "out.sarif", "-f", "widened", base)
	if code != 3 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if strings.ContainsRune(out, 0x1b) || strings.ContainsRune(r.read("out.md"), 0x1b) {
		t.Error("a name reached the terminal as it is")
	}
	var told []string
	for _, result := range readSARIF(t, r.read("out.sarif")) {
		name, err := url.PathUnescape(result.uri)
		if err != nil {
			t.Error(err)
		}
		told = append(told, strings.TrimPrefix(name, "./"))
	}
	for _, n := range names {
		if !slices.Contains(told, n) {
			t.Errorf("nothing is told of %q\n%q", n, told)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "pwned")); err == nil {
		t.Error("a name was run")
	}
}

type result struct{ uri, rule string }

// readSARIF holds the parts of a log together: one run, and each result with its rule.
func readSARIF(t *testing.T, text string) []result {
	t.Helper()
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Locations []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("version %q, %d runs", log.Version, len(log.Runs))
	}
	var all []result
	rules := log.Runs[0].Tool.Driver.Rules
	for _, r := range log.Runs[0].Results {
		if r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("rule %d is not %s", r.RuleIndex, r.RuleID)
		}
		all = append(all, result{r.Locations[0].PhysicalLocation.ArtifactLocation.URI, r.RuleID})
	}
	return all
}

// Annotations of several files are one run, in which every result has its rule.
func TestOneLogForAllFiles(t *testing.T) {
	r := newRepository(t)
	r.write("a.yaml", box("ro"))
	r.write("b.yaml", "boxfile: 1\nshell: x\n")
	base := r.commit()
	r.write("a.yaml", box("rw"))
	r.write("b.yaml", "boxfile: 1\nnetwork: host\nmounts: [./a:/a]\nshell: x\n")
	if out, code := r.review("-s", "out.sarif", base); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	of := map[string]int{}
	for _, result := range readSARIF(t, r.read("out.sarif")) {
		of[result.uri]++
	}
	if of["a.yaml"] == 0 || of["b.yaml"] < 2 || len(of) != 2 {
		t.Errorf("%v", of)
	}
	if out, code := r.review("-s", "none.sarif", "-m", "none.md", "HEAD", "c.yaml"); code != 0 || len(readSARIF(t, r.read("none.sarif"))) != 0 {
		t.Errorf("without changes: exit code %d\n%s", code, out)
	}
	if md := r.read("none.md"); md != "No Boxfile changes what its box does.\n" {
		t.Errorf("%q", md)
	}
}

// What cannot be compared fails, whatever -f says: a review that sees nothing must not look like one that finds nothing.
func TestAReviewFailsForWhatItCannotRead(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(secret, []byte("password: hush\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(r *repository){
		"a wrong file":         func(r *repository) { r.write("dev.yaml", "boxfile: 1\nshel: '```'\n") },
		"a new wrong file":     func(r *repository) { r.write("new.yaml", "boxfile: 1\nshel: '```'\n") },
		"no Boxfile any more":  func(r *repository) { r.write("dev.yaml", "shel: '```'\n") },
		"an empty file":        func(r *repository) { r.write("dev.yaml", "") },
		"a link to a secret":   func(r *repository) { r.git("rm", "-q", "dev.yaml"); link(r, secret, "dev.yaml") },
		"a link in its place":  func(r *repository) { r.git("rm", "-q", "dev.yaml"); link(r, "elsewhere", "dev.yaml") },
		"a new link to a file": func(r *repository) { link(r, "dev.yaml", "new.yaml") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			r.write("dev.yaml", box("ro"))
			base := r.commit()
			change(r)
			r.commit()
			out, code := r.review("-m", "out.md", base)
			if code != 1 || out == "" || strings.Contains(out+r.read("out.md"), "hush") {
				t.Errorf("exit code %d\n%s", code, out)
			}
			_, block, ok := strings.Cut(r.read("out.md"), "**A file is wrong.**\n\n")
			if !ok {
				t.Fatalf("Markdown:\n%s", r.read("out.md"))
			}
			for _, line := range strings.Split(strings.TrimRight(block, "\n"), "\n") {
				if !strings.HasPrefix(line, "    ") {
					t.Errorf("the line %q is no code", line)
				}
			}
		})
	}
}

func link(r *repository, to, name string) {
	if err := os.Symlink(to, filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// So is the name of the commit.
func TestAReviewTakesEveryBaseForACommit(t *testing.T) {
	r := newRepository(t)
	r.write("dev.yaml", box("ro"))
	r.commit()
	for _, base := range []string{"--output=pwned", "-q", "$(touch pwned)", "`touch pwned`", "a b", "new\nline", "HEAD:dev.yaml", "HEAD^{tree}", "refs/heads/none", strings.Repeat("1", 40), "@{-1}", ":/x"} {
		words := []string{"-g", base}
		if strings.HasPrefix(base, "-") {
			words = []string{"-g", "--", base}
		}
		out, code := r.review(words...)
		if code != 1 || !strings.Contains(out, "is no commit of this clone") {
			t.Errorf("%q: exit code %d\n%s", base, code, out)
		}
	}
	for _, words := range [][]string{{}, {""}, {"-x", "HEAD"}, {"-f", "often", "HEAD"}, {"-m"}} {
		if out, code := r.review(words...); code != 64 || !strings.Contains(out, "usage: contrib/review [-m FILE]") {
			t.Errorf("%q: exit code %d\n%s", words, code, out)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "pwned")); err == nil {
		t.Error("a name was run")
	}
}

package lines

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEqualTextsHaveNoDiff(t *testing.T) {
	if d := Diff("a", []byte("x\n"), "b", []byte("x\n")); d != nil {
		t.Errorf("%s", d)
	}
}

func TestADiffShowsThreeLinesAround(t *testing.T) {
	got := string(Diff("a", []byte("1\n2\n3\n4\n5\n6\n7\n8"), "b\nc", []byte("1\n2\n3\n4\nfive\n6\n7\n8\n")))
	want := "--- a\n+++ \"b\\nc\"\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n-8\n\\ No newline at end of file\n+8\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What a diff says is what leads from one text to the other, and no shorter one is known to git.
func TestGitAppliesADiff(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	r := rand.New(rand.NewPCG(1, 1))
	text := func() string {
		var b strings.Builder
		for range r.IntN(30) {
			b.WriteString(strings.Repeat("x", r.IntN(5)) + "\n")
		}
		return strings.TrimSuffix(b.String(), strings.Repeat("\n", r.IntN(2)))
	}
	for range 60 {
		a, b := text(), text()
		if a == b || a == "" || b == "" {
			continue
		}
		if err := os.WriteFile(file, []byte(a), 0o644); err != nil {
			t.Fatal(err)
		}
		d := Diff("a/f", []byte(a), "b/f", []byte(b))
		cmd := exec.Command(git, "apply", "--whitespace=nowarn", "-")
		cmd.Dir, cmd.Stdin, cmd.Env = dir, strings.NewReader(string(d)), append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%q\n%q\n%s", err, out, a, b, d)
		}
		if got, _ := os.ReadFile(file); string(got) != b {
			t.Fatalf("from %q to %q:\n%s\ngave %q", a, b, d, got)
		}
	}
}

// Texts that have nothing in common are replaced, without taking long.
func TestALongDiffIsNotASearch(t *testing.T) {
	a, b := strings.Repeat("#\n", 100000), strings.Repeat("x\n", 100000)
	if d := Diff("a", []byte(a), "b", []byte(b)); strings.Count(string(d), "\n") != 200003 {
		t.Errorf("%d lines", strings.Count(string(d), "\n"))
	}
}

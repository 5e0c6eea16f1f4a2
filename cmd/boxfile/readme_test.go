//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

var (
	fence   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	spacing = regexp.MustCompile(`[ \t]+`)
)

// The tour is what people see first: what it shows is what happens.
func TestTheTourOfTheReadmeIsTrue(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Skip("the repository is not here, only the test binary")
	}
	dir := filepath.Join(bin, "tour")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, m := range fence.FindAllStringSubmatch(string(readme), -1) {
		language, text := m[1], m[2]
		switch {
		case language == "yaml":
			write("review.yaml", text)
			write("bad.yaml", strings.Replace(text, "mounts:", "mount:", 1))
			write("gone.yaml", strings.Replace(text, ".:/src", "./source:/src", 1))
		case strings.HasPrefix(text, "$ "):
			for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
				line, want, _ := strings.Cut(part, "\n")
				if file, ok := strings.CutPrefix(line, "cat "); ok {
					write(file, want)
					continue
				}
				shown++
				needsRoot := strings.Contains(line, "limits.yaml") // everywhere: others need a part of the tree of cgroups
				if needsRoot && os.Getuid() != 0 {
					continue
				}
				contains(t, line, want, tourRun(t, dir, line, needsRoot))
			}
		}
	}
	if shown != 5 {
		t.Errorf("the tour shows %d commands; this test knows of 5", shown)
	}
}

// tourRun gives a command line of the tour as an ordinary user, or as root.
func tourRun(t *testing.T, dir, line string, asRoot bool) string {
	t.Helper()
	words := []string{"sh", "-c", line}
	if !asRoot {
		var err error
		if words, err = ordinaryCommand(words); err != nil {
			fixture.Skip(t, err.Error())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, 5*time.Second
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatal(err)
	}
	return string(out)
}

// contains wants every line that is shown, in order; "..." stands for any lines.
func contains(t *testing.T, command, want, got string) {
	t.Helper()
	lines := strings.Split(got, "\n")
	for _, w := range strings.Split(want, "\n") {
		w = strings.TrimSpace(spacing.ReplaceAllString(w, " "))
		if w == "" || w == "..." {
			continue
		}
		for len(lines) > 0 && strings.TrimSpace(spacing.ReplaceAllString(lines[0], " ")) != w {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			t.Errorf("$ %s\nno line %q in\n%s", command, w, got)
			return
		}
	}
}

//go:build unix

package review

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

var (
	program string //nolint:gochecknoglobals // set once, before any test
	source  string //nolint:gochecknoglobals // the top of this repository
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "boxfile-review-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "boxfile")
		source, _ = filepath.Abs("../../../..")
		if err := fixture.Build("../..", program); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// repository is a made one.
type repository struct {
	t   *testing.T
	dir string
	log string // what the steps of the action have printed
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	for _, need := range []string{"bash", "git", "jq"} {
		if _, err := exec.LookPath(need); err != nil {
			fixture.Skip(t, need+" is not installed")
		}
	}
	r := &repository{t: t, dir: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

// environment is the little that a command gets: no configuration of this machine's git.
func (r *repository) environment(more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + os.TempDir(), "BOXFILE=" + program,
		"GOCACHE=" + goEnv("GOCACHE"), "GOMODCACHE=" + goEnv("GOMODCACHE"),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
	}, more...)
}

func goEnv(name string) string {
	out, _ := exec.Command("go", "env", name).Output()
	return strings.TrimSpace(string(out))
}

func (r *repository) git(words ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", words...)
	cmd.Dir, cmd.Env = r.dir, r.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit takes everything and returns the commit's name.
func (r *repository) commit() string {
	r.t.Helper()
	r.git("add", "-A", ".")
	r.git("commit", "-q", "--allow-empty", "-m", "x")
	return r.git("rev-parse", "HEAD")
}

// run runs a command in the repository.
func (r *repository) run(env []string, words ...string) (output string, code int) {
	r.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = r.dir, r.environment(env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// review runs contrib/review.
func (r *repository) review(words ...string) (output string, code int) {
	r.t.Helper()
	return r.run(nil, append([]string{"bash", filepath.Join(source, "contrib", "review")}, words...)...)
}

func (r *repository) read(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// box is a Boxfile with one thing in it that a change can widen.
func box(mode string) string {
	return "boxfile: 1\nmounts:\n  - ./src:/src:" + mode + "\nshell: make\n"
}

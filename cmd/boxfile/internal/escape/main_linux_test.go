//go:build linux

package escape

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// suite is what all rows share.
type suite struct {
	dir     string // open to every user
	boxfile string
	probe   string // this test binary: under the name probe it is the command of boxes
	trials  atomic.Int64
	running sync.Map // process ids that some trial waits for
}

var shared suite //nolint:gochecknoglobals // set once, before any test

// The test binary is also the probe: what runs inside boxes.
func TestMain(m *testing.M) {
	if slices.Contains(helpers, filepath.Base(os.Args[0])) {
		os.Exit(swallow())
	}
	if filepath.Base(os.Args[0]) == probeName {
		os.Exit(probeMain(os.Args[1:]))
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "boxfile-escape-")
		if err == nil {
			defer os.RemoveAll(dir)
			err = prepare(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func prepare(dir string) error {
	shared.dir, shared.boxfile, shared.probe = dir, filepath.Join(dir, "boxfile"), filepath.Join(dir, probeName)
	// What boxes leave running becomes a child of this process, and is seen.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := build(shared.boxfile); err != nil {
		return err
	}
	return static(shared.probe)
}

// build makes the program as the Makefile does, or takes the one that
// BOXFILE_TEST_BINARY names, for machines without a Go toolchain.
func build(to string) error {
	if ready := os.Getenv("BOXFILE_TEST_BINARY"); ready != "" {
		return copyFile(ready, to)
	}
	return goTool("build", "-trimpath", "-ldflags=-s -w", "-o", to, "../..")
}

// static is the test binary as it can run in any root: where this one is linked
// against the host's libraries, as with the race detector, another is built.
func static(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f, err := elf.Open(self)
	if err != nil {
		return err
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return goTool("test", "-c", "-o", to, ".")
	}
	return copyFile(self, to)
}

func goTool(words ...string) error {
	cmd := exec.Command("go", words...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", words[0], err, out)
	}
	return nil
}

// copyFile makes an executable copy. What is open for writing in some child that
// is about to execute cannot be executed, so nothing is forked meanwhile.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(to, b, 0o755)
}

// config is one way to run every row.
type config struct {
	name  string
	user  bool              // an ordinary user runs boxfile, where the tester is root
	lines map[string]string // keys of every Boxfile, unless the row sets them itself
}

func configs() []config {
	return []config{
		{name: "root"},
		{name: "user", user: true},
		{name: "subuid", user: true, lines: map[string]string{"idmap": "subuid"}},
		{name: "no-init", lines: map[string]string{"init": "false"}},
		{name: "no-filter", lines: map[string]string{"security": "{seccomp: none}"}}, // every other wall has to hold by itself
	}
}

// credential is who runs boxfile; nil: whoever runs the tests.
func (c config) credential(t *testing.T) *syscall.Credential {
	t.Helper()
	if !c.user || os.Getuid() != 0 {
		return nil
	}
	u, err := ordinary()
	if err != nil {
		skip(t, err.Error())
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// need skips a configuration that this machine or tester cannot have.
func (c config) need(t *testing.T) {
	t.Helper()
	if c.name == "root" && os.Getuid() != 0 {
		t.Skip("only root can run boxes as root")
	}
	if c.name != "subuid" {
		return
	}
	x := newTrial(t, c)
	if r := x.up(box{yaml: rootYAML}, "look"); r.code != 0 {
		skip(t, "no subordinate ids: "+r.stderr)
	}
}

// ordinary is an ordinary user for root to become.
func ordinary() (*user.User, error) {
	for _, name := range []string{os.Getenv("BOXFILE_TEST_USER"), "tester", "nobody"} {
		if name == "" {
			continue
		}
		if u, err := user.Lookup(name); err == nil {
			return u, nil
		}
	}
	return nil, errors.New("there is no user tester or nobody; BOXFILE_TEST_USER names another")
}

// skip says what is missing; where everything can be installed that is a failure.
func skip(t *testing.T, missing string) {
	t.Helper()
	if os.Getenv("BOXFILE_TEST_NO_SKIP") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

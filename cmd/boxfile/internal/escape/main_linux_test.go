//go:build linux

package escape

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
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
	if err := fixture.Build("../..", shared.boxfile); err != nil {
		return err
	}
	return static(shared.probe)
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
		return fixture.Go("test", "-c", "-o", to, ".")
	}
	return fixture.Copy(self, to)
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
	u, err := fixture.Ordinary()
	if err != nil {
		fixture.Skip(t, err.Error())
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
		fixture.Skip(t, "no subordinate ids: "+r.stderr)
	}
}

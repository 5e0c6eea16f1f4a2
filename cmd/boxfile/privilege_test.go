//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// copyOfBoxfile puts a copy where every user can execute it.
func copyOfBoxfile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(bin, name)
	if err := fixture.Copy(filepath.Join(bin, "boxfile"), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

func mustRefuse(t *testing.T, path string) {
	t.Helper()
	words, err := ordinaryCommand([]string{path, "version"})
	if err != nil {
		fixture.Skip(t, err.Error())
	}
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitCannot || !strings.Contains(string(out), "refuses to run setuid") {
		t.Errorf("%v: %s", err, out)
	}
}

func needRootAndSetuid(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can make a program setuid root")
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(bin, &fs); err != nil {
		t.Fatal(err)
	}
	if fs.Flags&syscall.MS_NOSUID != 0 {
		t.Skip("the folder for temporary files is mounted nosuid")
	}
}

// Guards the class of setuid sandboxes, CVE-2016-8659 of bubblewrap among them.
func TestASetuidCopyRefuses(t *testing.T) {
	needRootAndSetuid(t)
	for name, mode := range map[string]os.FileMode{"setuid": os.ModeSetuid | 0o755, "setgid": os.ModeSetgid | 0o755} {
		path := copyOfBoxfile(t, name)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, path)
	}
}

func TestACopyWithFileCapabilitiesRefuses(t *testing.T) {
	needRootAndSetuid(t)
	if _, err := exec.LookPath("setcap"); err != nil {
		fixture.Skip(t, "setcap (libcap2-bin) is not installed")
	}
	path := copyOfBoxfile(t, "filecaps")
	if out, err := exec.Command("setcap", "cap_sys_admin+ep", path).CombinedOutput(); err != nil {
		t.Skipf("this file system holds no capabilities: %s", out)
	}
	mustRefuse(t, path)
}

func TestAnOrdinaryUserIsNotRefused(t *testing.T) {
	words, err := ordinaryCommand([]string{filepath.Join(bin, "boxfile"), "version"})
	if err != nil {
		fixture.Skip(t, err.Error())
	}
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

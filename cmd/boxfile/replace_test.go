//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What somebody wrote while boxfile was at work is not lost.
func TestAFileThatChangedMeanwhileIsNotReplaced(t *testing.T) {
	name := filepath.Join(t.TempDir(), "dev.yaml")
	if err := os.WriteFile(name, []byte("new\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(name, []byte("old\n"), []byte("text\n")); err == nil || !strings.Contains(err.Error(), "has changed meanwhile") {
		t.Error(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "new\n" {
		t.Errorf("it holds %q", got)
	}
	if err := replaceFile(name, []byte("new\n"), []byte("text\n")); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "text\n" {
		t.Errorf("it holds %q", got)
	}
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// A file that boxfile makes is whole, as readable as the umask lets it be, and nothing is
// left beside it, whatever was there before.
func TestAFileIsWrittenInOnePiece(t *testing.T) {
	dir := t.TempDir()
	name, other := filepath.Join(dir, "dev.lock"), filepath.Join(dir, "other")
	if err := errors.Join(os.WriteFile(other, []byte("theirs\n"), 0o600), os.Symlink(other, name)); err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0o027)
	err := writeFile(name, []byte("text\n"))
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "text\n" {
		t.Errorf("it holds %q", got)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	if got, _ := os.ReadFile(other); string(got) != "theirs\n" {
		t.Errorf("the file that was linked holds %q", got)
	}
	if err := writeFile(filepath.Join(dir, "."), nil); err == nil {
		t.Error("a folder was replaced")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

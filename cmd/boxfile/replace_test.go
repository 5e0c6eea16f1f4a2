//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
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

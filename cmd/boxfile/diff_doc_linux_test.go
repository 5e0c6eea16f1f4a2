package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What docs/diff.md shows is what happens.
func TestThePageAboutDiffIsTrue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "diff.md"))
	if err != nil {
		t.Skip("the repository is not here, only the test binary")
	}
	dir := filepath.Join(bin, "diff-page")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, folder := range []string{"examples", "testdata"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join("..", "..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	if err := openToAll(dir); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, m := range fence.FindAllStringSubmatch(string(page), -1) {
		for _, part := range strings.Split("\n"+m[2], "\n$ ")[1:] {
			shown++
			line, want, _ := strings.Cut(part, "\n")
			contains(t, line, want, tourRun(t, dir, line, false))
		}
	}
	if shown != 4 {
		t.Errorf("the page shows %d commands; this test knows of 4", shown)
	}
}

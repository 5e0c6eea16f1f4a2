package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What docs/explain.md shows is what the program prints. UPDATE_SCRIPTS=1 writes it down.
func TestThePageOfExplainIsTrue(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "explain.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Skip("the repository is not here, only the test binary")
	}
	shown := 0
	now := fence.ReplaceAllStringFunc(string(text), func(block string) string {
		line, _, _ := strings.Cut(strings.TrimPrefix(block, "```\n"), "\n")
		words, ok := strings.CutPrefix(line, "$ boxfile ")
		if !ok {
			return block
		}
		shown++
		cmd := exec.Command(filepath.Join(bin, "boxfile"), strings.Fields(words)...)
		cmd.Dir = filepath.Join("..", "..")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("$ boxfile %s: %v\n%s", words, err, out)
		}
		return "```\n" + line + "\n" + string(out) + "```"
	})
	if shown < 8 {
		t.Errorf("the page shows %d commands", shown)
	}
	switch {
	case now == string(text):
	case os.Getenv("UPDATE_SCRIPTS") != "":
		if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("docs/explain.md shows something else than the program prints; UPDATE_SCRIPTS=1 rewrites it")
	}
}

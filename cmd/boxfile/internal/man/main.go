// Command man writes boxfile's man pages into the folder it is given. It is run
// by "make man"; a test of package cli fails when a page is stale.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER")
		os.Exit(64)
	}
	for _, p := range cli.ManPages() {
		if err := os.WriteFile(filepath.Join(os.Args[1], p.File), []byte(p.Text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// Command gen compiles boxfile.schema.json with jsonschema and writes what the
// shipped program uses in its place: the rules of validate_gen.go, which need no
// set-up at start, and the reference page docs/boxfile.md.
//
// It runs in the folder of package schema: go generate ./schema. With -check
// it writes nothing and fails when a file is not what it would write.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/boxfile/boxfile/schema/internal/snippet"
)

const source = "boxfile.schema.json"

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	whole, err := snippet.Examples(text)
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.ExtractAnnotations = true
	if err := c.AddResource(source, bytes.NewReader(whole)); err != nil {
		return err
	}
	root, err := c.Compile(source)
	if err != nil {
		return err
	}
	order, err := keyOrder(text)
	if err != nil {
		return err
	}
	code, err := goFile(root, order)
	if err != nil {
		return err
	}
	page := reference(root, order)
	for _, f := range []struct {
		name string
		data []byte
	}{{"validate_gen.go", code}, {"../docs/boxfile.md", page}} {
		if !check {
			if err := os.WriteFile(f.name, f.data, 0o644); err != nil {
				return err
			}
			continue
		}
		old, err := os.ReadFile(f.name)
		if err != nil {
			return err
		}
		if !bytes.Equal(old, f.data) {
			return fmt.Errorf("%s is stale: run go generate ./schema", f.name)
		}
	}
	return nil
}

//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// diff -o json is what its schema says, and a member that the schema does not know is noticed.
func TestDiffSchema(t *testing.T) {
	schema, err := jsonschema.CompileString("diff.schema.json", strings.ReplaceAll(string(diffSchema), `"type": "object",`, `"type": "object", "additionalProperties": false,`))
	if err != nil {
		t.Fatal(err)
	}
	for _, sides := range [][]string{{"web", "web"}, {"web", "hello"}, {"hello", "seccomp"}, {"masks", ""}, {"", "masks"}} {
		words := []string{"diff", "-o", "json"}
		for _, s := range sides {
			if s == "" {
				words = append(words, "/dev/null")
			} else {
				words = append(words, "../../examples/"+s+".yaml")
			}
		}
		out, err := exec.Command(filepath.Join(bin, "boxfile"), words...).Output()
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(out, &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%v: %#v", sides, err)
		}
		v["extra"] = 1
		if schema.Validate(v) == nil {
			t.Error("the schema takes everything")
		}
	}
}

// Two Boxfiles of a thousand lines are compared in less than 50 ms on an idle machine.
// What is measured here is printed, and holds to much more, because this machine may be busy.
func TestDiffOfLongFilesIsQuick(t *testing.T) {
	dir := t.TempDir()
	long := func(name, mode string) string {
		var b strings.Builder
		b.WriteString("boxfile: 1\ncommand: [ls]\nenv:\n")
		for i := range 300 {
			fmt.Fprintf(&b, "  VARIABLE_%d: %s%d\n", i, mode, i)
		}
		b.WriteString("mounts:\n")
		for i := range 350 {
			fmt.Fprintf(&b, "  - ./a/%d:/b/%d:%s\n", i, i, mode)
		}
		b.WriteString("security:\n  mask:\n")
		for i := range 346 {
			fmt.Fprintf(&b, "    - /srv/%s%d\n", mode, i)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a, b := long("a.yaml", "ro"), long("b.yaml", "rw")
	for _, form := range []string{"text", "json", "markdown", "sarif"} {
		var times []time.Duration
		for range 9 {
			start := time.Now()
			out, err := exec.Command(filepath.Join(bin, "boxfile"), "diff", "-o", form, a, b).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			times = append(times, time.Since(start))
		}
		slices.Sort(times)
		t.Logf("%-8s  least %v, median %v", form, times[0].Round(time.Millisecond/10), times[4].Round(time.Millisecond/10))
		if times[0] > 5*time.Second {
			t.Errorf("%s takes %v", form, times[0])
		}
	}
}

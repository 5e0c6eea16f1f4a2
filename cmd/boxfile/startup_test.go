//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// initBudget is what package initialisation may cost over an empty Go program, in milliseconds.
const initBudget = 1.0

var initLine = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\S+) ms clock`)

// initCost is the time a program spends in package initialisation, in milliseconds
// by package: the least of several starts, because the machine's noise only adds.
func initCost(t *testing.T, program string, args ...string) map[string]float64 {
	t.Helper()
	least := map[string]float64{}
	for range 20 {
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, &stderr)
		}
		for _, m := range initLine.FindAllStringSubmatch(stderr.String(), -1) {
			ms, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			if old, ok := least[m[1]]; !ok || ms < old {
				least[m[1]] = ms
			}
		}
	}
	return least
}

func TestPackageInitialisationIsNearlyFree(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	source := empty + ".go"
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		fixture.Skip(t, "there is no Go toolchain to build an empty program with")
	}
	build := exec.Command("go", "build", "-o", empty, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	base := 0.0
	for _, ms := range initCost(t, empty) {
		base += ms
	}
	cost := initCost(t, filepath.Join(bin, "boxfile"), "version")
	if len(cost) == 0 {
		t.Fatal("GODEBUG=inittrace=1 printed nothing that this test understands")
	}
	names, total := make([]string, 0, len(cost)), -base
	for name, ms := range cost {
		names, total = append(names, name), total+ms
	}
	sort.Slice(names, func(i, j int) bool { return cost[names[i]] > cost[names[j]] })
	t.Logf("package initialisation: %.3f ms over an empty program's %.3f", total, base)
	for _, name := range names[:min(8, len(names))] {
		t.Logf("  %-40s %.3f ms", name, cost[name])
	}
	if total > initBudget {
		t.Errorf("package initialisation costs %.3f ms over an empty program, budget %.1f", total, initBudget)
	}
}

// What must not be in the shipped binary, with the reason.
var unlinked = map[string]string{
	"github.com/santhosh-tekuri/jsonschema": "compiles every metaschema on start, 3.2 ms; the validator is generated",
	"net/http":                              "0.5 ms on start",
	"testing":                               "registers flags on start",
	"net":                                   "starts a resolver",
}

func TestTheShippedBinaryLinksNothingDear(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		fixture.Skip(t, "there is no Go toolchain to list dependencies with")
	}
	list := exec.Command("go", "list", "-deps", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for path, why := range unlinked {
			if dep == path || strings.HasPrefix(dep, path+"/v") {
				t.Errorf("links %s: %s", dep, why)
			}
		}
	}
}

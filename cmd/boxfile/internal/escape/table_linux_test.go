//go:build linux

package escape

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// row is a class of published holes.
type row struct {
	name      string // as in -run TestEscape/root/NAME
	cves      string
	mechanism string
	attack    func(*trial) // must reach nothing
	twin      func(*trial) // must still work
	absent    string       // why the class cannot arise at all, where boxfile lacks the feature
	filter    bool         // nothing but the default filter of system calls stops it
}

// rows is the table. Each line of what boxfile lacks has an attack all the same: the try to have it.
func rows() []row {
	return slices.Concat(pathRows(), keptRows(), procRows(), processRows(), identityRows(), wordRows(), filterRows())
}

// Every published hole of the programs that do what boxfile does is tried, and none opens;
// what honest users do with the same features still works.
func TestEscape(t *testing.T) {
	all := rows()
	ends := map[string]string{}
	var mu sync.Mutex
	t.Cleanup(func() { t.Log(summary(all, ends)) })
	for _, c := range configs() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.need(t)
			for _, r := range all {
				if r.filter && c.name == "no-filter" {
					continue
				}
				t.Run(r.name, func(t *testing.T) {
					end := "FAIL"
					defer func() {
						if t.Skipped() {
							end = "skip"
						}
						mu.Lock()
						defer mu.Unlock()
						ends[r.name+" "+c.name] = end
					}()
					if tried(t, c, r); !t.Failed() {
						end = "ok"
					}
				})
			}
		})
	}
}

// tried makes the attack of a row and then the twin, each with a host of its own to look over.
func tried(t *testing.T, c config, r row) {
	t.Helper()
	for i, act := range []func(*trial){r.attack, r.twin} {
		x := newTrial(t, c)
		x.try(act)
		for _, p := range x.problems {
			t.Errorf("%s: %s", []string{"attack", "twin"}[i], p)
		}
	}
}

// try acts, and looks the host over afterwards.
func (x *trial) try(act func(*trial)) {
	x.t.Helper()
	before := x.host()
	act(x)
	x.nothingLeft(before)
}

// summary is the table with how it went.
func summary(all []row, ends map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-16s", "")
	for _, c := range configs() {
		fmt.Fprintf(&b, "%-10s", c.name)
	}
	for _, r := range all {
		fmt.Fprintf(&b, "\n%-16s", r.name)
		for _, c := range configs() {
			end := ends[r.name+" "+c.name]
			if end == "" {
				end = "-"
			}
			fmt.Fprintf(&b, "%-10s", end)
		}
		fmt.Fprintf(&b, "%s: %s", r.cves, r.mechanism)
		if r.absent != "" {
			fmt.Fprintf(&b, " (%s)", r.absent)
		}
	}
	return b.String()
}

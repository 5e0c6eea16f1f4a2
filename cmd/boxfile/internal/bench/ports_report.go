//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// base is the site that ratios are to: the one that is named, else the first.
func base(sites []*site, name string) int {
	for i, s := range sites {
		if s.name == name {
			return i
		}
	}
	return 0
}

// column is the median of a site's figures, and the median and quartiles of their
// ratios by round. Rounds that failed are left out.
func column(of, to figures) (median float64, ratio [3]float64, ok bool) {
	var values, ratios []float64
	for r, value := range of.values {
		if value > 0 && to.values[r] > 0 {
			values, ratios = append(values, value), append(ratios, value/to.values[r])
		}
	}
	if len(values) == 0 {
		return 0, ratio, false
	}
	for i, q := range []float64{.25, .5, .75} {
		ratio[i] = quantile(ratios, q)
	}
	return quantile(values, .5), ratio, true
}

func reportThroughput(sites []*site, f [][]figures) {
	fmt.Printf("%-14s", "Gbit/s")
	for _, m := range throughputs {
		fmt.Printf(" %7s %-19s", m.name, "  of "+sites[base(sites, m.of)].name)
	}
	fmt.Println()
	for j, s := range sites {
		fmt.Printf("%-14s", s.name)
		for i, m := range throughputs {
			median, ratio, ok := column(f[i][j], f[i][base(sites, m.of)])
			if !ok {
				fmt.Printf(" %7s %-19s", "failed", "")
				continue
			}
			fmt.Printf(" %7.2f %-19s", median, fmt.Sprintf("%5.3f (%.2f-%.2f)", ratio[1], ratio[0], ratio[2]))
		}
		fmt.Println()
	}
	fmt.Println("up: from client to service; ratios: median and quartiles over rounds")
}

func reportShort(sites []*site, f [][]figures) {
	to := base(sites, connections[0].of)
	fmt.Printf("\n%-14s", "connections")
	for _, m := range connections {
		fmt.Printf(" %9s %18s", m.name, "of "+sites[to].name)
	}
	fmt.Println()
	for j, s := range sites {
		line := fmt.Sprintf("%-14s", s.name)
		for i := range connections {
			median, ratio, ok := column(f[i][j], f[i][to])
			if !ok {
				line += fmt.Sprintf(" %9s %18s", "failed", "")
				continue
			}
			line += fmt.Sprintf(" %6.0f us %18s", median, fmt.Sprintf("%.2f (%.2f-%.2f)", ratio[1], ratio[0], ratio[2]))
		}
		fmt.Println(strings.TrimRight(line, " "))
	}
	fmt.Println("one after the other; set-up: until one byte has come back; short: until both ends have closed as well")
}

// reportFailed says which figures are of fewer rounds than the others.
func reportFailed(sites []*site, all []measurement, taken [][]figures) {
	for i, m := range all {
		for j, s := range sites {
			f, n := taken[i][j], 0
			for _, value := range f.values {
				if value == 0 {
					n++
				}
			}
			if n > 0 {
				fmt.Printf("%s: %s failed in %d of %d rounds: %v\n", s.name, m.name, n, len(f.values), f.failed)
			}
		}
	}
}

// reportIdle prints what connections that nothing is sent over cost the relays.
func reportIdle(sites []*site, n int) {
	fmt.Printf("\n%-14s %11s %9s %9s %15s\n", "idle", "connections", "before", "with", "a connection")
	for _, s := range sites {
		if s.relay == 0 {
			continue
		}
		fmt.Printf("%-14s %s\n", s.name, idleOf(s, n))
		time.Sleep(time.Second) // for the others to close their ends
	}
	fmt.Println("resident memory of the one process that listens on the host")
}

func idleOf(s *site, n int) string {
	before, err := memory(s.relay, "VmRSS:")
	if err != nil {
		return err.Error()
	}
	held, failed := hold(s.address(), n)
	defer func() {
		for _, c := range held {
			_ = c.Close() // nothing was to be sent
		}
	}()
	with, err := memory(s.relay, "VmRSS:")
	if err != nil {
		return fmt.Sprintf("%11d  and then it ended: %s", len(held), s.words())
	}
	line := fmt.Sprintf("%11d %5.1f MiB %5.1f MiB %9.0f bytes", len(held), before, with, (with-before)*(1<<20)/float64(max(1, len(held))))
	if failed != nil {
		line += fmt.Sprintf("  and no more: %v", failed)
	}
	return line
}

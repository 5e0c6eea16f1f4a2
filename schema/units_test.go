package schema

import (
	"strings"
	"testing"
	"time"
)

// What cannot be read is told with the spelling that can.
func TestLimitsAreToldWithTheRightSpelling(t *testing.T) {
	for line, want := range map[string]string{
		"resources: {memory: 512m}":                         "write 512M",
		"resources: {memory: 512MB}":                        "write 512M (powers of 1024)",
		"resources: {memory: 512 MB}":                       "write 512M (powers of 1024)",
		"resources: {memory: 512 MiB}":                      "write 512M (powers of 1024)",
		"resources: {memory: 1e3G}":                         "write 1000G",
		"resources: {memory: 1e9}":                          "write 1000000000",
		"resources: {memory: 0.5G}":                         "write 512M",
		"resources: {memory: 1.5 gb}":                       "write 1536M (powers of 1024)",
		"resources: {memory: 0.3G}":                         "write 64M, for example",
		"resources: {memory: 5Q}":                           "possible are K, M, G, T, KiB, MiB, GiB and TiB",
		"resources: {memory: 0}":                            "leave it out for no limit",
		"resources: {memory: 1048577}":                      "write 1052672 (a multiple of 4096)",
		"resources: {memory: 0512M}":                        "write 512M",
		"resources: {memory: 4096}":                         "write 1M",
		"resources: {cpus: \"1.5\"}":                        "write 1.5 without quotes",
		"resources: {cpus: 1.123456}":                       "write 1.12345",
		"resources: {cpus: 01.5}":                           "write 1.5",
		"resources: {cpus: 0.001}":                          "write 0.01",
		"resources: {cpus: 0}":                              "leave it out for no limit",
		"resources: {cpuset: \"0, 2\"}":                     "write 0,2",
		"resources: {cpuset: 3-0}":                          "write 0-3",
		"resources: {cpuset: a}":                            "write 0-3,6, for example",
		"resources: {pids: 1}":                              "write 2, or init: false",
		"resources: {pids: 2, unified: {memory.hgih: max}}": "write memory.high",
		"timeout: 90":                                       "write 90s",
		"timeout: 1.5":                                      "write 1.5s",
		"timeout: \"90\"":                                   "write 90s",
		"timeout: 90 s":                                     "write 90s",
		"timeout: 90sec":                                    "write 90s",
		"timeout: 90S":                                      "write 90s",
		"timeout: 1d":                                       "write 24h",
		"timeout: 2 weeks":                                  "write 336h",
		"timeout: 1 hour 30 minutes":                        "write 1h30m",
		"timeout: 5mins":                                    "write 5m",
		"timeout: 5 Ms":                                     "write 5ms",
		"timeout: 1:30":                                     "write 90s, for example",
		"timeout: 999999d":                                  "write 90s, for example",
		"timeout: 1s\nstop: {signal: SIGTERM}":              "write TERM",
		"timeout: 1s\nstop: {signal: int}":                  "write INT",
		"timeout: 1s\nstop: {signal: 15}":                   "write TERM",
		"timeout: 1s\nstop: {signal: \"9\"}":                "write KILL",
		"timeout: 1s\nstop: {signal: 64}":                   "see signal(7)",
		"timeout: 1s\nstop: {signal: QIUT}":                 "write QUIT",
		"timeout: 1s\nstop: {grace: 10}":                    "write 10s",
	} {
		_, err := Parse("f.yaml", []byte("boxfile: 1\nshell: 'true'\n"+line+"\n"), nil)
		list := Diagnostics(err)
		if len(list) != 1 || list[0].Fix != want {
			t.Errorf("%s: %q, want the fix %q", line, Render(err, false), want)
		}
	}
}

// CPUs are counted in decimals: 0.29 * 100000 as floating point is 28999.999….
func TestCPUsAreExact(t *testing.T) {
	for text, want := range map[string]uint64{"1": 100000, "1.": 100000, ".5": 50000, "0.29": 29000, "1.5": 150000, "0.01": 1000, "8192": 819200000, "+2": 200000, "1.00001": 100001} {
		if us, wrong, _ := parseCPUs(text); us != want || wrong != "" {
			t.Errorf("%s: %d %s, want %d", text, us, wrong, want)
		}
	}
}

func TestCPUSetsAreSortedAndJoined(t *testing.T) {
	for text, want := range map[string]string{"0": "0", "0,1": "0-1", "5,0-2": "0-2,5", "0-3,2-4": "0-4", "7-7": "7", "8191,0": "0,8191", "0-8191": "0-8191", "3,1,3": "1,3"} {
		if got, wrong, _ := parseCPUSet(text); got != want || wrong != "" {
			t.Errorf("%s: %q %s, want %s", text, got, wrong, want)
		}
	}
}

// A duration that is read is what Go reads.
func TestDurationsAreGos(t *testing.T) {
	for _, text := range []string{"90s", "1h30m", "1.5h", ".5s", "1.s", "100ms", "3us", "3µs", "3μs", "7ns", "1h1m1s1ms1us1ns", "8760h", "0s", "0.25m", "1m1m"} {
		want, err := time.ParseDuration(text)
		if ns, wrong, _ := parseDuration(text); err != nil || wrong != "" || ns != int64(want) {
			t.Errorf("%s: %d %s, want %d %v", text, ns, wrong, want, err)
		}
	}
	for _, text := range []string{"", "1", "s", ".s", "1..5s", "1.5.5s", "1x", "+1s", "-1s", "1s ", "999999999999999999999h", "8760h1ns", "1.0000000001s", "0.00ns5"} {
		if ns, wrong, _ := parseDuration(text); wrong == "" {
			t.Errorf("%q is %d", text, ns)
		}
	}
}

func TestCgroupFilesAreSortedAndTheirKeysExist(t *testing.T) {
	keys := oracle(t).Properties["resources"].Ref.Properties
	last := ""
	for _, f := range cgroupFiles {
		if f.key != "" && keys[f.key] == nil {
			t.Errorf("%s: resources has no key %s", f.name, f.key)
		}
		if f.name <= last || strings.Contains(f.name, "/") {
			t.Errorf("%s is not in its place", f.name)
		}
		last = f.name
	}
}

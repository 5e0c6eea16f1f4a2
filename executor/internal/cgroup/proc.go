//go:build linux

package cgroup

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Mounts is where hierarchies are mounted, proc_mounts(5).
func Mounts() ([]string, error) {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 2 && (f[2] == "cgroup" || f[2] == "cgroup2") {
			out = append(out, strings.ReplaceAll(f[1], `\040`, " "))
		}
	}
	return out, nil
}

// Own is the cgroup of v2 that this process is in, as /proc/self/cgroup has it.
func Own() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", &Error{"read", "/proc/self/cgroup", "", err}
	}
	for line := range strings.Lines(string(b)) {
		if own, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return own, nil
		}
	}
	return "", &Error{"find v2 in", "/proc/self/cgroup", "", unix.ENOENT}
}

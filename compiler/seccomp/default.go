package seccomp

import (
	_ "embed" // the default profile
	"errors"
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
)

//go:embed default.json
var defaultJSON []byte

// JSON is the default profile, as it could be used as a file.
func JSON() []byte { return defaultJSON }

// defaultCaps are the capabilities that change the default profile.
var defaultCaps = [...]string{"BPF", "DAC_READ_SEARCH", "NET_RAW", "PERFMON", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE",
	"SYS_RAWIO", "SYS_TIME", "SYS_TTY_CONFIG"}

// Default is the default profile for a box with these capabilities (without CAP_).
// Where they change nothing, which is so for almost all boxes, it is a digest alone.
func Default(caps []string) *plan.Seccomp {
	if !slices.ContainsFunc(caps, func(c string) bool { return slices.Contains(defaultCaps[:], c) }) {
		return &plan.Seccomp{Profile: "default", Digest: Digest}
	}
	return Full(caps)
}

// Full is the default profile with all its rules.
func Full(caps []string) *plan.Seccomp {
	s, err := Parse("default.json", defaultJSON, caps)
	if err != nil {
		panic(errors.Join(errors.New("seccomp: the built-in profile"), err)) // a test reads it
	}
	s.Profile = "default"
	return s
}

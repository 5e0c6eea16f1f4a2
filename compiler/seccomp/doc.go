// Package seccomp reads profiles of system calls in the form of OCI and Docker,
// and holds the default one, default.json, in the same form.
//
// A profile becomes a step of the plan, which is the same for every machine: names,
// not numbers. What a machine makes of it is package executor/internal/seccomp.
package seccomp

// Package seccomp makes filters of system calls for the kernel, seccomp(2), from the
// plan's rules. The kernel runs a filter once for every number when it is installed,
// to find those that are always allowed, so a filter is a search tree over numbers:
// a list of 330 comparisons adds 0.6 ms to a start.
//
// The filter of the default profile is made by the generator.
package seccomp

//go:generate go run gen.go tables
//go:generate go run gen.go filters

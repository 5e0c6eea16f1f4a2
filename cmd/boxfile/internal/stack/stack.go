// Package stack makes the main goroutine's stack large enough at once.
//
// Grown bit by bit, as the runtime does it, that stack is copied four times on
// the way of a start, and every copy looks up each of its frames: 1.2 % of
// the start (docs/architecture.md). The package imports nothing, so that it is
// initialised before all that would grow the stack.
package stack

// Reserved is there for its initialisation.
var Reserved = func() bool { reserve(); return true }()

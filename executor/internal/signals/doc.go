// Package signals has signals of this process come out of a pipe, instead of
// ending it, for as long as a box lives.
//
// It does what os/signal does, with a handler of ten instructions. Asking the Go
// runtime for nine signals takes a quarter of the time of making a box, because it
// passes each of them between threads; so it could only be done once the box had
// lived a while, and a signal that came before ended boxfile. This takes a system call for each.
//
//	kernel ── any thread ──▶ handler ── one byte, the signal's number ──▶ Caught.FD
//
// A child that is forked or executed has nothing of it: the handlers are reset, and the pipe is closed on exec.
package signals

// Package pty relays a terminal: what is typed at one goes to the master of another
// one, pty(7), and what is said there comes back.
//
// Its input is the two ends of the caller's terminal and the master; it has no output
// but bytes. It knows nothing of boxes.
//
//	caller's terminal ── in ──▶ typed goroutine ──▶ master ──▶ the box's terminal
//	                  ◀─ out ── shown goroutine ◀── master ◀──
//
// The caller's terminal is held, which means raw, only while boxfile is in the foreground of
// its session: then every key, ^C and ^Z as well, is the box's. A Relay that does not hold the
// terminal still shows what the box says, reads nothing, and changes nothing.
package pty

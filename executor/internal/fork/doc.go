// Package fork runs a straight list of raw system calls in a forked child.
//
// Its input is a Listing: three lists of calls whose arguments are numbers,
// pointers into the listing's own memory, or registers that earlier calls
// filled. Its output is the child's process id and, on a socket, a few fixed
// messages. It knows nothing of boxes: what the calls mean is the business of
// package program, and what happens around the child that of package executor.
//
// The child is forked from a running Go program and never executes anything of
// Go that could allocate, lock, grow a stack or take a signal: only the loop of
// interp.go, over memory that was mapped and filled before the fork.
//
//	parent                      process 1 of the box            the command
//	  │ Start ── clone3 ──────────▶ Enter calls
//	  │◀── Doing, if asked for ──────┤ before a call, in each of the processes
//	  │                              │ clone ─────────────────────▶ Command calls
//	  │                              │◀───────────── execve or exit ┘
//	  │◀── Started, if asked for ────┤ Init calls, then reap and forward
//	  │◀── Signaled, wait status ────┤ the command's end, if a signal was it
//	  │◀── exit, the command's code ─┘
//
// Where there are Stage calls, another process makes them first, forks process 1 as
// its sibling, says Forked, and is over. Process 1 waits until it is told to go on.
//
// Process 1 ends with the command's own code, and says so only when that could
// not tell a signal from an exit. A Failed is said before the end of a process that could not go on.
//
// Without Init the Command calls follow the Enter calls in the same process,
// and its death is its status.
package fork

// Package program lowers a portable plan to the system calls of one machine.
//
// Lower is a pure function of a plan and of host.Facts. Its result, a Program,
// is plain data: host ops that boxfile does itself and can undo, and lists of
// raw system calls for the forked child. WriteText prints exactly these calls,
// and the executor makes exactly these calls; a traced run is compared with
// them op by op.
//
// A box that joins namespaces, or has clocks of its own, needs a child before its own:
// whoever joins or makes a pid or time namespace is not in it, but those are that it forks.
//
//	stage   namespaces are joined, those of the host first; the others are made; clocks are set
//
// The child opens, enters, attaches:
//
//	open    every source becomes a detached mount, while host paths mean host paths
//	enter   the root is attached and pivoted into; from here "/" is the box's own
//	fill    directories and files of generated trees are made
//	attach  each detached mount is moved to its target, resolved inside the box's root
//	guard   masks and read-only paths
//	seal    generated trees become read-only
//	settle  host name, loopback
//
// and then the command's process limits itself and executes. The package makes
// no call of its own and does not look at the machine.
package program

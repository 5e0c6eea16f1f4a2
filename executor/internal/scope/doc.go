// Package scope has systemd put boxfile into a transient scope of its own whose
// cgroup is delegated: a place below which boxfile may make cgroups and set
// limits. A user needs it who was started outside the user manager, as from an
// ssh session: there the kernel lets nobody but systemd move the process.
//
// Its input is a name, a description and how long to wait; its output is that
// the process is in the scope, or an error. It knows nothing of boxes and makes
// no cgroups. The scope goes when its last process does.
//
//	boxfile                                     manager, or the bus before it
//	  │ connect, SO_PEERCRED: caller or root ─────▶ │
//	  │ NUL, AUTH EXTERNAL uid ───────────────────▶ │
//	  │ ◀──────────────────────────────────── OK ── │
//	  │ BEGIN, [Hello, AddMatch,] StartTransientUnit▶│
//	  │ ◀──────────────────────────── reply: job ── │ moves the process
//	  │ ◀───────── signal JobRemoved: job, done ─── │
//	  │ reads /proc/self/cgroup                     │
//
// Where the manager is depends on the caller's uid alone: XDG_RUNTIME_DIR and
// DBUS_SESSION_BUS_ADDRESS are not read, because no environment variable may
// choose who is asked to confine a box.
//
// The client is written by hand, for the four messages of the picture, because a
// library is paid for on every start, also by boxes without a scope. Linked but
// never called, against boxfile without it, as paired starts of one box that runs true:
//
//	                        package init   start         CPU time      binary
//	this package            +0.01 ms      0.996-1.013   0.997-1.004   +0.07 MB
//	godbus/dbus v5.2.4      +0.05 ms      1.003-1.032   1.017-1.035   +0.86 MB
//	go-systemd v22.7.0      +0.08 ms      1.012-1.026   1.022-1.032   +1.11 MB
//	boxfile once more       +0.00 ms      0.984-1.012   0.995-1.006
//
// The ratios are medians of series of 1,000 to 3,500 starts in turns, in the way
// of cmd/boxfile/internal/bench, on copies of what "make build" makes, on 2 cores
// that others used as well; the first column is what GODEBUG=inittrace=1 boxfile version
// sums up to. Both libraries bring package net with them, which boxfile does without.
//
// Standards: the D-Bus specification, and org.freedesktop.systemd1(5).
package scope

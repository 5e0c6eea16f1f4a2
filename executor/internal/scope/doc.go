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
// The client is written by hand, for the four messages of the picture. A library is
// paid for on every start, also by boxes without a scope: linked and never
// called, on copies of the binaries, 1,000 starts each of a box that runs true, in turns,
//
//	                              package init   start, paired    binary
//	godbus/dbus v5.2.4               +0.07 ms        +2.5 %      +0.86 MB
//	coreos/go-systemd v22.7.0        +0.14 ms        +2.4 %      +1.11 MB
//
// where the same binary twice differed by 0.2 %. They bring package net with
// them, which boxfile does without. (D-Bus specification 0.43,
// org.freedesktop.systemd1(5).)
package scope

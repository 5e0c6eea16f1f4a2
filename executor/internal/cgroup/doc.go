// Package cgroup makes, fills, reads and removes the cgroups of one box,
// cgroups(7), on v1 and v2 alike: to it a cgroup is a directory with files.
//
// All boxes of one place share one directory there, "boxfile":
//
//	PARENT/boxfile/NAME-ID        the limits
//	PARENT/boxfile/NAME-ID/box    the box, which sees it as "/"
//	PARENT/boxfile/supervisor-ID  boxfile itself, where it has to leave PARENT
//
// There are two of the box's because whoever makes a user and a cgroup namespace
// in it can mount what it sees, and may then own the files there: the limits are
// not among them (the box's own root is the lower one).
//
// The upper one is locked (flock(2)) by whoever made it for as long as that process lives,
// so that Sweep can tell a cgroup that was left behind from one that is about to
// be used. What the box's limits are called is the business of package program.
//
// The libraries of this field (opencontainers/cgroups, containerd/cgroups) make
// one cgroup in a path of their choosing, from the OCI's form of limits, through
// D-Bus, systemd and eBPF packages, which every start would pay for; they neither
// read a limit back nor lock what they make.
package cgroup

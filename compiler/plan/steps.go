package plan

import (
	"strings"
)

// CreateSource makes a missing mount source on the host: an empty directory
// (mode 0755) or file (0644), owned by the caller. An existing one is left as it is.
type CreateSource struct {
	Path string `json:"path"` // absolute, or relative to the Boxfile's folder
	Type string `json:"type"` // "dir" or "file"
}

// Keep opens and locks the directory that keeps what the box writes, making it
// (mode 0700) when it is missing. Two boxes never share one.
type Keep struct {
	Dir string `json:"dir"`
}

// Cgroup makes a cgroup of the box's own (cgroups(7)), in which the limits of the
// following steps hold, and has the box begin in it. Its place is this machine's
// business: below the caller's own cgroup or in the subtree that is delegated to
// the caller, on v1 or v2. The box sees it as "/" and cannot write to it.
type Cgroup struct {
	// BestEffort leaves out what this machine cannot enforce, and says so when
	// the box is started. Without it, such a limit means that nothing runs.
	BestEffort bool `json:"best_effort,omitempty"`
	// Ends has all that is in the cgroup end with the command, or with boxfile: the box
	// shares its pid namespace, whose end would otherwise see to that.
	Ends bool `json:"ends,omitempty"`
}

// Limit bounds one resource of the box as a whole. A nil Value is unlimited.
//
//	memory       bytes; past them, the kernel ends a process of the box
//	memory_high  bytes; past them, the kernel slows the box down and reclaims
//	swap         bytes of swap alone
//	cpus         microseconds of CPU time in each 100 ms of wall time
//	cpu_weight   1 to 10000, against siblings that want the CPU too; 100 is the kernel's default
//	pids         processes and threads, boxfile's own process 1 included
type Limit struct {
	Resource string  `json:"resource"`
	Value    *uint64 `json:"value"`
	// Optional lets the step pass where the host has no such resource: no swap to be limited.
	Optional bool `json:"optional,omitempty"`
}

// CPUSet is the processors that the box may run on, as in "0-3,6", sorted and joined.
type CPUSet struct {
	CPUs string `json:"cpus"`
}

// IO bounds the transfers with one disk. Nil bounds are unlimited.
type IO struct {
	// Device is a block device, or any path of a file system: then it is the disk below that.
	Device    string  `json:"device"`              // absolute, or relative to the Boxfile's folder
	ReadBPS   *uint64 `json:"read_bps,omitempty"`  // bytes a second
	WriteBPS  *uint64 `json:"write_bps,omitempty"` // bytes a second
	ReadIOPS  *uint64 `json:"read_iops,omitempty"`
	WriteIOPS *uint64 `json:"write_iops,omitempty"`
	Weight    *uint64 `json:"weight,omitempty"` // 1 to 10000
}

// OOM says who ends when the memory limit is reached.
type OOM struct {
	Kill string `json:"kill"` // "box": all of it, not one process
}

// CgroupFile writes a file of the box's cgroup as it is, on v2 only.
type CgroupFile struct {
	File  string `json:"file"`
	Value string `json:"value"`
}

// Timeout ends the box when it has run for so long: the signal goes to the
// command, and after the grace period everything in the box is killed.
type Timeout struct {
	After  int64  `json:"after"`  // nanoseconds of wall time
	Signal string `json:"signal"` // without SIG
	Grace  int64  `json:"grace"`  // nanoseconds
}

// Publish listens on the host, at Count ports in a row, before the box is made. A
// connection to the first goes to port Box of the box, to the second to the port
// after it, and so on. It ends with the box.
type Publish struct {
	Address  string `json:"address"` // of this machine: IPv4 or IPv6, never a name
	Host     uint16 `json:"host"`    // 0: any that is free; boxfile says which
	Box      uint16 `json:"box"`
	Count    uint16 `json:"count"`
	Protocol string `json:"protocol"` // "tcp" or "udp"
}

// Outbound connects the box's network namespace to the networks that the host
// reaches, before the box goes on: by the helper pasta(1), or slirp4netns(1) where
// only that is there. The box is 10.0.2.100, its router 10.0.2.2. Nothing is let in.
type Outbound struct {
	DNS string `json:"dns,omitempty"` // where the host's name servers answer, unless the file names others
}

// CloseFDs closes every descriptor but 0, 1 and 2.
type CloseFDs struct{}

// Session makes the box a session of its own, without a controlling terminal (setsid(2)).
type Session struct{}

// Rootfs opens the tree that becomes "/".
type Rootfs struct {
	Type     string   `json:"type"`             // "dir": Source; "tmpfs": a generated tree
	Source   string   `json:"source,omitempty"` // for "dir"
	ReadOnly bool     `json:"read_only"`        // for "tmpfs": after everything is in place
	Options  []string `json:"options"`          // nosuid, nodev
	Write    string   `json:"write"`            // "none", "discard", "keep"
	Keep     string   `json:"keep,omitempty"`   // directory, for Write "keep"
}

// System gives a path of the host's operating system as it is there: a symbolic
// link stays the same link, a directory or file is bound read-only with nosuid
// and nodev, and what the host does not have stays absent.
type System struct {
	Path  string `json:"path"`
	Write string `json:"write"`          // as Rootfs.Write, for directories
	Keep  string `json:"keep,omitempty"` // as Rootfs.Keep
}

// Mount attaches a file system at Target. Its source is opened while host paths
// still mean host paths, and attached once "/" is the box's own.
type Mount struct {
	Type     string   `json:"type"`             // bind, tmpfs, overlay, proc, sysfs, devpts, mqueue
	Source   string   `json:"source,omitempty"` // for bind: host path, or relative to the Boxfile's folder
	Target   string   `json:"target"`
	ReadOnly bool     `json:"read_only"` // recursive
	Options  []string `json:"options"`   // nosuid, nodev, noexec, nosymfollow; sorted, recursive
	Optional bool     `json:"optional,omitempty"`
	Size     int64    `json:"size,omitempty"`  // tmpfs: bytes
	Perms    string   `json:"perms,omitempty"` // tmpfs: octal, as in "0755"
	Lower    []string `json:"lower,omitempty"` // overlay: host directories, topmost first
	Write    string   `json:"write,omitempty"` // overlay: as Rootfs.Write
	Keep     string   `json:"keep,omitempty"`  // overlay: as Rootfs.Keep
}

// File puts a generated file at Target: in place where the tree there is
// generated, as a read-only mount of its own otherwise.
type File struct {
	Target   string `json:"target"`
	Content  string `json:"content"`
	Perms    string `json:"perms"`
	ReadOnly bool   `json:"read_only"`
}

// Symlink makes a symbolic link in a generated tree.
type Symlink struct {
	Target string `json:"target"` // where the link is
	Link   string `json:"link"`   // what it says
}

// Dir makes a directory in a generated tree.
type Dir struct {
	Target string `json:"target"`
	Perms  string `json:"perms"`
}

// Dev builds a minimal /dev: a tmpfs with Nodes bound from the host, links
// (fd, stdin, stdout, stderr, ptmx), an own devpts at /dev/pts and a tmpfs at /dev/shm.
type Dev struct {
	Nodes   []string `json:"nodes"`
	ShmSize int64    `json:"shm_size"` // bytes
}

// Device adds one host device to the box's /dev.
type Device struct {
	Path string `json:"path"` // below /dev
}

// PivotRoot makes the rootfs "/" and lets go of the host's (pivot_root(2)).
type PivotRoot struct{}

// Chroot makes the rootfs "/" by chroot(2), for hosts whose own root is a ramfs.
type Chroot struct{}

// Mask hides paths: a file reads as /dev/null, a directory is empty and read-only.
type Mask struct {
	Paths    []string `json:"paths"`
	Optional bool     `json:"optional,omitempty"` // absent paths are passed over, and * stands for any part of a name
}

// Pattern reports whether a path of the step stands for all that fit it.
func (m *Mask) Pattern(path string) bool { return m.Optional && strings.Contains(path, "*") }

// Readonly makes paths read-only, recursively.
type Readonly struct {
	Paths    []string `json:"paths"`
	Optional bool     `json:"optional,omitempty"`
}

// Hostname sets the host name in the box's uts namespace.
type Hostname struct {
	Name string `json:"name"`
}

// Loopback brings up the lo interface of the box's network namespace.
type Loopback struct{}

// PortAddress gives lo the addresses that connections to published ports lead to.
// Services that listen on the box's 127.0.0.1 alone stay unreachable. A TCP
// client keeps its own address, unless it is on the host's loopback, which becomes
// the address in Host. UDP clients get an address each in the network UDP. What is
// sent from an address in Box goes nowhere but back.
type PortAddress struct {
	Box  []string `json:"box"`           // one of IPv4, and one of IPv6 if such a port is published
	Host []string `json:"host"`          // in the same order
	UDP  string   `json:"udp,omitempty"` // if a port of UDP is published
}

// BlockLoopback lets nothing leave the box for 127.0.0.0/8. A process can address
// such packets to the way out, and what carries them there may deliver them to the
// host's loopback. What the box sends to its own loopback is not touched.
type BlockLoopback struct{}

// Rlimit sets a resource limit (setrlimit(2)). A nil bound is unlimited. Where
// AtMost is set, a lower limit of the caller's stands.
type Rlimit struct {
	Name   string  `json:"name"` // lower case, without RLIMIT_
	Soft   *uint64 `json:"soft"`
	Hard   *uint64 `json:"hard"`
	AtMost bool    `json:"at_most,omitempty"`
}

// Env sets one variable of the box's environment, which is otherwise empty.
type Env struct {
	Name  string    `json:"name"`
	Value []EnvPart `json:"value,omitempty"`
	// Pass takes the caller's value: "always" ("" where the caller has none
	// means the variable stays unset), or "tty": only in a box with a terminal of its own.
	Pass string `json:"pass,omitempty"`
}

// EnvPart is literal Text, or the name of a Secret input whose value never enters a plan.
type EnvPart struct {
	Text   string `json:"text,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// Workdir is the directory the command starts in.
type Workdir struct {
	Path string `json:"path"`
}

// Umask sets the file mode creation mask, in octal.
type Umask struct {
	Mask string `json:"mask"`
}

// Groups sets the supplementary groups. Under the caller's own identity the
// kernel does not allow that: then Kept is set, and the caller's groups stay.
type Groups struct {
	GIDs []uint32 `json:"gids"`
	Kept bool     `json:"kept,omitempty"`
}

// User sets the box user's ids.
type User struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// Capabilities sets the five sets of capabilities(7) that the command starts
// with, by names without CAP_, sorted.
type Capabilities struct {
	Bounding    []string `json:"bounding"`
	Permitted   []string `json:"permitted"`
	Effective   []string `json:"effective"`
	Inheritable []string `json:"inheritable"`
	Ambient     []string `json:"ambient"`
}

// NoNewPrivs sets no_new_privs (prctl(2)).
type NoNewPrivs struct{}

// Keyring joins a new, empty session keyring (keyrings(7)), where the filter of system
// calls does not keep the box from the caller's. Each takes one of the caller's 200 keys.
type Keyring struct{}

// Landlock is a second wall of the same mounts (landlock(7)): the command and all that
// it starts may read and execute what they see, and write below Write alone, whatever
// mounts say. Signals and abstract unix sockets reach no process outside of it.
type Landlock struct {
	ABI int `json:"abi"` // version of Landlock that knows all of this
	// BestEffort takes what an older kernel knows, or nothing, and says so when the box is started.
	BestEffort bool           `json:"best_effort,omitempty"`
	Write      []LandlockPath `json:"write"`
	Devices    []string       `json:"devices"` // device files that may be written and controlled
}

// LandlockPath is a tree or a file of the box.
type LandlockPath struct {
	Path     string `json:"path"`
	Optional bool   `json:"optional,omitempty"` // it may be missing
}

// Seccomp restricts the system calls of the command and of all that it starts
// (seccomp(2)). The first rule that fits a call decides, Otherwise where none does.
// Calls of another architecture than the machine's own end the process.
type Seccomp struct {
	// Profile is "default", or the path of a profile as the file has it.
	Profile string `json:"profile"`
	// Digest stands for the rules of the default profile as it is without any
	// capability: "sha256:" and the hash of their canonical JSON. They are not written out then.
	Digest    string         `json:"digest,omitempty"`
	Otherwise *SeccompAction `json:"otherwise,omitempty"`
	Rules     []SeccompRule  `json:"rules,omitempty"`
}

// SeccompAction is what becomes of a call: "allow", "errno", "log" (allow and log),
// "trap" (SIGSYS), "kill_thread" or "kill_process".
type SeccompAction struct {
	Action string `json:"action"`
	Errno  uint16 `json:"errno,omitempty"` // of "errno"
}

// SeccompRule is an action for some calls. Names that the machine's architecture
// does not have are passed over.
type SeccompRule struct {
	Calls  []string     `json:"calls"`
	Arches []string     `json:"arches,omitempty"` // GOARCH; empty: all
	Args   []SeccompArg `json:"args,omitempty"`   // all of them have to hold
	SeccompAction
}

// SeccompArg compares argument Index (0 to 5), masked first where there is a Mask,
// with Value, as unsigned numbers of 64 bits.
type SeccompArg struct {
	Index uint8   `json:"index"`
	Mask  *uint64 `json:"mask,omitempty"`
	Op    string  `json:"op"` // "==", "!=", "<", "<=", ">", ">="
	Value uint64  `json:"value"`
}

// Init keeps a process 1 of boxfile's own in the box, which starts the command
// as its child, forwards signals to it and reaps orphans.
type Init struct{}

// Exec runs the command. A first word without a slash is looked up in the box's
// PATH, inside the box.
type Exec struct {
	Args []string `json:"args"`
}

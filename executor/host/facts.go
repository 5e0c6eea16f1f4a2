// Package host finds out what this machine is and who is calling: the facts
// that turn a portable plan into this machine's program.
//
// Probe is the only function that looks; what it returns is a plain value, so
// that everything decided from it can be tested without the machine.
package host

// Facts is what a program depends on besides its plan.
type Facts struct {
	Kernel   Version
	UID, GID int
	Folder   string // absolute path of the Boxfile's folder
	Caller   Caller
	Paths    map[string]Path     // for each path of Needs, and each that Matches has
	Matches  map[string][]string // for each of Needs.Patterns: the paths it stands for here
	NoFile   uint64              // hard limit of open files, RLIMIT_NOFILE
	NProc    uint64              // hard limit of processes, RLIMIT_NPROC
	SubUIDs  []Range             // the caller's subordinate ids, subuid(5); only where Needs asks
	SubGIDs  []Range
	IDTools  IDTools
	Outbound Outbound        // only where Needs asks
	Cgroups  Cgroups         // only where Needs asks
	Disks    map[string]Disk // for each path of Needs.Disks
	PageSize int             // bytes; memory limits are counted in pages
	Landlock int             // version of its ABI, 0: none; only where Needs asks
	// Namespaces are those that a plan joins, by path.
	Namespaces map[string]Namespace
}

// Caller is what the one who runs boxfile hands over.
type Caller struct {
	Env      map[string]string // values of the variables that Needs names, where set
	Secrets  map[string]string // values of secret inputs
	Terminal Terminal          // only where Needs asks
}

// Terminal is what stands at the standard descriptors, and how the one at
// standard input is set, where that is one.
type Terminal struct {
	At             [3]bool // which are terminals
	Modes          Modes
	Rows, Cols     uint16
	XPixel, YPixel uint16
}

// Modes are the settings of a terminal, termios(3), in the kernel's own form.
type Modes struct {
	Input, Output, Control, Local uint32
	Line                          uint8
	Chars                         [19]uint8
}

// Version is the kernel's release.
type Version struct{ Major, Minor int }

// Less reports whether v is older than major.minor.
func (v Version) Less(major, minor int) bool {
	return v.Major < major || v.Major == major && v.Minor < minor
}

// PathType says what stands at a path.
type PathType uint8

// The types of Path. Other is a socket or a FIFO.
const (
	Missing PathType = iota
	Directory
	File
	Link // only where Needs asks for the path itself
	Device
	Other
)

// Path is what stands at a path.
type Path struct {
	Type PathType
	Link string // text of a Link
	Err  error  // why the type is not known; nil where it is
}

// Namespace is what stands at the path of a namespace.
type Namespace struct {
	Type  uint64 // CLONE_NEW*, clone(2)
	Below bool   // it is owned by the user namespace that the plan joins, or by one below that
	Own   bool   // it is boxfile's own user namespace
	Err   error  // why there is none, or it is not known; nil where it is
}

// Range is a run of subordinate ids.
type Range struct{ First, Size uint32 }

// IDTools are the helpers that write id maps for ordinary users, where present.
type IDTools struct{ UID, GID string }

// Outbound is what connects a box to other networks, where present, and why
// /dev/net/tun, which it works with, cannot be opened.
type Outbound struct {
	Pasta, Slirp string
	Tun          error
}

// Needs is what a plan wants to know of a host.
type Needs struct {
	Folder   string   // absolute path of the Boxfile's folder
	Follow   []string // paths whose symbolic links are followed
	Itself   []string // paths whose own type counts
	TTY      bool     // whether the standard descriptors are terminals
	Patterns []string // absolute paths with * for any part of a name; the type of what they match counts
	Env      []string // variables of the caller
	EnvTTY   []string // the same, wanted only when standard input is a terminal
	SubIDs   bool
	Landlock bool
	// Outbound is wanted.
	Outbound bool
	// Controllers are those of cgroups(7), by v1's names, that limits are wanted from.
	Controllers []string
	Cgroups     bool     // wanted, with or without controllers
	Disks       []string // paths whose disk is wanted
	Namespaces  []string // paths of namespaces
}

package schema

// Pos is a place in a Boxfile, counted from 1 in lines and in characters. The
// zero Pos means "not in the file": the value is a default.
type Pos struct{ Line, Col int }

// IsSet reports whether the position lies in a file.
func (p Pos) IsSet() bool { return p.Line > 0 }

// Field is one value of a Boxfile and the place that says it. Where the file
// is silent, Pos is zero and Value is the default of the schema.
type Field[T any] struct {
	Value T
	Pos   Pos
}

// IsSet reports whether the file says the value itself.
func (f Field[T]) IsSet() bool { return f.Pos.IsSet() }

// Boxfile is the typed document: what the file says, with positions, after
// inputs were filled in, and with every default of the schema made explicit.
// The yaml tags are the schema's property names; a test holds the two together.
type Boxfile struct {
	File        string          // base name of the file, as positions show it
	Version     Field[int64]    `yaml:"boxfile"`
	Name        Field[string]   `yaml:"name"`
	Description Field[string]   `yaml:"description"`
	Inputs      []Input         `yaml:"inputs"`
	Rootfs      Rootfs          `yaml:"rootfs"`
	Hostname    Field[string]   `yaml:"hostname"` // default: Name
	Namespaces  Namespaces      `yaml:"namespaces"`
	Network     Network         `yaml:"network"`
	Ports       []Port          `yaml:"ports"`
	IDMap       IDMap           `yaml:"idmap"`
	Mounts      []Mount         `yaml:"mounts"`
	Devices     []Field[string] `yaml:"devices"` // host device paths
	Proc        Field[string]   `yaml:"proc"`    // new, host-ro, none
	Sys         Field[string]   `yaml:"sys"`     // none, ro
	Env         []EnvVar        `yaml:"env"`     // in file order
	EnvPass     []Field[string] `yaml:"env_pass"`
	Workdir     Field[string]   `yaml:"workdir"`
	User        User            `yaml:"user"`
	Groups      []Field[int64]  `yaml:"groups"`
	Umask       Field[uint32]   `yaml:"umask"` // parsed from octal
	Rlimits     []Rlimit        `yaml:"rlimits"`
	Resources   Resources       `yaml:"resources"`
	Timeout     Field[int64]    `yaml:"timeout"` // nanoseconds; not set: no timeout
	Stop        Stop            `yaml:"stop"`
	TTY         Field[string]   `yaml:"tty"` // auto, true, false
	Init        Field[bool]     `yaml:"init"`
	Command     Command         `yaml:"command"`
	Shell       Field[string]   `yaml:"shell"` // set when Command is not
	Security    Security        `yaml:"security"`
	Waive       []Waiver        `yaml:"waive"`

	path string // as the user named the file
	text []byte
}

// Collector returns an empty collector for diagnostics about this Boxfile.
func (b *Boxfile) Collector() *Collector { return NewCollector(b.path, b.text) }

// Input is one declared input. Value is what --input or the default gave.
type Input struct {
	Name        Field[string]
	Description Field[string] `yaml:"description"`
	Default     Field[string] `yaml:"default"`
	Secret      Field[bool]   `yaml:"secret"`
	Value       string        // empty for secrets: their value never enters the document
}

// Rootfs says which tree becomes "/". Exactly one of Host, Empty and Dir is chosen.
type Rootfs struct {
	Pos   Pos
	Host  Field[bool]   `yaml:"host"`
	Empty Field[bool]   `yaml:"empty"`
	Dir   Field[string] `yaml:"dir"` // as written: absolute, ./ or ../
	Write Write         `yaml:"write"`
	Enter Field[string] `yaml:"enter"` // pivot_root, chroot
}

// Write says what becomes of writes to a tree: none, discard, or kept in a directory.
type Write struct {
	Pos  Pos
	Mode string        // "none", "discard", "keep"
	Keep Field[string] `yaml:"keep"` // directory as written, for Mode "keep"
}

// Namespaces says where each kind comes from. Mount is always new, network has its own key.
type Namespaces struct {
	Pid    Namespace `yaml:"pid"`
	Ipc    Namespace `yaml:"ipc"`
	Uts    Namespace `yaml:"uts"`
	User   Namespace `yaml:"user"`
	Cgroup Namespace `yaml:"cgroup"`
	Time   Clocks    `yaml:"time"`
}

// Namespace is one of new, host and join; Join belongs to the last.
type Namespace struct {
	Pos  Pos
	Mode string
	Join Field[string] `yaml:"join"` // as written: absolute, ./ or ../
}

// Clocks is a time namespace: host, join with Join, or new with offsets of its clocks.
type Clocks struct {
	Pos       Pos
	Mode      string
	Join      Field[string] `yaml:"join"`
	Boottime  Field[int64]  `yaml:"boottime"`  // nanoseconds
	Monotonic Field[int64]  `yaml:"monotonic"` // nanoseconds
}

// Network says what the box reaches.
type Network struct {
	Pos   Pos
	Mode  Field[string]   `yaml:"mode"`  // none, outbound, host, join
	Join  Field[string]   `yaml:"join"`  // as written: absolute, ./ or ../; for Mode join
	DNS   []Field[string] `yaml:"dns"`   // addresses
	Hosts []HostEntry     `yaml:"hosts"` // in file order
}

// HostEntry is a line of /etc/hosts.
type HostEntry struct{ Name, Address Field[string] }

// Port is one entry of ports, in either of its spellings: Count ports in a row.
type Port struct {
	Pos      Pos
	Address  Field[string] `yaml:"address"` // as netip.Addr prints it
	Host     Field[int64]  `yaml:"host"`    // 0: any
	Box      Field[int64]  `yaml:"box"`
	Count    int64
	Protocol Field[string] `yaml:"protocol"` // tcp, udp
}

// IDMap says who the box's ids are outside. Mode is "caller", "subuid" or
// "ranges"; UIDs and GIDs belong to "ranges".
type IDMap struct {
	Pos  Pos
	Mode string
	UIDs []IDRange `yaml:"uids"`
	GIDs []IDRange `yaml:"gids"`
}

// IDRange maps Size ids that begin at Box inside to those that begin at Host outside.
type IDRange struct {
	Pos  Pos
	Box  Field[int64] `yaml:"box"`
	Host Field[int64] `yaml:"host"`
	Size Field[int64] `yaml:"size"`
}

// Mount is one entry of mounts, in either of its spellings.
type Mount struct {
	Pos      Pos
	Type     Field[string]   `yaml:"type"` // bind tmpfs overlay proc sysfs devpts mqueue file symlink dir
	Source   Field[string]   `yaml:"source"`
	Target   Field[string]   `yaml:"target"` // absolute, clean
	Mode     Field[string]   `yaml:"mode"`   // ro, rw; default ro for bind, overlay, file; rw for the others
	Options  []Field[string] `yaml:"options"`
	Size     Field[int64]    `yaml:"size"`  // bytes; 0: the kernel's default
	Perms    Field[uint32]   `yaml:"perms"` // permission bits, parsed from octal
	Optional Field[bool]     `yaml:"optional"`
	Create   Field[string]   `yaml:"create"`  // "", dir, file: make a missing source
	Content  Field[string]   `yaml:"content"` // for type file
	Lower    []Field[string] `yaml:"lower"`   // for type overlay: directories, topmost first
	Write    Write           `yaml:"write"`   // for type overlay
}

// EnvVar is one entry of env. Value is literal text and secret inputs in turn.
type EnvVar struct {
	Name  Field[string]
	Value []EnvPart
	Pos   Pos // of the value
}

// EnvPart is either literal Text or the name of a Secret input.
type EnvPart struct{ Text, Secret string }

// User is the box user's numeric ids. Nothing in the rootfs decides them.
type User struct {
	Pos Pos
	UID uint32
	GID uint32
}

// Rlimit is one resource limit of setrlimit(2). Soft and Hard hold Unlimited for "unlimited".
type Rlimit struct {
	Pos  Pos
	Name Field[string] // lower case, without RLIMIT_
	Soft Field[uint64] `yaml:"soft"`
	Hard Field[uint64] `yaml:"hard"`
}

// Resources are the limits of the box as a whole (cgroups(7)). A field that is
// not set is no limit, except Swap.
type Resources struct {
	Pos        Pos           // of the key; not set: the file has none
	Memory     Field[uint64] `yaml:"memory"`      // bytes, a multiple of 4096
	MemoryHigh Field[uint64] `yaml:"memory_high"` // bytes, a multiple of 4096
	Swap       Field[uint64] `yaml:"swap"`        // bytes, a multiple of 4096, or Unlimited; not set: 0 beside Memory
	CPUs       Field[uint64] `yaml:"cpus"`        // microseconds in each 100 ms
	CPUWeight  Field[uint64] `yaml:"cpu_weight"`
	CPUSet     Field[string] `yaml:"cpuset"` // sorted, ranges joined
	Pids       Field[uint64] `yaml:"pids"`
	IO         []IO          `yaml:"io"`
	Unified    []CgroupFile  `yaml:"unified"` // in file order
	OOM        Field[string] `yaml:"oom"`     // process, box
	Enforce    Field[string] `yaml:"enforce"` // strict, best-effort
}

// IO is one entry of resources.io. A field that is not set is no limit.
type IO struct {
	Pos       Pos
	Device    Field[string] `yaml:"device"`    // as written: absolute, ./ or ../
	ReadBPS   Field[uint64] `yaml:"read_bps"`  // bytes
	WriteBPS  Field[uint64] `yaml:"write_bps"` // bytes
	ReadIOPS  Field[uint64] `yaml:"read_iops"`
	WriteIOPS Field[uint64] `yaml:"write_iops"`
	Weight    Field[uint64] `yaml:"weight"`
}

// CgroupFile is one entry of resources.unified.
type CgroupFile struct {
	File  Field[string]
	Value Field[string]
}

// Stop says how the box ends before its command does: by Timeout, or because boxfile gets SIGTERM or SIGINT.
type Stop struct {
	Pos    Pos
	Signal Field[string] `yaml:"signal"` // without SIG
	Grace  Field[int64]  `yaml:"grace"`  // nanoseconds
}

// Unlimited is RLIM_INFINITY of setrlimit(2).
const Unlimited = ^uint64(0)

// Command is the list form of what runs.
type Command struct {
	Pos  Pos
	Args []Field[string]
}

// Security holds what the box may do beyond nothing.
type Security struct {
	Pos          Pos
	Capabilities Capabilities    `yaml:"capabilities"`
	Seccomp      Field[string]   `yaml:"seccomp"` // default, none, or a path as written: absolute, ./ or ../
	NoNewPrivs   Field[bool]     `yaml:"no_new_privs"`
	Landlock     Field[string]   `yaml:"landlock"` // false, true, best-effort
	Mask         []Field[string] `yaml:"mask"`
	Readonly     []Field[string] `yaml:"readonly"`
}

// Waiver is one entry of waive.
type Waiver struct {
	Pos    Pos
	Risk   Field[string] `yaml:"risk"` // an id; the compiler knows which there are
	Reason Field[string] `yaml:"reason"`
	Until  Field[string] `yaml:"until"` // the last day, as in "2027-01-31"; not set: for good
}

// Capabilities is "none", "default", or "list" with Names (upper case, without CAP_).
type Capabilities struct {
	Pos   Pos
	Mode  string
	Names []Field[string]
}

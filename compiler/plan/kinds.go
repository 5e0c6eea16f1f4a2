package plan

import (
	"reflect"
	"sync"
)

// Side says where a step happens.
type Side string

// Host steps are done by boxfile before and beside the box, and each has an
// undo. Box steps are done by the forked child.
const (
	Host Side = "host"
	Box  Side = "box"
)

// Step is one thing a reviewer cares about, with its literal operands. The set
// of steps is closed: it is the types of this file's table, and whoever reads
// steps does so with a Visitor.
type Step interface {
	Accept(Visitor) error
}

// Visitor answers for every kind of step. A new kind adds a method, so that no
// renderer, exporter or lowering builds until it answers for it.
type Visitor interface {
	CreateSource(*CreateSource) error
	Keep(*Keep) error
	Cgroup(*Cgroup) error
	Limit(*Limit) error
	CPUSet(*CPUSet) error
	IO(*IO) error
	OOM(*OOM) error
	CgroupFile(*CgroupFile) error
	Timeout(*Timeout) error
	Stop(*Stop) error
	Publish(*Publish) error
	Outbound(*Outbound) error
	IDMapRanges(*IDMapRanges) error
	Join(*Join) error
	CloseFDs(*CloseFDs) error
	Session(*Session) error
	Unshare(*Unshare) error
	Clocks(*Clocks) error
	IDMap(*IDMap) error
	Propagation(*Propagation) error
	Rootfs(*Rootfs) error
	System(*System) error
	Mount(*Mount) error
	File(*File) error
	Symlink(*Symlink) error
	Dir(*Dir) error
	Dev(*Dev) error
	Device(*Device) error
	PivotRoot(*PivotRoot) error
	Chroot(*Chroot) error
	Mask(*Mask) error
	Readonly(*Readonly) error
	Hostname(*Hostname) error
	Loopback(*Loopback) error
	PortAddress(*PortAddress) error
	BlockLoopback(*BlockLoopback) error
	Rlimit(*Rlimit) error
	Umask(*Umask) error
	Groups(*Groups) error
	User(*User) error
	Workdir(*Workdir) error
	Capabilities(*Capabilities) error
	Keyring(*Keyring) error
	NoNewPrivs(*NoNewPrivs) error
	Landlock(*Landlock) error
	Seccomp(*Seccomp) error
	TTY(*TTY) error
	Init(*Init) error
	Env(*Env) error
	Exec(*Exec) error
}

// Info is a row of the table of kinds.
type Info struct {
	Name string // as JSON and text show it
	Side Side
	New  func() Step // an empty step of the kind
}

// kinds is the table of step kinds, in the order in which a plan has them.
// Nothing else spells a kind's name or side. It is constant data: nothing is made at start.
var kinds = [...]Info{
	{"create_source", Host, func() Step { return new(CreateSource) }},
	{"keep", Host, func() Step { return new(Keep) }},
	{"cgroup", Host, func() Step { return new(Cgroup) }},
	{"limit", Host, func() Step { return new(Limit) }},
	{"cpuset", Host, func() Step { return new(CPUSet) }},
	{"io", Host, func() Step { return new(IO) }},
	{"oom", Host, func() Step { return new(OOM) }},
	{"cgroup_file", Host, func() Step { return new(CgroupFile) }},
	{"timeout", Host, func() Step { return new(Timeout) }},
	{"stop", Host, func() Step { return new(Stop) }},
	{"publish", Host, func() Step { return new(Publish) }},
	{"outbound", Host, func() Step { return new(Outbound) }},
	{"idmap_ranges", Host, func() Step { return new(IDMapRanges) }},
	{"join", Box, func() Step { return new(Join) }},
	{"close_fds", Box, func() Step { return new(CloseFDs) }},
	{"session", Box, func() Step { return new(Session) }},
	{"unshare", Box, func() Step { return new(Unshare) }},
	{"clocks", Box, func() Step { return new(Clocks) }},
	{"idmap", Box, func() Step { return new(IDMap) }},
	{"propagation", Box, func() Step { return new(Propagation) }},
	{"rootfs", Box, func() Step { return new(Rootfs) }},
	{"system", Box, func() Step { return new(System) }},
	{"mount", Box, func() Step { return new(Mount) }},
	{"file", Box, func() Step { return new(File) }},
	{"symlink", Box, func() Step { return new(Symlink) }},
	{"dir", Box, func() Step { return new(Dir) }},
	{"dev", Box, func() Step { return new(Dev) }},
	{"device", Box, func() Step { return new(Device) }},
	{"pivot_root", Box, func() Step { return new(PivotRoot) }},
	{"chroot", Box, func() Step { return new(Chroot) }},
	{"mask", Box, func() Step { return new(Mask) }},
	{"readonly", Box, func() Step { return new(Readonly) }},
	{"hostname", Box, func() Step { return new(Hostname) }},
	{"loopback", Box, func() Step { return new(Loopback) }},
	{"port_address", Box, func() Step { return new(PortAddress) }},
	{"block_loopback", Box, func() Step { return new(BlockLoopback) }},
	{"rlimit", Box, func() Step { return new(Rlimit) }},
	{"umask", Box, func() Step { return new(Umask) }},
	{"groups", Box, func() Step { return new(Groups) }},
	{"user", Box, func() Step { return new(User) }},
	{"workdir", Box, func() Step { return new(Workdir) }},
	{"keyring", Box, func() Step { return new(Keyring) }},
	{"capabilities", Box, func() Step { return new(Capabilities) }},
	{"no_new_privs", Box, func() Step { return new(NoNewPrivs) }},
	{"landlock", Box, func() Step { return new(Landlock) }},
	{"seccomp", Box, func() Step { return new(Seccomp) }},
	{"tty", Box, func() Step { return new(TTY) }},
	{"init", Box, func() Step { return new(Init) }},
	{"env", Box, func() Step { return new(Env) }},
	{"exec", Box, func() Step { return new(Exec) }},
}

// Kinds returns the table of step kinds. It must not be changed.
func Kinds() []Info { return kinds[:] }

// rowOf finds the rows by the types of their steps.
var rowOf = sync.OnceValue(func() map[reflect.Type]int {
	m := make(map[reflect.Type]int, len(kinds))
	for i, k := range kinds {
		m[reflect.TypeOf(k.New())] = i
	}
	return m
})

// InfoOf returns the table's row for a step.
func InfoOf(s Step) Info { return kinds[Row(s)] }

// Row returns the number of the table's row for a step.
func Row(s Step) int {
	i, ok := rowOf()[reflect.TypeOf(s)]
	if !ok {
		panic("plan: step of no kind: " + reflect.TypeOf(s).String()) // a type that is not in the table cannot implement Step by accident
	}
	return i
}

func (s *CreateSource) Accept(v Visitor) error  { return v.CreateSource(s) }
func (s *Keep) Accept(v Visitor) error          { return v.Keep(s) }
func (s *Cgroup) Accept(v Visitor) error        { return v.Cgroup(s) }
func (s *Limit) Accept(v Visitor) error         { return v.Limit(s) }
func (s *CPUSet) Accept(v Visitor) error        { return v.CPUSet(s) }
func (s *IO) Accept(v Visitor) error            { return v.IO(s) }
func (s *OOM) Accept(v Visitor) error           { return v.OOM(s) }
func (s *CgroupFile) Accept(v Visitor) error    { return v.CgroupFile(s) }
func (s *Timeout) Accept(v Visitor) error       { return v.Timeout(s) }
func (s *Stop) Accept(v Visitor) error          { return v.Stop(s) }
func (s *Publish) Accept(v Visitor) error       { return v.Publish(s) }
func (s *Outbound) Accept(v Visitor) error      { return v.Outbound(s) }
func (s *IDMapRanges) Accept(v Visitor) error   { return v.IDMapRanges(s) }
func (s *Join) Accept(v Visitor) error          { return v.Join(s) }
func (s *CloseFDs) Accept(v Visitor) error      { return v.CloseFDs(s) }
func (s *Session) Accept(v Visitor) error       { return v.Session(s) }
func (s *Unshare) Accept(v Visitor) error       { return v.Unshare(s) }
func (s *Clocks) Accept(v Visitor) error        { return v.Clocks(s) }
func (s *IDMap) Accept(v Visitor) error         { return v.IDMap(s) }
func (s *Propagation) Accept(v Visitor) error   { return v.Propagation(s) }
func (s *Rootfs) Accept(v Visitor) error        { return v.Rootfs(s) }
func (s *System) Accept(v Visitor) error        { return v.System(s) }
func (s *Mount) Accept(v Visitor) error         { return v.Mount(s) }
func (s *File) Accept(v Visitor) error          { return v.File(s) }
func (s *Symlink) Accept(v Visitor) error       { return v.Symlink(s) }
func (s *Dir) Accept(v Visitor) error           { return v.Dir(s) }
func (s *Dev) Accept(v Visitor) error           { return v.Dev(s) }
func (s *Device) Accept(v Visitor) error        { return v.Device(s) }
func (s *PivotRoot) Accept(v Visitor) error     { return v.PivotRoot(s) }
func (s *Chroot) Accept(v Visitor) error        { return v.Chroot(s) }
func (s *Mask) Accept(v Visitor) error          { return v.Mask(s) }
func (s *Readonly) Accept(v Visitor) error      { return v.Readonly(s) }
func (s *Hostname) Accept(v Visitor) error      { return v.Hostname(s) }
func (s *Loopback) Accept(v Visitor) error      { return v.Loopback(s) }
func (s *PortAddress) Accept(v Visitor) error   { return v.PortAddress(s) }
func (s *BlockLoopback) Accept(v Visitor) error { return v.BlockLoopback(s) }
func (s *Rlimit) Accept(v Visitor) error        { return v.Rlimit(s) }
func (s *Env) Accept(v Visitor) error           { return v.Env(s) }
func (s *Workdir) Accept(v Visitor) error       { return v.Workdir(s) }
func (s *Umask) Accept(v Visitor) error         { return v.Umask(s) }
func (s *Groups) Accept(v Visitor) error        { return v.Groups(s) }
func (s *User) Accept(v Visitor) error          { return v.User(s) }
func (s *Capabilities) Accept(v Visitor) error  { return v.Capabilities(s) }
func (s *NoNewPrivs) Accept(v Visitor) error    { return v.NoNewPrivs(s) }
func (s *Keyring) Accept(v Visitor) error       { return v.Keyring(s) }
func (s *Landlock) Accept(v Visitor) error      { return v.Landlock(s) }
func (s *Seccomp) Accept(v Visitor) error       { return v.Seccomp(s) }
func (s *TTY) Accept(v Visitor) error           { return v.TTY(s) }
func (s *Init) Accept(v Visitor) error          { return v.Init(s) }
func (s *Exec) Accept(v Visitor) error          { return v.Exec(s) }

package explain

import (
	"path"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// view is a plan read for questions: the tree that its steps build, and which keys
// of a Boxfile each step comes from.
type view struct {
	plan    *plan.Plan
	step    int        // the one that is being read
	keys    [][]string // of each step, besides that of its position
	mounts  []*mount   // in the order in which they are attached: a later one lies on top
	guards  []guard    // masks and read-only paths, in order
	without []bool     // steps that are taken out, to see what would be without them

	landlock *plan.Landlock
	wall     int // its step
	unshare  *plan.Unshare
	own      int            // its step
	joins    map[string]int // steps that join a namespace of a type
}

// nature says what a mount's file system is, and so whether boxfile may make targets in it.
type nature int

const (
	foreign   nature = iota // the host's or the kernel's: what is in it is not the plan's
	generated               // in memory: what the plan does not make is not there
	layered                 // over what is not the plan's, writable
)

// mount is a file system at a place of the box.
type mount struct {
	at       string
	step     int
	nature   nature
	what     string   // "bind", "tmpfs", …
	origin   []string // host paths that show there, topmost first
	readOnly bool
	options  []string
	exact    bool // no other options than these: the file system is boxfile's own
	write    string
	keep     string
	file     bool // the mount is one file
	known    bool // whether it is a file or a directory is known
	maybe    bool // it may be missing on the host
	system   bool // it may be a symbolic link on the host, which then stays one
	entries  map[string]entry
}

// entry is what the plan makes in a mount.
type entry struct {
	step  int
	kind  string // directory, file, link, mount point
	text  string // of a link or file
	perms string
	maybe bool // it is there only if what is below it is there on the host
}

// guard is a path that is hidden, or read-only.
type guard struct {
	path  string
	step  int
	mask  bool
	maybe bool // it may not be there
	many  bool // the path is a pattern: * stands for any part of a name
}

// is reports whether a path is the guard's.
func (g *guard) is(p string) bool {
	if !g.many {
		return g.path == p
	}
	fits, err := path.Match(g.path, p)
	return err == nil && fits
}

func look(p *plan.Plan, without ...int) *view {
	v := &view{plan: p, keys: make([][]string, len(p.Steps)), without: make([]bool, len(p.Steps)), own: -1}
	for _, n := range without {
		v.without[n] = true
	}
	for i, s := range p.Steps {
		v.step = i
		_ = s.Accept(v) // reading it cannot fail
	}
	return v
}

// by names the keys that decide a step besides the one of its position.
func (v *view) by(keys ...string) error {
	v.keys[v.step] = keys
	return nil
}

// cover is the mount that shows at a path: of those at it and above it the last.
func (v *view) cover(p string) *mount {
	for _, m := range slices.Backward(v.mounts) {
		if plan.Within(p, m.at) {
			return m
		}
	}
	return nil
}

// attach adds a mount, with the target where boxfile may make it.
func (v *view) attach(m *mount) {
	if v.without[v.step] {
		return
	}
	m.step = v.step
	if m.entries == nil {
		m.entries = map[string]entry{}
	}
	if m.at != "/" {
		kind := "directory"
		if m.file {
			kind = "mount point"
		}
		v.make(m.at, entry{step: v.step, kind: kind, maybe: m.maybe})
	}
	v.mounts = append(v.mounts, m)
}

// make adds an entry to the mount that a path lies in, and the directories above it.
func (v *view) make(at string, e entry) {
	m := v.cover(path.Dir(at))
	if m == nil || m.nature == foreign {
		return
	}
	for p := path.Dir(at); p != m.at && p != "/"; p = path.Dir(p) {
		if old, ok := m.entries[p]; !ok || old.maybe && !e.maybe {
			m.entries[p] = entry{step: v.step, kind: "directory", maybe: e.maybe}
		}
	}
	if old, ok := m.entries[at]; ok && !old.maybe && (e.kind == "mount point" || e.kind == "directory" && e.perms == "") {
		return // it is there already
	}
	m.entries[at] = e
}

func (v *view) guard(paths []string, mask, maybe bool) {
	for _, p := range paths {
		v.guards = append(v.guards, guard{path: path.Clean(p), step: v.step, mask: mask, maybe: maybe})
	}
}

// Rootfs.
func (v *view) Rootfs(s *plan.Rootfs) error {
	m := &mount{at: "/", what: "dir", readOnly: s.ReadOnly, options: s.Options, write: s.Write, keep: s.Keep, known: true}
	switch {
	case s.Type == "tmpfs" && s.Write == "keep":
		m.what, m.nature, m.exact = "tmpfs", layered, true
	case s.Type == "tmpfs":
		m.what, m.nature, m.exact = "tmpfs", generated, true
	case s.Write == "none":
		m.origin = []string{s.Source}
	default:
		m.origin, m.nature, m.exact = []string{s.Source}, layered, true
	}
	v.attach(m)
	return v.by("rootfs.write", "rootfs.dir", "security.no_new_privs")
}

func (v *view) System(s *plan.System) error {
	m := &mount{at: s.Path, what: "system", origin: []string{s.Path}, readOnly: s.Write == "none", options: []string{"nodev", "nosuid"}, write: s.Write, keep: s.Keep, maybe: true, system: true}
	if s.Write != "none" {
		m.nature = layered
	}
	v.attach(m)
	if s.Path == "/etc/hosts" || s.Path == "/etc/resolv.conf" {
		return v.by("rootfs.write", "network")
	}
	return v.by("rootfs.write")
}

func (v *view) Mount(s *plan.Mount) error {
	m := &mount{at: s.Target, what: s.Type, readOnly: s.ReadOnly, options: s.Options, write: s.Write, keep: s.Keep, maybe: s.Optional, exact: s.Type != "bind", known: s.Type != "bind"}
	switch s.Type {
	case "bind":
		m.origin = []string{s.Source}
	case "tmpfs":
		m.nature = generated
	case "overlay":
		m.origin, m.readOnly = s.Lower, s.ReadOnly || s.Write == "none"
	}
	v.attach(m)
	if s.Type == "bind" && s.Source == "/sys" || s.Type == "sysfs" {
		return v.by("network")
	}
	return v.by()
}

// File is a mount of its own, unless it lies in a tree of memory that is as read-only as it.
func (v *view) File(s *plan.File) error {
	in := v.cover(path.Dir(s.Target))
	if in != nil && in.nature == generated && (s.ReadOnly && in.at == "/" && in.readOnly || !s.ReadOnly && !in.readOnly) {
		v.make(s.Target, entry{step: v.step, kind: "file", text: s.Content, perms: s.Perms})
	} else {
		v.attach(&mount{at: s.Target, what: "file", file: true, known: true, exact: true, readOnly: s.ReadOnly, options: []string{"nodev", "nosuid"},
			entries: map[string]entry{s.Target: {step: v.step, kind: "file", text: s.Content, perms: s.Perms}}})
	}
	switch s.Target {
	case "/etc/passwd", "/etc/group":
		return v.by("user", "rootfs.write")
	case "/etc/hostname":
		return v.by("hostname", "name", "rootfs.write")
	case "/etc/hosts":
		return v.by("network", "network.hosts", "hostname", "name", "rootfs.write")
	case "/etc/resolv.conf":
		return v.by("network", "network.dns", "rootfs.write")
	}
	return v.by()
}

func (v *view) Symlink(s *plan.Symlink) error {
	v.make(s.Target, entry{step: v.step, kind: "link", text: s.Link})
	return v.by()
}

func (v *view) Dir(s *plan.Dir) error {
	v.make(s.Target, entry{step: v.step, kind: "directory", perms: s.Perms})
	return v.by()
}

// devLinks are the links that every /dev has.
var devLinks = [...][2]string{{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"}}

func (v *view) Dev(s *plan.Dev) error {
	quiet := []string{"noexec", "nosuid"}
	all := []string{"nodev", "noexec", "nosuid"}
	v.attach(&mount{at: "/dev", what: "dev", nature: generated, readOnly: true, options: all, exact: true, known: true})
	for _, l := range devLinks {
		v.make("/dev/"+l[0], entry{step: v.step, kind: "link", text: l[1]})
	}
	v.attach(&mount{at: "/dev/pts", what: "devpts", options: quiet, exact: true, known: true})
	v.attach(&mount{at: "/dev/shm", what: "tmpfs", nature: generated, options: all, exact: true, known: true})
	for _, n := range s.Nodes {
		v.device("/dev/" + n)
	}
	return v.by("devices")
}

func (v *view) Device(s *plan.Device) error {
	v.device(s.Path)
	return v.by()
}

func (v *view) device(p string) {
	v.attach(&mount{at: p, what: "device", origin: []string{p}, file: true, known: true})
}

func (v *view) Mask(s *plan.Mask) error {
	v.guard(s.Paths, true, s.Optional)
	for i, p := range s.Paths {
		v.guards[len(v.guards)-len(s.Paths)+i].many = s.Pattern(p)
	}
	return v.by(v.kernelKeys(s.Paths, s.Optional)...)
}

func (v *view) Readonly(s *plan.Readonly) error {
	v.guard(s.Paths, false, s.Optional)
	return v.by(v.kernelKeys(s.Paths, s.Optional)...)
}

// kernelKeys are the keys without which nothing of the kernel's had to be covered.
func (v *view) kernelKeys(paths []string, defaults bool) []string {
	switch {
	case !defaults || len(paths) == 0:
		return nil
	case strings.HasPrefix(paths[0], "/proc/"):
		return []string{"proc"}
	}
	return []string{"sys"}
}

func (v *view) Landlock(s *plan.Landlock) error {
	v.landlock, v.wall = s, v.step
	return v.by("mounts", "devices")
}

func (v *view) Unshare(s *plan.Unshare) error {
	v.unshare, v.own = s, v.step
	return v.by("network", "namespaces.user", "namespaces.pid", "namespaces.ipc", "namespaces.uts", "namespaces.cgroup", "namespaces.time")
}

func (v *view) Join(s *plan.Join) error {
	if v.joins == nil {
		v.joins = map[string]int{}
	}
	v.joins[s.Namespace] = v.step
	return v.by("namespaces." + s.Namespace)
}

// isolated reports whether the box has a namespace of a type for itself.
func (v *view) isolated(namespace string) bool {
	return v.unshare != nil && slices.Contains(v.unshare.Namespaces, namespace)
}

package host

import (
	"path"
	"slices"
	"strings"
)

// Cgroups is how control groups are arranged here, cgroups(7), as seen from the
// calling process. It is known only where Needs asks.
type Cgroups struct {
	Hierarchies []Hierarchy
	Swap        bool   // some swap is in use, proc_swaps(5)
	Scope       Scope  // what systemd would give the caller
	Online      string // processors, as in "0-3"
}

// Hierarchy is one mounted tree of cgroups.
type Hierarchy struct {
	Version     int      // 1 or 2
	Controllers []string // on v1 what it was mounted with, other options included; on v2 what its topmost cgroup has
	Mount       string   // where it is mounted
	Own         string   // the caller's cgroup, as /proc/self/cgroup has it
	ReadOnly    bool     // the mount is
	Levels      []Level  // from the caller's own cgroup up to Mount; none where Mount does not show it
}

// Level is a cgroup that the caller is in, by itself or by a descendant.
type Level struct {
	Dir         string
	Writable    bool     // the caller may make cgroups in it and move processes there
	Root        bool     // it is the kernel's topmost: processes do not stand in the way of controllers
	Occupied    bool     // processes are in it directly
	Alone       bool     // the caller is the only one of them
	Controllers []string // v2: that it has
	Enabled     []string // v2: that its children have
	CPUs, Mems  string   // v1 cpuset: what it may use
}

// Scope is systemd's part: who runs under it can ask for a cgroup of their own.
type Scope struct {
	Bus         string   // the manager's socket, or "" where there is none to ask
	Controllers []string // that it would delegate
}

// Disk is the block device behind a path.
type Disk struct {
	Major, Minor uint32
	Why          string // there is none: what was found instead
}

// mounted is a line of mountinfo that mounts a hierarchy.
type mounted struct {
	version  int
	root, at string
	options  []string // of the file system: on v1 its controllers
	readOnly bool
}

// mountLine is a line of proc_pid_mountinfo(5). Its words are as they stand there.
type mountLine struct {
	root, at string
	options  string   // of the mount
	optional []string // fields such as "shared:1"
	fs       []string // type, source, options
}

// readMount reads one line of mountinfo.
func readMount(line string) (mountLine, bool) {
	head, tail, _ := strings.Cut(line, " - ")
	f, g := strings.Fields(head), strings.Fields(tail)
	if len(f) < 6 || len(g) < 3 {
		return mountLine{}, false
	}
	return mountLine{root: f[3], at: f[4], options: f[5], optional: f[6:], fs: g}, true
}

// hierarchies reads those of cgroups. One that is mounted more than once counts
// where it is mounted first.
func hierarchies(mountinfo string) []mounted {
	var out []mounted
	for line := range strings.Lines(mountinfo) {
		if !strings.Contains(line, " cgroup") { // few lines of many
			continue
		}
		l, ok := readMount(line)
		if !ok || l.fs[0] != "cgroup" && l.fs[0] != "cgroup2" {
			continue
		}
		m := mounted{version: 1, root: unescape(l.root), at: unescape(l.at), options: strings.Split(l.fs[2], ",")}
		if l.fs[0] == "cgroup2" {
			m.version = 2
		}
		m.readOnly = slices.Contains(strings.Split(l.options, ","), "ro") || slices.Contains(m.options, "ro")
		if !slices.ContainsFunc(out, func(o mounted) bool {
			return o.version == m.version && (m.version == 2 || slices.Equal(o.options, m.options))
		}) {
			out = append(out, m)
		}
	}
	return out
}

// unescape undoes mountinfo's octal escapes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// membership finds the caller's cgroup in /proc/self/cgroup: of the hierarchy
// with a v1 controller, or of v2's for "".
func membership(text, controller string) (string, bool) {
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		list, where, ok := strings.Cut(rest, ":")
		if ok && (list == controller || controller != "" && slices.Contains(strings.Split(list, ","), controller)) {
			return where, true
		}
	}
	return "", false
}

// within is the directory at which a mount shows a cgroup, if it does. A mount
// may begin below the hierarchy's root, as a container's does.
func (m *mounted) within(cgroup string) (string, bool) {
	if strings.HasPrefix(cgroup, "/..") { // outside of the caller's cgroup namespace
		return "", false
	}
	rest, ok := strings.CutPrefix(cgroup, strings.TrimSuffix(m.root, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return path.Join(m.at, rest), true
}

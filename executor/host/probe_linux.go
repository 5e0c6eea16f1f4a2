package host

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// helperDirs are the only places where helpers are looked for. newuidmap and
// newgidmap run with a privilege of their own, and the others hold a door of the box, so PATH has no say.
var helperDirs = [...]string{"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"}

// Probe looks at the machine for what n asks. It changes nothing.
func Probe(n Needs) (Facts, error) {
	f := Facts{UID: os.Getuid(), GID: os.Getgid(), Folder: n.Folder, Paths: make(map[string]Path, len(n.Follow)+len(n.Itself))}
	var err error
	if f.Kernel, err = kernel(); err != nil {
		return f, err
	}
	for _, p := range n.Follow {
		f.Paths[p] = look(n.Folder, p, 0)
	}
	for _, p := range n.Itself {
		f.Paths[p] = look(n.Folder, p, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err = f.match(n.Patterns); err != nil {
		return f, err
	}
	if f.NoFile, err = hardLimit(unix.RLIMIT_NOFILE); err != nil {
		return f, err
	}
	if f.NProc, err = hardLimit(unix.RLIMIT_NPROC); err != nil {
		return f, err
	}
	if n.TTY {
		f.Caller.Terminal = terminal()
	}
	names := n.Env
	if f.Caller.Terminal.At[0] {
		names = append(names[:len(names):len(names)], n.EnvTTY...)
	}
	if len(names) > 0 { // the first look copies the whole environment
		f.Caller.Env = make(map[string]string, len(names))
	}
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			f.Caller.Env[name] = v
		}
	}
	if n.Cgroups {
		if err := f.cgroups(n.Controllers); err != nil {
			return f, err
		}
	}
	for _, p := range n.Disks {
		if f.Disks == nil {
			f.Disks = make(map[string]Disk, len(n.Disks))
		}
		f.Disks[p] = disk(n.Folder, p)
	}
	if len(n.Namespaces) > 0 {
		f.namespaces(&n)
	}
	if n.Landlock {
		f.Landlock = landlock()
	}
	if n.Outbound {
		f.Outbound = Outbound{Pasta: tool("pasta"), Slirp: tool("slirp4netns"), Tun: tun()}
	}
	if n.SubIDs {
		return f, f.subordinate()
	}
	return f, nil
}

// match finds out what patterns stand for here.
func (f *Facts) match(patterns []string) error {
	for _, p := range patterns {
		if f.Matches == nil {
			f.Matches = make(map[string][]string, len(patterns))
		}
		var err error
		if f.Matches[p], err = filepath.Glob(p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		for _, m := range f.Matches[p] {
			f.Paths[m] = look("", m, unix.AT_SYMLINK_NOFOLLOW)
		}
	}
	return nil
}

// landlock is the version of the kernel's Landlock, 0 where it is missing or switched off.
func landlock() int {
	v, _, err := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if err != 0 {
		return 0
	}
	return int(v)
}

func kernel() (Version, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Version{}, fmt.Errorf("uname: %w", err)
	}
	return parseRelease(unix.ByteSliceToString(u.Release[:]))
}

func parseRelease(release string) (Version, error) {
	major, rest, _ := strings.Cut(release, ".")
	minor := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = rest[:i]
	}
	a, err := strconv.Atoi(major)
	if err != nil {
		return Version{}, fmt.Errorf("kernel release %q has no version", release)
	}
	b, err := strconv.Atoi(minor)
	if err != nil {
		return Version{}, fmt.Errorf("kernel release %q has no version", release)
	}
	return Version{a, b}, nil
}

func look(folder, path string, flags int) Path {
	full := path
	if !filepath.IsAbs(path) {
		full = filepath.Join(folder, path)
	}
	var st unix.Stat_t
	switch err := unix.Fstatat(unix.AT_FDCWD, full, &st, flags); {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return Path{Type: Missing}
	case err != nil:
		return Path{Type: Missing, Err: err}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return Path{Type: Directory}
	case unix.S_IFREG:
		return Path{Type: File}
	case unix.S_IFLNK:
		text, err := os.Readlink(full)
		return Path{Type: Link, Link: text, Err: err}
	case unix.S_IFCHR, unix.S_IFBLK:
		return Path{Type: Device}
	}
	return Path{Type: Other}
}

func hardLimit(resource int) (uint64, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(resource, &lim); err != nil {
		return 0, fmt.Errorf("getrlimit %d: %w", resource, err)
	}
	return lim.Max, nil
}

// subordinate reads the caller's ranges of /etc/subuid and /etc/subgid and looks for the tools that map them.
func (f *Facts) subordinate() error {
	names := []string{strconv.Itoa(f.UID)}
	if u, err := user.LookupId(names[0]); err == nil {
		names = append(names, u.Username)
	}
	var err error
	if f.SubUIDs, err = ranges("/etc/subuid", names); err != nil {
		return err
	}
	if f.SubGIDs, err = ranges("/etc/subgid", names); err != nil {
		return err
	}
	f.IDTools = IDTools{UID: tool("newuidmap"), GID: tool("newgidmap")}
	return nil
}

// tun opens /dev/net/tun, which makes nothing yet.
func tun() error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func tool(name string) string {
	for _, dir := range helperDirs {
		p := dir + "/" + name
		if unix.Faccessat(unix.AT_FDCWD, p, unix.X_OK, 0) == nil {
			return p
		}
	}
	return ""
}

// ranges returns the lines of a subuid(5) file that belong to one of names.
func ranges(file string, names []string) ([]Range, error) {
	r, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	var out []Range
	for s := bufio.NewScanner(r); s.Scan(); {
		part := strings.Split(strings.TrimSpace(s.Text()), ":")
		if len(part) != 3 || part[0] != names[0] && (len(names) < 2 || part[0] != names[1]) {
			continue
		}
		first, err1 := strconv.ParseUint(part[1], 10, 32)
		size, err2 := strconv.ParseUint(part[2], 10, 32)
		if err1 == nil && err2 == nil && size > 0 && first+size <= 1<<32 {
			out = append(out, Range{uint32(first), uint32(size)})
		}
	}
	return out, nil
}

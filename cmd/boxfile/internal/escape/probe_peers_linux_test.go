//go:build linux

package escape

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// introspection is seen, with all else that a default gives a process or keeps from it.
type introspection struct {
	seen
	Limits     map[string]uint64 // the hard ones: a soft one is no wall
	Keyring    string            // what the session keyring is called, if it can be asked for
	Session    int               // 0: its leader is outside of the box
	Processes  int
	Interfaces []string
	RootWrites bool     // something can be made in /
	First      []string // what can be read of process 1, if that is another
	Open       []string // what below /proc and /sys can be read (r:…) and written to (w:…)
}

func introspect() introspection {
	i := introspection{seen: look(), Limits: map[string]uint64{}}
	for name, r := range rlimits {
		var l unix.Rlimit
		_ = unix.Getrlimit(r, &l)
		i.Limits[name] = l.Max
	}
	text := make([]byte, 256)
	if n, err := unix.KeyctlBuffer(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING, text, 0); err == nil {
		i.Keyring = string(text[:n])
	}
	i.Session, _ = unix.Getsid(0)
	procs, _ := filepath.Glob("/proc/[0-9]*")
	i.Processes = len(procs)
	for _, line := range lines("/proc/net/dev") {
		if name, _, ok := strings.Cut(line, ":"); ok {
			i.Interfaces = append(i.Interfaces, strings.TrimSpace(name))
		}
	}
	i.RootWrites = os.Mkdir("/made", 0o700) == nil
	if os.Getpid() != 1 {
		for _, name := range []string{"environ", "maps", "mem"} {
			if f, err := os.Open("/proc/1/" + name); err == nil {
				f.Close()
				i.First = append(i.First, name)
			}
		}
		for _, name := range []string{"cwd", "exe", "fd/0", "root"} {
			if _, err := os.Readlink("/proc/1/" + name); err == nil {
				i.First = append(i.First, name)
			}
		}
	}
	i.Open = slices.Concat(opens("/proc"), opens("/sys"))
	return i
}

var rlimits = map[string]int{"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS,
	"memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC,
	"rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK}

// opens lists what can be opened in a kernel's file system, some levels deep: processes
// are counted elsewhere, and no more than the first of devices that are all alike.
func opens(top string) []string {
	var all []string
	_ = filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if p == top {
			return nil
		}
		name := strings.TrimPrefix(p, top+"/")
		first, _, _ := strings.Cut(name, "/")
		if strings.Trim(first, "0123456789") == "" || first == "self" || first == "thread-self" || strings.Count(name, "/") > 3 {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type()&^fs.ModeDir != 0 {
			return nil
		}
		if d.IsDir() {
			if list, _ := os.ReadDir(p); len(list) > 0 {
				all = append(all, "r:"+p)
			}
			return nil
		}
		if fd, err := unix.Open(p, unix.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			if n, err := unix.Read(fd, make([]byte, 1)); n > 0 || err == unix.EAGAIN {
				all = append(all, "r:"+p)
			}
			unix.Close(fd)
		}
		if fd, err := unix.Open(p, unix.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
			unix.Close(fd)
			var st unix.Stat_t
			if unix.Lstat(p, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
				all = append(all, "w:"+p)
			}
		}
		return nil
	})
	return all
}

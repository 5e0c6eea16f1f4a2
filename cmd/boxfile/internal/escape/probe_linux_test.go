//go:build linux

package escape

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
	"golang.org/x/sys/unix"
)

// The probe is the command of the suite's boxes. It says what it sees, or makes
// one attack: then every success is a line that begins with reachedMark,
// and the last line is attackEnd, so that an attack which was never made is not taken for one that failed.
const (
	probeName   = "probe"
	reachedMark = "reached: "
	attackEnd   = "tried everything"
)

// attack is one attack in the making.
type attack struct{ words []string }

// reached says that something worked which must not.
func (a *attack) reached(format string, args ...any) {
	fmt.Printf(reachedMark+format+"\n", args...)
}

// refuses notes a call that was not refused.
func (a *attack) refuses(what string, err error) {
	if err == nil {
		a.reached("%s", what)
	}
}

// attacks is what the probe can try; the words after the name are its own.
func attacks() map[string]func(*attack) {
	return map[string]func(*attack){
		"ptrace": tryPtrace, "exe": tryExe, "terminal": tryTerminal, "own-terminal": tryOwnTerminal, "doors": tryDoors, "proc": tryProc, "proc-anywhere": tryProcAnywhere, "dev": tryDev, "cgroup": tryCgroup,
		"release-agent": tryReleaseAgent, "keyring": tryKeyring, "walk": tryWalk, "calls": tryCalls, "namespaces": tryNamespaces, "set-groups": trySetGroups,
	}
}

func probeMain(words []string) int {
	if len(words) == 0 {
		words = []string{"look"}
	}
	if try := attacks()[words[0]]; try != nil {
		try(&attack{words[1:]})
		fmt.Println(attackEnd)
		return 0
	}
	switch words[0] {
	case "look":
		_ = json.NewEncoder(os.Stdout).Encode(look())
	case "introspect":
		_ = json.NewEncoder(os.Stdout).Encode(introspect())
	case "words":
		_ = json.NewEncoder(os.Stdout).Encode(words[1:])
	case "read":
		b, err := os.ReadFile(words[1])
		return say(string(b), err)
	case "write":
		return say("written", os.WriteFile(words[1], []byte("from a box\n"), 0o644))
	case "relink": // LINK TEXT…: symlinks in place of what is there
		for i := 1; i+1 < len(words); i += 2 {
			_ = os.RemoveAll(words[i])
			if err := os.Symlink(words[i+1], words[i]); err != nil {
				return say("", err)
			}
		}
	case "setuid": // FILE: a setuid copy of the probe
		err := fixture.Copy("/"+probeName, words[1])
		if err == nil {
			err = os.Chmod(words[1], 0o755|os.ModeSetuid|os.ModeSetgid)
		}
		return say("made", err)
	case "serve": // ADDRESS: says who connects
		return serve(words[1])
	case "trace-child":
		return traceChild()
	case "pause":
		time.Sleep(200 * time.Millisecond)
	case "inherit": // PROGRAM…: starts it with every capability of the caller's inheritable and ambient
		return inherit(words[1:])
	case "ordinary":
		return ordinaryWork()
	case "foreign":
		return foreign()
	case "with-key":
		return withKey(words[1:])
	case "leader":
		return leader(words[1:])
	default:
		fmt.Fprintln(os.Stderr, "the probe does not know", words)
		return 99
	}
	return 0
}

func say(text string, err error) int {
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(text)
	return 0
}

func serve(address string) int {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return say("", err)
	}
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(limit / 2)) //nolint:forcetypeassert // by Listen's word
	c, err := l.Accept()
	if err != nil {
		return say("", err)
	}
	defer c.Close()
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	_, err = io.WriteString(c, host+"\n")
	_ = c.SetDeadline(time.Now().Add(limit / 2))
	_, _ = c.Read(make([]byte, 1)) // until the client has it: the box ends with this process
	return say("from "+host, err)
}

// seen is what a process in a box finds out about itself.
type seen struct {
	FDs        map[string]string
	Cwd        string
	Status     map[string]string // lines of /proc/self/status
	UID, GID   int
	Groups     []int
	Env        []string
	Words      []string
	Mounts     []mountLine
	Cgroup     string
	Proc       bool              // /proc is the kernel's
	Devices    map[string]string // type and numbers of what is in /dev
	Namespaces map[string]string
	Hostname   string
}

type mountLine struct{ Root, Target, Options, Type, Source string }

func look() seen {
	s := seen{FDs: map[string]string{}, Status: map[string]string{}, UID: os.Getuid(), GID: os.Getgid(), Env: os.Environ(), Words: os.Args, Devices: map[string]string{}, Namespaces: map[string]string{}}
	s.Cwd, _ = unix.Getwd()
	s.Groups, _ = os.Getgroups()
	s.Hostname, _ = os.Hostname()
	b, _ := os.ReadFile("/proc/self/cgroup")
	s.Cgroup = string(b)
	var fs unix.Statfs_t
	s.Proc = unix.Statfs("/proc", &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
	for _, fd := range listed("/proc/self/fd") {
		link, err := os.Readlink("/proc/self/fd/" + fd)
		if err == nil && !strings.HasPrefix(link, "anon_inode:[event") && !strings.HasSuffix(link, "/fd") { // Go's own, and the list itself
			s.FDs[fd] = link
		}
	}
	for _, line := range lines("/proc/self/status") {
		k, v, _ := strings.Cut(line, ":")
		s.Status[k] = strings.TrimSpace(v)
	}
	for _, line := range lines("/proc/self/mountinfo") {
		w := strings.Fields(line)
		dash := slices.Index(w, "-")
		s.Mounts = append(s.Mounts, mountLine{w[3], w[4], w[5], w[dash+1], w[dash+2]})
	}
	for _, name := range listed("/dev") {
		var st unix.Stat_t
		if unix.Lstat("/dev/"+name, &st) == nil {
			s.Devices[name] = fmt.Sprintf("%o %d:%d", st.Mode&unix.S_IFMT, unix.Major(st.Rdev), unix.Minor(st.Rdev))
		}
	}
	for _, n := range listed("/proc/self/ns") {
		s.Namespaces[n], _ = os.Readlink("/proc/self/ns/" + n)
	}
	return s
}

func lines(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimRight(string(b), "\n"), "\n")
}

func listed(dir string) []string {
	list, _ := os.ReadDir(dir)
	var names []string
	for _, d := range list {
		names = append(names, d.Name())
	}
	return names
}

// ways are names under which the host's root could be found from inside a box.
func ways() []string {
	all := []string{"", "/proc/1/root", "/proc/self/root", "/proc/self/cwd", "/proc/1/cwd", "/oldroot", "/newroot", "/.pivot_root", "/dev/fd/3", "/proc/self/fd/3"}
	for _, from := range []string{"/", "/proc/", "/dev/", "/tmp/", "/mnt/", "./"} {
		all = append(all, from+strings.TrimSuffix(strings.Repeat("../", 30), "/"))
	}
	for fd := range 64 {
		all = append(all, fmt.Sprintf("/proc/self/fd/%d", fd), fmt.Sprintf("/proc/self/fd/%d/../../../../../../..", fd))
	}
	return all
}

// tryWalk looks for a directory of the host, by all the ways there are.
func tryWalk(a *attack) {
	dir := a.words[0]
	for _, way := range ways() {
		if b, err := os.ReadFile(filepath.Clean("/") + strings.TrimPrefix(way, "/") + dir + "/secret"); err == nil {
			a.reached("%s by %q: %s", dir, way, b)
		}
	}
}

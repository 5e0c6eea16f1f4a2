package executor_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// questions are what a box is asked about itself, on its standard input. found is its
// answer, on its standard output; when input ends the box does.
type questions struct {
	Paths  []string
	Names  []string // of capabilities, by number
	Ports  []string // to answer at: "tcp 5432"
	Deadly []int    // attempts that may end the process that makes them
}

type found struct {
	Paths        map[string]foundPath
	Capabilities map[string][]string // the sets that hold it
	Env          []string
	Calls        map[string]string // of attempts: an errno, or how the process ended
}

// foundPath is what becomes of attempts on a path. Errors are numbers of errno(3).
type foundPath struct {
	Lstat   int
	Kind    string // with links followed
	Options []string
	Statfs  int
	Write   int // what making a file in the directory gives, opening the file for writing, or making what is missing
	Access  int // of executing what was made
	Tried   bool
	Content string
	Null    bool // it is /dev/null
	Entries int
}

func probeAnswers() int {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	var q questions
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no questions:", err)
		return 2
	}
	f := found{Paths: map[string]foundPath{}, Capabilities: map[string][]string{}, Env: os.Environ(), Calls: map[string]string{}}
	for _, p := range q.Paths {
		f.Paths[p] = tryPath(p)
	}
	for i, name := range q.Names {
		f.Capabilities[name] = ownSets(uintptr(i))
	}
	for i, a := range attempts() {
		if slices.Contains(q.Deadly, i) {
			f.Calls[a.name] = callElsewhere(i)
		} else {
			f.Calls[a.name] = oneCall(i)
		}
	}
	for _, p := range q.Ports {
		if err := answerAt(p); err != nil {
			fmt.Fprintln(os.Stderr, p, err)
			return 3
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(f)
	_, _ = io.Copy(io.Discard, in)
	return 0
}

func tryPath(p string) foundPath {
	var f foundPath
	var st unix.Stat_t
	f.Lstat = number(unix.Lstat(p, &st))
	if f.Lstat != 0 {
		if _, err := os.Stat(filepath.Dir(p)); err == nil && f.Lstat == int(unix.ENOENT) {
			f.Write, f.Tried = tryMake(p), true
		}
		return f
	}
	f.Kind = kindOf(st.Mode)
	if unix.Stat(p, &st) != nil {
		return f
	}
	f.Kind = kindOf(st.Mode)
	f.Null = f.Kind == "device" && st.Rdev == unix.Mkdev(1, 3)
	var fs unix.Statfs_t
	f.Statfs = number(unix.Statfs(p, &fs))
	f.Options = optionsOf(fs.Flags)
	switch f.Kind {
	case "directory":
		if list, err := os.ReadDir(p); err == nil {
			f.Entries = len(list)
		}
		f.Tried, f.Write = true, tryMake(p+"/.boxfile-probe")
		if f.Write == 0 {
			f.Access = executable(p + "/.boxfile-probe-x")
		}
	case "file":
		f.Tried = true
		fd, err := unix.Open(p, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if f.Write = number(err); err == nil {
			_ = unix.Close(fd)
		}
		if st.Size < 64<<10 {
			b, _ := os.ReadFile(p)
			f.Content = string(b)
		}
	}
	return f
}

func number(err error) int {
	var e syscall.Errno
	errors.As(err, &e)
	return int(e)
}

func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFREG:
		return "file"
	case unix.S_IFLNK:
		return "link"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "device"
	}
	return "other"
}

func optionsOf(flags int64) []string {
	var out []string
	for _, o := range []struct {
		bit  int64
		name string
	}{{unix.ST_NODEV, "nodev"}, {unix.ST_NOEXEC, "noexec"}, {unix.ST_NOSUID, "nosuid"}, {0x2000, "nosymfollow"}, {unix.ST_RDONLY, "ro"}} {
		if flags&o.bit != 0 {
			out = append(out, o.name)
		}
	}
	return out
}

// tryMake makes a file and takes it away again.
func tryMake(p string) int {
	fd, err := unix.Open(p, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o755)
	if err == nil {
		_ = unix.Close(fd)
		_ = unix.Unlink(p)
	}
	return number(err)
}

// executable is what the kernel says about executing a program there, access(2).
func executable(p string) int {
	fd, err := unix.Open(p, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return number(err)
	}
	_ = unix.Fchmod(fd, 0o755)
	_ = unix.Close(fd)
	defer unix.Unlink(p)
	return number(unix.Access(p, unix.X_OK))
}

// ownSets are the sets of capabilities(7) that hold a number.
func ownSets(n uintptr) []string {
	var out []string
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&head, &data[0]) != nil {
		return []string{"unknown"}
	}
	half, bit := data[n/32], uint32(1)<<(n%32)
	if r, _, _ := unix.Syscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, n, 0); r == 1 {
		out = append(out, "bounding")
	}
	for _, s := range []struct {
		set  uint32
		name string
	}{{half.Permitted, "permitted"}, {half.Effective, "effective"}, {half.Inheritable, "inheritable"}} {
		if s.set&bit != 0 {
			out = append(out, s.name)
		}
	}
	if r, _, _ := unix.Syscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, n, 0, 0, 0); r == 1 {
		out = append(out, "ambient")
	}
	return out
}

// callElsewhere makes an attempt in a process of its own, which the filter may end.
func callElsewhere(i int) string {
	cmd := exec.Command("/probe", "call", strconv.Itoa(i))
	cmd.Env = os.Environ()
	out, err := cmd.Output()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func oneCall(i int) string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	a := attempts()[i]
	_, _, e := syscall.RawSyscall6(a.nr, a.args[0], a.args[1], a.args[2], a.args[3], a.args[4], a.args[5])
	return strconv.Itoa(int(e))
}

// answerAt serves at a port of the box: whoever comes is told which one it is.
func answerAt(port string) error {
	protocol, number := port[:3], port[4:]
	if protocol == "udp" {
		c, err := net.ListenPacket("udp", ":"+number)
		if err != nil {
			return err
		}
		go func() {
			buf := make([]byte, 64)
			for {
				_, from, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				_, _ = c.WriteTo([]byte(port), from)
			}
		}()
		return nil
	}
	l, err := net.Listen("tcp", ":"+number)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, port)
			_ = c.Close()
		}
	}()
	return nil
}

// attemptedCall is the name of an attempt's system call.
func attemptedCall(a attempt) string {
	for _, c := range []struct {
		nr   uintptr
		name string
	}{{unix.SYS_UNSHARE, "unshare"}, {unix.SYS_CLONE, "clone"}, {unix.SYS_IOCTL, "ioctl"}, {unix.SYS_SOCKET, "socket"}, {unix.SYS_PERSONALITY, "personality"}} {
		if a.nr == c.nr {
			return c.name
		}
	}
	return a.name
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return y == x })
}

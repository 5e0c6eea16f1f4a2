package executor_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// facts is what a process inside a box finds out about itself.
type facts struct {
	PID, PPID, SID int
	UID, GID       int
	Groups         []int
	Namespaces     map[string]string
	Mounts         []mountLine
	Status         map[string]string // lines of /proc/self/status
	FDs            map[string]string
	Env            []string
	Cwd            string
	Umask          int
	Hostname       string
	Limits         map[string][2]uint64
	Interfaces     []string
	Processes      []string
	InitCmdline    string
}

type mountLine struct{ Root, Target, Options, Type string }

// probeMain is the command of test boxes: it says what it sees, or does one thing.
func probeMain() int {
	args := os.Args[1:]
	if len(args) == 0 {
		args = []string{"facts"}
	}
	switch args[0] {
	case "facts":
		_ = json.NewEncoder(os.Stdout).Encode(look())
	case "exit":
		n, _ := strconv.Atoi(args[1])
		return n
	case "die": // by a signal that Go does not handle
		n, _ := strconv.Atoi(args[1])
		byDefault := [4]uintptr{}
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
		for {
			_ = unix.Tgkill(os.Getpid(), unix.Gettid(), syscall.Signal(n))
		}
	case "kill":
		n, _ := strconv.Atoi(args[1])
		_ = syscall.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(10 * time.Second)
	case "ignoring": // a command, with every signal ignored
		for n := range uintptr(64) {
			ignore := [4]uintptr{1} // SIG_IGN
			_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, n+1, uintptr(unsafe.Pointer(&ignore)), 0, 8, 0, 0)
		}
		path, _ := exec.LookPath(args[1])
		fmt.Println(syscall.Exec(path, args[1:], os.Environ()))
		return 1
	case "keyring":
		fmt.Println(unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false))
	case "writes":
		probeWrites()
	case "calls":
		probeCalls()
	case "answers":
		return probeAnswers()
	case "call":
		n, _ := strconv.Atoi(args[1])
		fmt.Print(oneCall(n))
	case "sysinfo":
		probeSysinfo()
	case "sleep":
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "nap":
		time.Sleep(300 * time.Millisecond)
		fmt.Println("awake")
	case "clocks":
		fmt.Println(clocks()[0], clocks()[1])
	case "daemons": // and a last one, for as long as anybody is there
		for _, kind := range []string{"sleeper", "detached"} {
			p, err := os.StartProcess("/probe", []string{"probe", kind, args[1], "x"}, &os.ProcAttr{Env: os.Environ(), Sys: &syscall.SysProcAttr{Setsid: true}})
			if err != nil {
				fmt.Println(err)
				return 1
			}
			if kind == "detached" {
				_, _ = p.Wait()
			}
		}
		fmt.Println("ready")
		if args[2] == "stay" {
			time.Sleep(time.Hour)
		}
		return 7
	case "detached":
		_, _ = os.StartProcess("/probe", []string{"probe", "sleeper", args[1], "x"}, &os.ProcAttr{Env: os.Environ()})
	case "sleeper":
		time.Sleep(time.Hour)
	case "signals", "chatty", "deaf", "family", "daemon", "stopped", "stop", "flood", "forking", "forker", "zombies":
		return behave(args)
	case "write":
		if err := os.WriteFile(args[1], []byte("written\n"), 0o644); err != nil {
			fmt.Println(err)
			return 1
		}
	case "read":
		b, err := os.ReadFile(args[1])
		if err != nil {
			fmt.Println(err)
			return 1
		}
		os.Stdout.Write(b)
	case "eat", "forks", "spin", "transfer", "affinity", "cgroup", "stubborn", "raise", "raise-inside", "mount-cgroups":
		return useUp(args)
	case "escape":
		return escape(args[1], args[2], args[3])
	case "serve", "dial":
		return talk(args)
	case "stat":
		var st unix.Stat_t
		if err := unix.Stat(args[1], &st); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Printf("%o %d %d\n", st.Mode, st.Uid, st.Gid)
	}
	return 0
}

func mustGlob(pattern string) []string {
	list, _ := filepath.Glob(pattern)
	return list
}

func look() facts {
	f := facts{PID: os.Getpid(), PPID: os.Getppid(), UID: os.Getuid(), GID: os.Getgid(), Namespaces: map[string]string{}, Status: map[string]string{},
		FDs: map[string]string{}, Env: os.Environ(), Limits: map[string][2]uint64{}}
	f.SID, _ = unix.Getsid(0)
	f.Groups, _ = os.Getgroups()
	f.Cwd, _ = os.Getwd()
	f.Umask = unix.Umask(0)
	f.Hostname, _ = os.Hostname()
	for _, n := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"} {
		f.Namespaces[n], _ = os.Readlink("/proc/self/ns/" + n)
	}
	for _, line := range lines("/proc/self/mountinfo") {
		w := strings.Fields(line)
		dash := 6
		for dash < len(w) && w[dash] != "-" {
			dash++
		}
		f.Mounts = append(f.Mounts, mountLine{w[3], w[4], w[5], w[dash+1]})
	}
	for _, line := range lines("/proc/self/status") {
		k, v, _ := strings.Cut(line, ":")
		f.Status[k] = strings.TrimSpace(v)
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, d := range fds {
		link, err := os.Readlink("/proc/self/fd/" + d.Name())
		if err == nil && !strings.HasPrefix(link, "anon_inode:[event") && !strings.HasSuffix(link, "/fd") {
			f.FDs[d.Name()] = link
		}
	}
	for name, r := range map[string]int{"core": unix.RLIMIT_CORE, "nproc": unix.RLIMIT_NPROC, "nofile": unix.RLIMIT_NOFILE, "fsize": unix.RLIMIT_FSIZE} {
		var l unix.Rlimit
		_ = unix.Getrlimit(r, &l)
		f.Limits[name] = [2]uint64{l.Cur, l.Max}
	}
	for i, line := range lines("/proc/net/dev") {
		if name, _, ok := strings.Cut(line, ":"); ok && i > 1 {
			f.Interfaces = append(f.Interfaces, strings.TrimSpace(name))
		}
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	f.Processes = procs
	b, _ := os.ReadFile("/proc/1/cmdline")
	f.InitCmdline = strings.ReplaceAll(string(b), "\x00", " ")
	return f
}

func lines(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimRight(string(b), "\n"), "\n")
}

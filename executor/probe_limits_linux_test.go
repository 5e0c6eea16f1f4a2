package executor_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// useUp is the part of the probe that uses up what limits bound.
func useUp(args []string) int {
	number := func(i int) int {
		n, _ := strconv.Atoi(args[i])
		return n
	}
	switch args[0] {
	case "eat": // bytes
		return eat(number(1))
	case "forks":
		return forks()
	case "spin": // milliseconds
		return spin(time.Duration(number(1)) * time.Millisecond)
	case "transfer": // read or write, file, bytes
		return transfer(args[1], args[2], number(3))
	case "affinity":
		fmt.Println(statusLine("Cpus_allowed_list"))
	case "cgroup":
		b, err := os.ReadFile("/proc/self/cgroup")
		fmt.Print(string(b), err, "\n")
	case "mount-cgroups":
		return mountCgroups()
	case "raise": // bytes
		return raise(args[1])
	case "raise-inside":
		raiseInside()
		return eat(number(1))
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	}
	return 0
}

func statusLine(key string) string {
	for _, line := range lines("/proc/self/status") {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// eat touches as much memory as it is told to.
func eat(bytes int) int {
	m, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for i := 0; i < len(m); i += os.Getpagesize() {
		m[i] = 1
	}
	fmt.Println("ate", bytes)
	return 0
}

// forks makes processes until it may not, and says how many processes and
// threads there were then. Until it has ended some of them it makes no call that
// the Go runtime could want another thread for.
func forks() int {
	path, buf := []byte("/proc/self/status\x00"), make([]byte, 4096)
	kids := make([]uintptr, 0, 4096)
	var errno syscall.Errno
	for len(kids) < cap(kids) {
		var pid uintptr
		if pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0); errno != 0 {
			break
		}
		if pid == 0 {
			for {
				_, _, _ = syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
		kids = append(kids, pid)
	}
	at := -100 // AT_FDCWD
	fd, _, _ := syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])), 0, 0, 0, 0)
	n, _, _ := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	for _, k := range kids {
		_, _, _ = syscall.RawSyscall(unix.SYS_KILL, k, uintptr(unix.SIGKILL), 0)
		_, _, _ = syscall.RawSyscall6(unix.SYS_WAIT4, k, 0, 0, 0, 0, 0)
	}
	_, rest, _ := strings.Cut(string(buf[:n]), "Threads:")
	threads := 0
	_, _ = fmt.Sscan(rest, &threads)
	fmt.Println("processes", len(kids)+threads+1, errno) // and process 1
	return 3
}

// spin uses all processors for so long, and says how much CPU time it got per second.
func spin(d time.Duration) int {
	begin, before := time.Now(), used()
	end := begin.Add(d)
	for range runtime.NumCPU() - 1 {
		go func() {
			for time.Now().Before(end) {
			}
		}()
	}
	for time.Now().Before(end) {
	}
	fmt.Println(float64(used()-before) / float64(time.Since(begin)))
	return 0
}

// used is the CPU time of this process so far, in nanoseconds.
func used() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// transfer reads or writes a file past the page cache and prints the bytes per second.
func transfer(how, file string, bytes int) int {
	const block = 64 << 10
	flags := unix.O_RDONLY
	if how == "write" {
		flags = unix.O_WRONLY
	}
	fd, err := unix.Open(file, flags|unix.O_DIRECT, 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	buf, err := unix.Mmap(-1, 0, block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON) // aligned
	if err != nil {
		fmt.Println(err)
		return 1
	}
	call := unix.Read
	if how == "write" {
		call = unix.Write
	}
	begin := time.Now()
	for done := 0; done < bytes; {
		n, err := call(fd, buf)
		if err != nil || n == 0 {
			fmt.Println(n, err)
			return 1
		}
		done += n
	}
	fmt.Println(float64(bytes) / time.Since(begin).Seconds())
	return 0
}

// raise tries to raise the box's limits from namespaces of its own, where it has
// every capability, and then eats more than it may.
func raise(bytes string) int {
	inside := func(flags uintptr, maps []syscall.SysProcIDMap) (*os.Process, error) {
		return os.StartProcess("/probe", []string{"probe", "raise-inside", bytes}, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
			Sys: &syscall.SysProcAttr{Cloneflags: flags, UidMappings: maps, GidMappings: maps}})
	}
	user := []syscall.SysProcIDMap{{Size: 1}}
	p, err := inside(unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWCGROUP, user)
	if err != nil {
		p, err = inside(unix.CLONE_NEWNS, nil) // with the box's own capabilities
	}
	if err != nil { // user 0 can be mapped with CAP_SETFCAP only
		p, err = inside(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, nil)
	}
	if err != nil {
		fmt.Println("no namespaces:", err)
		return 1
	}
	s, err := p.Wait()
	if err != nil {
		return 1
	}
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// raiseInside mounts every hierarchy that it can and writes to what it finds there.
func raiseInside() {
	for _, m := range [][2]string{{"cgroup", "memory"}, {"cgroup", "pids"}, {"cgroup2", ""}} {
		if err := unix.Mount("none", "/tmp", m[0], 0, m[1]); err != nil {
			fmt.Println(m, err)
			continue
		}
		for file, value := range map[string]string{"memory.memsw.limit_in_bytes": "-1", "memory.limit_in_bytes": "-1", "pids.max": "max", "memory.max": "max", "memory.swap.max": "max",
			"release_agent": "/probe", "../memory.limit_in_bytes": "-1", "cgroup.subtree_control": "-memory"} {
			err := os.WriteFile("/tmp/"+file, []byte(value), 0o644)
			fmt.Println(m, file, err == nil)
		}
		_ = os.Mkdir("/tmp/nested", 0o755) // left behind for boxfile to remove
		_ = os.WriteFile("/tmp/nested/cgroup.procs", []byte("0"), 0o644)
	}
}

// mountCgroups tries to mount hierarchies from namespaces of its own. It forks and
// calls the kernel itself: executing anything there would give up the capabilities
// that a new user namespace gives.
func mountCgroups() int {
	types := [][]byte{[]byte("cgroup\x00"), []byte("cgroup\x00"), []byte("cgroup\x00"), []byte("cgroup2\x00")}
	options := [][]byte{[]byte("memory\x00"), []byte("freezer\x00"), []byte("pids\x00"), []byte("\x00")}
	none, at := []byte("none\x00"), []byte("/tmp\x00")
	for _, flags := range []uintptr{unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP, unix.CLONE_NEWUSER | unix.CLONE_NEWNS} {
		pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD)|flags, 0, 0, 0, 0, 0)
		if errno == 0 && pid == 0 {
			mounted := uintptr(0)
			for i := range types {
				if _, _, e := syscall.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(&none[0])), uintptr(unsafe.Pointer(&at[0])),
					uintptr(unsafe.Pointer(&types[i][0])), 0, uintptr(unsafe.Pointer(&options[i][0])), 0); e == 0 {
					mounted |= 1 << i
				}
			}
			for {
				_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, mounted, 0, 0)
			}
		}
		var status syscall.WaitStatus
		if errno == 0 {
			_, _ = syscall.Wait4(int(pid), &status, 0, nil)
		}
		fmt.Println("namespaces:", errno == 0, "mounted:", status.ExitStatus())
	}
	return 0
}

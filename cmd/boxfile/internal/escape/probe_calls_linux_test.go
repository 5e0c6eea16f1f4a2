//go:build linux

package escape

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// keyrings are those that a process can name without knowing a number.
var keyrings = map[string]int{"thread": unix.KEY_SPEC_THREAD_KEYRING, "process": unix.KEY_SPEC_PROCESS_KEYRING, "session": unix.KEY_SPEC_SESSION_KEYRING,
	"user": unix.KEY_SPEC_USER_KEYRING, "user session": unix.KEY_SPEC_USER_SESSION_KEYRING}

// tryKeyring looks for the host's key, reads it, and makes it useless. It leaves
// other keys alone: without a guard, they are those of whoever runs the tests.
func tryKeyring(a *attack) {
	for name, ring := range keyrings {
		id, err := unix.KeyctlSearch(ring, "user", a.words[0], 0)
		if err != nil {
			continue
		}
		b := make([]byte, 256)
		n, _ := unix.KeyctlBuffer(unix.KEYCTL_READ, id, b, 0)
		a.reached("the host's key in the %s keyring: %s", name, b[:max(n, 0)])
		_, _ = unix.KeyctlInt(unix.KEYCTL_REVOKE, id, 0, 0, 0)
	}
	if id, err := unix.RequestKey("user", a.words[0], "", 0); err == nil {
		a.reached("the host's key %d by request", id)
	}
	if b, _ := os.ReadFile("/proc/keys"); len(b) > 0 {
		a.reached("a list of keys: %s", b)
	}
}

// secretEnv hands the secret to withKey.
const secretEnv = "ESCAPE_SECRET"

// withKey is the host side of tryKeyring: it holds a key, the first word, in a session keyring of
// its own and in the user's, runs the other words, and sees whether the keys are still there.
func withKey(words []string) int {
	name, secret, words := words[0], os.Getenv(secretEnv), words[1:]
	runtime.LockOSThread()                                                                  // keyrings are a thread's
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil { // one without a name is new
		return say("", err)
	}
	keys := map[int]int{}
	for _, ring := range []int{unix.KEY_SPEC_SESSION_KEYRING, unix.KEY_SPEC_USER_KEYRING} {
		id, err := unix.AddKey("user", name, []byte(secret), ring)
		if err != nil {
			return say("", err)
		}
		keys[ring] = id
	}
	defer func() {
		for ring, id := range keys {
			_, _ = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, ring, 0, 0)
		}
	}()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	for ring := range keys {
		if _, lost := unix.KeyctlSearch(ring, "user", name, 0); lost != nil {
			fmt.Printf(reachedMark+"the host's key is gone from its keyring: %v\n", lost)
		}
	}
	if err != nil {
		return 1
	}
	return 0
}

// call is a system call that a box has no business with.
type call struct {
	name string
	nr   uintptr
	args [5]uintptr
}

func calls() []call {
	root := uintptr(unsafe.Pointer(unsafe.StringData("/\x00")))
	tmp := uintptr(unsafe.Pointer(unsafe.StringData("/tmp\x00")))
	tmpfs := uintptr(unsafe.Pointer(unsafe.StringData("tmpfs\x00")))
	cwd := ^uintptr(99) // AT_FDCWD
	return []call{
		{"mount", unix.SYS_MOUNT, [5]uintptr{root, tmp, tmpfs, 0}}, {"umount2", unix.SYS_UMOUNT2, [5]uintptr{tmp, unix.MNT_DETACH}},
		{"open_tree", unix.SYS_OPEN_TREE, [5]uintptr{cwd, root, 0}}, {"open_tree clone", unix.SYS_OPEN_TREE, [5]uintptr{cwd, root, 1}},
		{"move_mount", unix.SYS_MOVE_MOUNT, [5]uintptr{cwd, root, cwd, tmp, 0}}, {"fsopen", unix.SYS_FSOPEN, [5]uintptr{tmpfs, 0}},
		{"fsconfig", unix.SYS_FSCONFIG, [5]uintptr{0, 6, 0, 0, 0}}, {"fsmount", unix.SYS_FSMOUNT, [5]uintptr{0, 0, 0}},
		{"mount_setattr", unix.SYS_MOUNT_SETATTR, [5]uintptr{cwd, root, 0, root, 32}},
		{"keyctl", unix.SYS_KEYCTL, [5]uintptr{0, ^uintptr(2), 1}}, {"add_key", unix.SYS_ADD_KEY, [5]uintptr{tmpfs, tmp, 0, 0, ^uintptr(2)}},
		{"request_key", unix.SYS_REQUEST_KEY, [5]uintptr{tmpfs, tmp, 0, 0}},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, [5]uintptr{1, 0}}, {"io_uring_enter", unix.SYS_IO_URING_ENTER, [5]uintptr{0, 0, 0, 0}},
		{"io_uring_register", unix.SYS_IO_URING_REGISTER, [5]uintptr{0, 0, 0, 0}},
		{"bpf", unix.SYS_BPF, [5]uintptr{0, 0, 0}}, {"perf_event_open", unix.SYS_PERF_EVENT_OPEN, [5]uintptr{0, 0, ^uintptr(0), ^uintptr(0), 0}},
		{"userfaultfd", unix.SYS_USERFAULTFD, [5]uintptr{1}},
	}
}

// tryCalls makes calls that the filter has to refuse, with arguments of which
// some would do: EPERM and ENOSYS are the filter's words, anything else is the kernel's.
func tryCalls(a *attack) {
	for _, c := range calls() {
		_, _, errno := syscall.Syscall6(c.nr, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], 0)
		if errno != unix.EPERM && errno != unix.ENOSYS {
			a.reached("%s, which answers %v", c.name, errno)
		}
	}
	for _, nr := range []uintptr{520, 600, 1000, 0x7fff} {
		if _, _, errno := syscall.Syscall(nr, 0, 0, 0); errno != unix.ENOSYS {
			a.reached("a call that does not exist, number %d: %v", nr, errno)
		}
	}
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
		if fd, err := unix.Socket(unix.AF_VSOCK, kind, 0); err == nil {
			unix.Close(fd)
			a.reached("a socket of type %d to the hypervisor", kind)
		}
	}
	out, err := again("foreign").Output()
	var exit *exec.ExitError
	if runtime.GOARCH == "amd64" && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS) { //nolint:forcetypeassert // on Linux it is one
		a.reached("a call of another architecture: %s, %v", out, err)
	}
}

// tryNamespaces makes every kind of namespace, in each of the three ways.
func tryNamespaces(a *attack) {
	kinds := map[string]uintptr{"user": unix.CLONE_NEWUSER, "mount": unix.CLONE_NEWNS, "pid": unix.CLONE_NEWPID, "network": unix.CLONE_NEWNET, "ipc": unix.CLONE_NEWIPC,
		"uts": unix.CLONE_NEWUTS, "cgroup": unix.CLONE_NEWCGROUP, "user and mount": unix.CLONE_NEWUSER | unix.CLONE_NEWNS}
	for name, flags := range kinds {
		for way, attr := range map[string]*syscall.SysProcAttr{"clone": {Cloneflags: flags}, "unshare": {Unshareflags: flags}} {
			cmd := again("words")
			cmd.SysProcAttr = attr
			if err := cmd.Run(); err == nil {
				a.reached("a new %s namespace by %s", name, way)
			} else if !errors.Is(err, unix.EPERM) {
				a.reached("%s of a new %s namespace, which answers %v", way, name, err)
			}
		}
		args := [8]uint64{uint64(flags), 4: uint64(unix.SIGCHLD)}
		pid, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
		if errno == 0 && pid == 0 {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		if errno == 0 {
			_, _ = syscall.Wait4(int(pid), nil, 0, nil)
			a.reached("a new %s namespace by clone3", name)
		}
	}
}

// foreign makes a call of i386, getpid: a filter that knows numbers of one
// architecture alone would take it for another call. The code is put into memory, since
// this package is tests alone and tests have no assembly.
func foreign() int {
	code := []byte{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3} // mov eax, 20; int 0x80; ret
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return say("", err)
	}
	copy(page, code)
	entry := uintptr(unsafe.Pointer(&page[0]))
	closure := &entry // what a func value points to begins with its entry
	(*(*func())(unsafe.Pointer(&closure)))()
	return say("made", nil)
}

//go:build linux

package fork

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime's own preparations for a fork: block every signal, and make any
// attempt to grow the stack fail loudly. gVisor reaches them the same way, and
// the runtime promises to keep them for it (go.dev/issue/67401).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal uint64
	stack, stackSize, tls                         uint64
	setTID, setTIDSize, cgroup                    uint64
}

// Child is a started child. The process that started it must wait for PID.
type Child struct {
	PID   int
	PIDFD int // close-on-exec
}

// Start forks a child into new namespaces (flags are CLONE_NEW* of clone(2))
// and has it run the listing. control is the child's end of the control socket.
//
// A parent-death signal follows the thread that forked, so the caller must not
// be on a goroutine that is locked to a thread and ends before the child.
func Start(l *Listing, flags uintptr, control int) (Child, error) {
	l.erase = l.Erase
	l.control, l.regs[Control] = uintptr(control), uintptr(control)
	// CLONE_CLEAR_SIGHAND: the child must never run a handler of the Go runtime.
	args := cloneArgs{
		flags:      uint64(flags) | unix.CLONE_CLEAR_SIGHAND | unix.CLONE_PIDFD,
		exitSignal: uint64(unix.SIGCHLD),
		pidfd:      uint64(uintptr(unsafe.Pointer(&l.scratch.pidfd))), // not on the stack, which may move
	}
	pid, errno := start(&l.image, &args)
	if errno != 0 {
		return Child{}, errno
	}
	return Child{PID: int(pid), PIDFD: int(l.scratch.pidfd)}, nil
}

// start is kept apart so that nothing of Start's frame is live across the fork.
//
//go:noinline
//go:norace
//go:nocheckptr
func start(im *image, args *cloneArgs) (uintptr, syscall.Errno) {
	beforeFork()
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		child(im)
	}
	afterFork()
	return pid, errno
}

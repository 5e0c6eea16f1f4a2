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
	flags, pidfd          uint64
	_, _, _               uint64 // child_tid, parent_tid, exit_signal
	stack, stackSize, tls uint64
	_, _                  uint64 // set_tid, set_tid_size
	cgroup                uint64
}

// entryOf is where the code of a function begins.
func entryOf(f func(*image)) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }

// Child is a started child. The process that started it must wait for PID, with
// __WALL, because its end sends no signal.
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
	im := l.image
	im.erase, im.tellStarted, im.ends, im.command = l.Erase, l.TellStarted, l.Ends, entryOf(commandChild)
	copy(im.scratch.name[:], "cgroup.procs")
	im.control, im.regs[Control] = uintptr(control), uintptr(control)
	// CLONE_CLEAR_SIGHAND: the child must never run a handler of the Go runtime.
	// No signal at its end: boxfile waits for it, and a handler of the runtime's would run first.
	// CLONE_SETTLS: where assembly returns to Go, that looks for the goroutine in thread-local
	// storage, which is on the heap for all threads but the first.
	args := cloneArgs{
		flags:     uint64(flags) | unix.CLONE_CLEAR_SIGHAND | unix.CLONE_PIDFD | unix.CLONE_SETTLS,
		tls:       uint64(uintptr(unsafe.Pointer(&im.scratch.tls[len(im.scratch.tls)/2]))),
		pidfd:     uint64(uintptr(unsafe.Pointer(&im.scratch.pidfd))), // not on the stack, which may move
		stack:     uint64(im.stack) - 2*stackSize,
		stackSize: stackSize,
		cgroup:    uint64(l.Cgroup),
	}
	heap := unsafe.Pointer(unsafe.SliceData(make([]byte, 1)))
	forkHeap(heap, unix.MADV_DONTFORK)
	pid, errno := start(im, &args, entryOf(firstChild))
	forkHeap(heap, unix.MADV_DOFORK)
	if errno != 0 {
		return Child{}, syscall.Errno(errno)
	}
	return Child{PID: int(pid), PIDFD: int(im.scratch.pidfd)}, nil
}

// arena is how much address space the Go runtime takes for its heap at a time,
// and to what it aligns it, on 64-bit Linux.
const arena = 64 << 20

// forkHeap keeps the Go heap, or the first arena of it, out of the child, or
// lets it in again. The child runs on a stack and from memory of the listing's
// own; what the heap holds, as the values of secrets, is none of its business,
// and not copying its page tables is faster. Where this fails the child has a copy more.
func forkHeap(in unsafe.Pointer, advice uintptr) {
	rawcall(unix.SYS_MADVISE, uintptr(in)&^(arena-1), arena, advice, 0, 0, 0)
}

// start is kept apart so that nothing of Start's frame is live across the fork.
//
//go:noinline
//go:norace
//go:nocheckptr
func start(im *image, args *cloneArgs, entry uintptr) (pid, errno uintptr) {
	beforeFork()
	pid, errno = clone3(args, unsafe.Sizeof(*args), im, entry)
	afterFork()
	return pid, errno
}

// clone3 is clone3(2) for a child with a stack of its own, which becomes the
// function at entry.
//
//go:noescape
func clone3(args *cloneArgs, size uintptr, im *image, entry uintptr) (pid, errno uintptr)

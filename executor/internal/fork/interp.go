//go:build linux

package fork

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kind is the first word of a message on the control socket.
type Kind uint32

// What a child says. Each message is three 32-bit words in the machine's byte order.
const (
	Failed      Kind = 1 + iota // tag of the call, errno
	Started                     // the command was executed; only if the listing asks for it
	Signaled                    // wait status of the command, which a signal ended
	Sync                        // number of the point; the child goes on after one byte
	Descriptors                 // how many, which are with it (SCM_RIGHTS, unix(7))
	Forked                      // pid of process 1, as the process before it sees it; that one is over
	Doing                       // tag of the call that comes next; only of calls that ask for it
)

// MessageSize is the length of a message in bytes.
const MessageSize = 12

const (
	retries   = 1000 // openat2 says EAGAIN while a rename goes on somewhere
	exitSetup = 125  // the box could not be made
	// what process 1 passes on: which signals get there is for whoever sends them
	forwarded = ^uint64(1<<(unix.SIGCHLD-1) | 1<<(unix.SIGKILL-1) | 1<<(unix.SIGSTOP-1))
)

// What follows runs in the forked child. Nothing here may allocate, grow the
// stack, store a pointer to the heap, or call what does.

// rawcall is a system call and nothing else. It is in assembly, and not the
// syscall package's, to stay small: all that the child calls has to fit into the
// 800 bytes of stack that functions without a stack check may use, unoptimised builds included.
//
//go:noescape
func rawcall(nr, a, b, c, d, e, f uintptr) (result, errno uintptr)

// trap ends the process by a signal.
func trap()

// exit ends the process, also where a filter of system calls does not let it exit.
//
//go:nosplit
//go:norace
func exit(code uintptr) {
	rawcall(unix.SYS_EXIT_GROUP, code, 0, 0, 0, 0, 0)
	trap()
}

//go:nosplit
//go:norace
func tell(im *image, kind Kind, a, b uint32) {
	m := im.scratch
	m.msg[0], m.msg[1], m.msg[2] = uint32(kind), a, b
	rawcall(unix.SYS_WRITE, im.control, uintptr(unsafe.Pointer(&m.msg)), MessageSize, 0, 0, 0)
}

// firstChild is the whole life of the forked process.
//
//go:nosplit
//go:norace
func firstChild(im *image) {
	for i := 0; i < len(im.erase); i++ {
		*(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(im.erase)), i)) = 0
	}
	if im.staged {
		run(im, im.calls[Stage])
		second(im)
	}
	run(im, im.calls[Enter])
	if im.hasInit {
		pid := command(im)
		run(im, im.calls[Init])
		if im.tellStarted {
			tell(im, Started, 0, 0)
		}
		ended := reap(im, pid)
		purge(im)
		leave(im, ended)
	}
	run(im, im.calls[Command])
	exit(exitSetup) // not reached: the last call of command is execve
}

// second forks process 1, a sibling of this one, and ends. The child goes on with a
// copy of this memory and stack.
//
//go:nosplit
//go:norace
func second(im *image) {
	pid, e := rawcall(unix.SYS_CLONE, unix.CLONE_PARENT, 0, 0, 0, 0, 0)
	if e != 0 {
		tell(im, Failed, ^uint32(0), uint32(e))
		exit(exitSetup)
	}
	if pid != 0 {
		tell(im, Forked, uint32(pid), 0)
		exit(0)
	}
}

// run makes the calls of a list in order, and ends the process at the first that fails.
//
//go:nosplit
//go:norace
func run(im *image, list []call) {
	for i := 0; i < len(list); i++ {
		c := (*call)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(list)), uintptr(i)*unsafe.Sizeof(call{})))
		if c.flags&flagTell != 0 {
			tell(im, Doing, c.tag, 0)
		}
		r, e := one(im, c)
		if e == 0 && c.flags&flagWant != 0 && int64(r) != c.want {
			e = unix.EPROTO // a short write, or the other end of a socket is gone
		}
		if e == 0 {
			if c.save != 0 {
				*register(im, c.save) = r
			}
			i += int(c.then)
			continue
		}
		if n := foreseen(c, e); n >= 0 {
			i += n
			continue
		}
		if c.flags&flagTry != 0 {
			if e = search(im, e); e == 0 && i+1 < len(list) {
				continue
			}
			if e == 0 {
				e = im.scratch.worst
			}
		}
		tell(im, Failed, c.tag, uint32(e))
		exit(exitSetup)
	}
}

// register is a bounds check less than an index: Put has checked the number,
// and an index that could fail would call what the child has no stack for.
//
//go:nosplit
//go:norace
func register(im *image, n uint16) *uintptr {
	return (*uintptr)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(im.regs)), uintptr(n)*word))
}

// invoke makes a call with its registers added. The assembly knows where the
// fields of call are; a test holds the two together.
//
//go:noescape
func invoke(c *call, regs *uintptr) (result, errno uintptr)

//go:nosplit
//go:norace
func one(im *image, c *call) (uintptr, syscall.Errno) {
	for n := 0; ; n++ {
		r, failed := invoke(c, unsafe.SliceData(im.regs)) // register 0 is always 0
		e := syscall.Errno(failed)
		if c.flags&flagRetry == 0 || n == retries || (e != unix.EINTR && e != unix.EAGAIN) {
			return r, e
		}
	}
}

// foreseen returns how many calls to pass over after error e, or -1.
//
//go:nosplit
//go:norace
func foreseen(c *call, e syscall.Errno) int {
	if syscall.Errno(c.errno[0]) == e {
		return int(c.skip[0])
	}
	if syscall.Errno(c.errno[1]) == e {
		return int(c.skip[1])
	}
	return -1
}

// search notes a failed attempt and returns 0 when the next one is worth
// trying, as execvp(3) does it.
//
//go:nosplit
//go:norace
func search(im *image, e syscall.Errno) syscall.Errno {
	switch e {
	case unix.ENOENT, unix.ENOTDIR:
		if im.scratch.worst == 0 {
			im.scratch.worst = unix.ENOENT
		}
	case unix.EACCES:
		im.scratch.worst = e
	default:
		return e
	}
	return 0
}

// vfork is clone(2) with a stack for the child, which becomes the function at entry.
//
//go:noescape
func vfork(flags, stack uintptr, im *image, entry uintptr) (pid, errno uintptr)

// command makes the process that becomes the command. It shares this one's
// memory, and CLONE_VFORK keeps this one waiting until it has executed or
// ended, so that a failure is told before anything else is, and no page is copied.
//
//go:nosplit
//go:norace
func command(im *image) uintptr {
	pid, e := vfork(unix.CLONE_VM|unix.CLONE_VFORK|uintptr(unix.SIGCHLD), im.stack, im, im.command)
	if e != 0 {
		tell(im, Failed, ^uint32(0), uint32(e))
		exit(exitSetup)
	}
	return pid
}

// commandChild is what vfork's child becomes.
//
//go:nosplit
//go:norace
func commandChild(im *image) {
	run(im, im.calls[Command])
	exit(exitSetup)
}

// reap is what process 1 does while the command lives: it collects whoever ends and
// forwards signals to the command. It returns true once that has ended, and false when the
// other end of the control socket is closed, because boxfile is gone.
//
//go:nosplit
//go:norace
func reap(im *image, main uintptr) bool {
	s := im.scratch
	s.sigset = ^uint64(0)
	fd, e := rawcall(unix.SYS_SIGNALFD4, ^uintptr(0), uintptr(unsafe.Pointer(&s.sigset)), 8, unix.SFD_CLOEXEC, 0, 0)
	if e != 0 {
		tell(im, Failed, ^uint32(0), uint32(e))
		exit(exitSetup)
	}
	ended := collect(im, main) // a command that has ended before the signalfd was there
	for !ended {
		s.poll[0].Fd, s.poll[0].Events, s.poll[0].Revents = int32(fd), unix.POLLIN, 0
		s.poll[1].Fd, s.poll[1].Events, s.poll[1].Revents = int32(im.control), unix.POLLIN, 0
		_, e := rawcall(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&s.poll)), uintptr(len(s.poll)), 0, 0, 0, 0)
		if e != 0 && e != uintptr(unix.EINTR) || s.poll[1].Revents != 0 {
			return false
		}
		n, _ := rawcall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&s.siginfo)), unsafe.Sizeof(s.siginfo), 0, 0, 0)
		if n != unsafe.Sizeof(s.siginfo) {
			continue
		}
		sig := uintptr(s.siginfo.Signo)
		if sig == uintptr(unix.SIGCHLD) {
			ended = collect(im, main)
		} else if sig <= 64 && forwarded&(1<<(sig-1)) != 0 {
			rawcall(unix.SYS_KILL, main, sig, 0, 0, 0, 0)
		}
	}
	return true
}

// leave is the end of process 1, which takes the pid namespace along.
//
//go:nosplit
//go:norace
func leave(im *image, ended bool) {
	if !ended {
		exit(128 + uintptr(unix.SIGKILL))
	}
	status := uint32(im.scratch.status)
	if status&0x7f == 0 { // it has exited, wait(2)
		exit(uintptr(status >> 8 & 0xff))
	}
	tell(im, Signaled, status, 0)
	exit(0)
}

// collect waits for every process that has ended, and reports whether the main one is among them.
//
//go:nosplit
//go:norace
func collect(im *image, main uintptr) bool {
	for {
		pid, e := rawcall(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&im.scratch.status)), unix.WNOHANG, 0, 0, 0)
		if e == uintptr(unix.EINTR) {
			continue
		}
		if e != 0 || pid == 0 {
			return false
		}
		if pid == main {
			return true
		}
	}
}

// purge ends every other process of the cgroup, where the pid namespace is not
// process 1's to take along: all are killed until none is left. Those who fork faster
// than that can fork no more after some rounds, not sooner: the kernel would count
// what it refuses them, as if the box had met its limit.
//
//go:nosplit
//go:norace
func purge(im *image) {
	if !im.ends {
		return
	}
	s := im.scratch
	for n := 0; n < purges && !alone(im); n++ {
		if n == purgesFree {
			s.procs[0] = '0'
			rawcall(unix.SYS_WRITE, im.control+1, uintptr(unsafe.Pointer(&s.procs)), 1, 0, 0, 0)
		}
		for pid := uintptr(1); pid != 0; { // v1 lists them until they are collected
			if pid, _ = rawcall(unix.SYS_WAIT4, ^uintptr(0), 0, unix.WNOHANG, 0, 0, 0); pid == ^uintptr(0) {
				break
			}
		}
		s.pause.Nsec = int64(purgePause)
		rawcall(unix.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&s.pause)), 0, 0, 0)
	}
}

const (
	purges     = 1 << 14
	purgesFree = 10
	purgePause = 1e6 // ns
)

// alone kills those that cgroup.procs lists, and reports whether none was there but this process.
//
//go:nosplit
//go:norace
func alone(im *image) bool {
	s := im.scratch
	self, _ := rawcall(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	fd, e := rawcall(unix.SYS_OPENAT, im.control+2, uintptr(unsafe.Pointer(&s.name)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0) // v1 lists the same for a second to whoever keeps it open
	if e != 0 {
		return false // nobody knows, for want of memory as a rule
	}
	others, pid := false, uintptr(0)
	for {
		n, e := rawcall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&s.procs)), unsafe.Sizeof(s.procs), 0, 0, 0)
		if e != 0 || n == 0 {
			rawcall(unix.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
			return e == 0 && !others
		}
		for i := uintptr(0); i < n; i++ {
			c := *(*byte)(unsafe.Add(unsafe.Pointer(&s.procs), i))
			if c >= '0' && c <= '9' {
				pid = 10*pid + uintptr(c-'0')
				continue
			}
			if pid != 0 && pid != self {
				rawcall(unix.SYS_KILL, pid, uintptr(unix.SIGKILL), 0, 0, 0, 0)
				others = true
			}
			pid = 0
		}
	}
}

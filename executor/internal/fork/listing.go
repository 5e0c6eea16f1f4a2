//go:build linux

package fork

import (
	"fmt"
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Control is the register that holds the child's end of the control socket.
const Control = 1

// Part is one of a listing's three lists of calls.
type Part int

// The parts, in the order in which the package comment draws them.
const (
	Stage Part = iota // of a process before process 1
	Enter
	Command
	Init // process 1, after the command has started
	parts
)

// Arg is one argument of a call: Val, plus register Reg when that is not 0.
type Arg struct {
	Val uint64
	Reg int
}

// Skip goes on after an error that was foreseen, passing over the next N calls.
type Skip struct {
	Errno syscall.Errno
	N     int
}

// Call is one raw system call and what to do with its answer.
type Call struct {
	Tag     int // reported when the call fails
	Nr      uintptr
	Args    [6]Arg
	Save    int    // register that keeps the result, or 0
	HasWant bool   // Want is the only good result
	Want    int64  //
	Errs    []Skip // at most two
	Then    int    // calls to pass over after success
	Retry   bool   // a bounded number of times after EINTR and EAGAIN
	// Try marks the attempts of a search: not found goes on to the next call,
	// and the call that fails at last reports the most telling error of all.
	Try bool
	// Tell says that the call comes next, before it is made.
	Tell bool
}

// Sizes is what a listing needs room for.
type Sizes struct {
	Calls   [parts]int
	Regs    int // number of the highest register
	Memory  int // bytes that Bytes, String and Strings will use, see Room
	HasInit bool
	Staged  bool // there is a process before process 1
}

// Room is the memory that n bytes take, with the alignment they may need.
func Room(n int) int { return n + 2*word }

const (
	word      = 8
	stackSize = 16 << 10
	maxErrs   = 2
)

// call is a Call as the interpreter reads it: no Go pointers.
type call struct {
	nr    uintptr
	args  [6]uintptr
	want  int64
	regs  [6]uint16
	save  uint16
	errno [maxErrs]uint16
	skip  [maxErrs]uint16
	then  uint16
	tag   uint32
	flags uint8
}

const (
	flagWant = 1 << iota
	flagRetry
	flagTry
	flagTell
)

// Listing is what a child is to do, in mapped memory of its own outside the Go heap.
type Listing struct {
	// Erase is memory of the parent's that the child clears: its argument list,
	// which the box could otherwise read as that of process 1.
	Erase []byte
	// TellStarted has process 1 say Started.
	TellStarted bool
	// Ends has process 1 end all processes of its cgroup before itself. The descriptors
	// right above the control socket are its pids.max and its directory.
	Ends bool
	// Cgroup is the directory of the cgroup that the child is born in, for
	// CLONE_INTO_CGROUP of clone3(2).
	Cgroup int

	arena []byte
	mem   []byte // what is left of the arena's part for arguments
	*image
}

// image is the part of a listing that the forked child uses. It lies in the
// listing's memory too: the child has no Go heap.
type image struct {
	calls   [parts][]call
	regs    []uintptr
	erase   []byte
	control uintptr // the child's end of the control socket
	stack   uintptr // upper end of the command's stack, until it executes; below it is process 1's
	scratch *scratch
	hasInit bool
	staged  bool
	ends    bool // process 1 ends the box by the descriptors above control

	tellStarted bool
	command     uintptr // where the code of commandChild begins
}

// scratch is what the interpreter writes to besides registers.
type scratch struct {
	msg     [3]uint32
	pidfd   int32
	poll    [2]unix.PollFd
	siginfo unix.SignalfdSiginfo
	sigset  uint64
	status  int32
	worst   syscall.Errno // of a search
	name    [16]byte      // "cgroup.procs"
	procs   [512]byte     // what it says
	pause   unix.Timespec
	tls     [16]uint64 // thread-local storage, all zero
}

// NewListing maps the memory of a listing. Free releases it.
func NewListing(s Sizes) (*Listing, error) {
	if s.Regs > math.MaxUint16 {
		return nil, fmt.Errorf("%d registers are too many, at most %d are possible", s.Regs, math.MaxUint16)
	}
	n := 0
	for _, c := range s.Calls {
		n += c
	}
	callSize, regSize := align(n*int(unsafe.Sizeof(call{}))), align((s.Regs+1)*word)
	head := align(int(unsafe.Sizeof(scratch{}))) + align(int(unsafe.Sizeof(image{})))
	total := head + callSize + regSize + align(s.Memory+word) + 2*stackSize
	arena, err := unix.Mmap(-1, 0, total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes for the program: %w", total, err)
	}
	l := &Listing{arena: arena, image: (*image)(unsafe.Pointer(&arena[align(int(unsafe.Sizeof(scratch{})))]))}
	l.hasInit, l.staged = s.HasInit, s.Staged
	l.stack = uintptr(unsafe.Pointer(&arena[0])) + uintptr(total)
	l.scratch = (*scratch)(unsafe.Pointer(&arena[0]))
	calls := unsafe.Slice((*call)(unsafe.Pointer(&arena[head])), n+1)
	for p, c := range s.Calls {
		l.calls[p], calls = calls[:c:c], calls[c:]
	}
	l.regs = unsafe.Slice((*uintptr)(unsafe.Pointer(&arena[head+callSize])), s.Regs+1)
	l.mem = arena[head+callSize+regSize : total-2*stackSize]
	return l, nil
}

func align(n int) int { return (n + 63) &^ 63 }

// Free unmaps the listing. A child that was started from it has its own copy.
func (l *Listing) Free() { _ = unix.Munmap(l.arena) }

// Preset gives a register its value before the start.
func (l *Listing) Preset(reg int, val uint64) { l.regs[reg] = uintptr(val) }

// take cuts n bytes, aligned to eight, off the listing's memory.
func (l *Listing) take(n int) []byte {
	pad := int(-uintptr(unsafe.Pointer(&l.mem[0])) % word)
	b := l.mem[pad : pad+n : pad+n]
	l.mem = l.mem[pad+n:]
	return b
}

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// Bytes puts b into the listing's memory, aligned to eight bytes, and returns a pointer to it.
func (l *Listing) Bytes(b []byte) Arg {
	to := l.take(len(b))
	copy(to, b)
	return Arg{Val: address(to)}
}

// String puts s into the listing's memory, with a terminating NUL.
func (l *Listing) String(s string) Arg {
	to := l.mem[: len(s)+1 : len(s)+1] // mapped memory is zero
	l.mem = l.mem[len(s)+1:]
	copy(to, s)
	return Arg{Val: address(to)}
}

// Strings puts a NULL-terminated array of strings, as execve(2) takes it, into the listing's memory.
func (l *Listing) Strings(list []string) Arg {
	to := l.take(word * (len(list) + 1))
	words := unsafe.Slice((*uint64)(unsafe.Pointer(&to[0])), len(list)+1)
	for i, s := range list {
		words[i] = l.String(s).Val
	}
	return Arg{Val: address(to)}
}

// Put writes down call i of a part. It checks what the interpreter does not:
// register numbers and jumps stay inside.
func (l *Listing) Put(p Part, i int, c *Call) error {
	to, after := &l.calls[p][i], len(l.calls[p])-i-1
	to.nr, to.tag, to.want = c.Nr, uint32(c.Tag), c.Want
	for j, a := range c.Args {
		if a.Reg < 0 || a.Reg >= len(l.regs) {
			return fmt.Errorf("call %d: no register %d", c.Tag, a.Reg)
		}
		to.args[j], to.regs[j] = uintptr(a.Val), uint16(a.Reg)
	}
	if c.Save < 0 || c.Save >= len(l.regs) {
		return fmt.Errorf("call %d: no register %d", c.Tag, c.Save)
	}
	to.save = uint16(c.Save)
	if len(c.Errs) > maxErrs {
		return fmt.Errorf("call %d: %d foreseen errors, at most %d are possible", c.Tag, len(c.Errs), maxErrs)
	}
	for j, e := range c.Errs {
		if e.N < 0 || e.N > after {
			return fmt.Errorf("call %d: cannot pass over %d calls, %d follow", c.Tag, e.N, after)
		}
		to.errno[j], to.skip[j] = uint16(e.Errno), uint16(e.N)
	}
	if c.Then < 0 || c.Then > after {
		return fmt.Errorf("call %d: cannot pass over %d calls, %d follow", c.Tag, c.Then, after)
	}
	to.then = uint16(c.Then)
	if c.HasWant {
		to.flags |= flagWant
	}
	if c.Retry {
		to.flags |= flagRetry
	}
	if c.Try {
		to.flags |= flagTry
	}
	if c.Tell {
		to.flags |= flagTell
	}
	return nil
}

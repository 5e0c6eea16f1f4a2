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

// Arg is one argument of a call: Val, plus the address of the listing's memory
// when Ptr is set, plus register Reg when that is not 0.
type Arg struct {
	Val uint64
	Reg int
	Ptr bool
}

// Skip goes on after an error that was foreseen, passing over the next N calls.
type Skip struct {
	Errno syscall.Errno
	N     int
}

// Call is one raw system call and what to do with its answer.
type Call struct {
	Tag   int // reported when the call fails
	Nr    uintptr
	Args  [6]Arg
	Save  int    // register that keeps the result, or 0
	Want  int64  // the only good result, when HasWant is set
	Errs  []Skip // at most two
	Then  int    // calls to pass over after success
	Retry bool   // a bounded number of times after EINTR and EAGAIN
	// Try marks the attempts of a search: not found goes on to the next call,
	// and the call that fails at last reports the most telling error of all.
	Try     bool
	HasWant bool
}

// Listing is what a child is to do.
type Listing struct {
	Enter   []Call
	Init    []Call // process 1, after the command has started; used when HasInit is set
	Command []Call
	HasInit bool
	Regs    int    // number of the highest register
	Erase   []byte // memory of the parent's that the child clears: its argument list, which the box could read as that of process 1
	mem     []byte
	ptrs    []int // offsets in mem of words that hold offsets into mem
}

const word = 8

// Bytes puts b into the listing's memory, aligned to eight bytes, and returns a pointer to it.
func (l *Listing) Bytes(b []byte) Arg {
	for len(l.mem)%word != 0 {
		l.mem = append(l.mem, 0)
	}
	at := len(l.mem)
	l.mem = append(l.mem, b...)
	return Arg{Val: uint64(at), Ptr: true}
}

// String puts s into the listing's memory, with the terminating NUL.
func (l *Listing) String(s string) Arg {
	at := len(l.mem)
	l.mem = append(l.mem, s...)
	l.mem = append(l.mem, 0)
	return Arg{Val: uint64(at), Ptr: true}
}

// Strings puts a NULL-terminated array of strings, as execve(2) takes it, into the listing's memory.
func (l *Listing) Strings(list []string) Arg {
	offsets := make([]uint64, len(list))
	for i, s := range list {
		offsets[i] = l.String(s).Val
	}
	arr := l.Bytes(make([]byte, word*(len(list)+1)))
	for i, off := range offsets {
		at := int(arr.Val) + word*i
		putWord(l.mem[at:], off)
		l.ptrs = append(l.ptrs, at)
	}
	return arr
}

func putWord(b []byte, v uint64) { *(*uint64)(unsafe.Pointer(&b[0])) = v }
func getWord(b []byte) uint64    { return *(*uint64)(unsafe.Pointer(&b[0])) }

// call is a Call as the interpreter reads it: no Go pointers.
type call struct {
	nr    uintptr
	args  [6]uintptr
	want  int64
	regs  [6]uint16
	save  uint16
	errno [2]uint16
	skip  [2]uint16
	then  uint16
	tag   uint32
	flags uint8
}

const (
	flagWant = 1 << iota
	flagRetry
	flagTry
)

// image is a Listing in mapped memory, ready to be run by a forked child.
type image struct {
	enter, init, command []call
	regs                 []uintptr
	erase                []byte
	hasInit              bool
	scratch              *scratch
}

// scratch is what the interpreter writes to besides registers.
type scratch struct {
	msg     [3]uint32
	poll    [2]unix.PollFd
	siginfo unix.SignalfdSiginfo
	sigset  uint64
	status  int32
	pidfd   int32
	worst   syscall.Errno // of a search
}

// assemble lays the listing out in memory of its own, outside the Go heap. The
// mapping is released by free.
func (l *Listing) assemble() (*image, func(), error) {
	n := len(l.Enter) + len(l.Init) + len(l.Command)
	callSize := n * int(unsafe.Sizeof(call{}))
	regSize := (l.Regs + 1) * word
	head := align(int(unsafe.Sizeof(scratch{}))) + align(callSize) + regSize
	total := head + len(l.mem) + word
	arena, err := unix.Mmap(-1, 0, total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, nil, fmt.Errorf("mmap of %d bytes for the program: %w", total, err)
	}
	free := func() { _ = unix.Munmap(arena) }
	im := &image{hasInit: l.HasInit, erase: l.Erase, scratch: (*scratch)(unsafe.Pointer(&arena[0]))}
	at := align(int(unsafe.Sizeof(scratch{})))
	calls := unsafe.Slice((*call)(unsafe.Pointer(&arena[at])), n)
	at += align(callSize)
	im.regs = unsafe.Slice((*uintptr)(unsafe.Pointer(&arena[at])), l.Regs+1)
	mem := arena[head:]
	base := uintptr(unsafe.Pointer(&mem[0]))
	copy(mem, l.mem)
	for _, p := range l.ptrs {
		putWord(mem[p:], getWord(mem[p:])+uint64(base))
	}
	rest := calls
	for _, part := range []struct {
		from []Call
		to   *[]call
	}{{l.Enter, &im.enter}, {l.Init, &im.init}, {l.Command, &im.command}} {
		*part.to, rest = rest[:len(part.from):len(part.from)], rest[len(part.from):]
		for i := range part.from {
			if err := l.encode(&(*part.to)[i], &part.from[i], len(part.from)-i-1, base); err != nil {
				free()
				return nil, nil, err
			}
		}
	}
	return im, free, nil
}

func align(n int) int { return (n + 63) &^ 63 }

// encode checks what the interpreter does not: register numbers and jumps stay inside.
func (l *Listing) encode(to *call, c *Call, after int, base uintptr) error {
	to.nr, to.tag, to.want = c.Nr, uint32(c.Tag), c.Want
	for i, a := range c.Args {
		if a.Reg < 0 || a.Reg > l.Regs {
			return fmt.Errorf("call %d: no register %d", c.Tag, a.Reg)
		}
		to.args[i], to.regs[i] = uintptr(a.Val), uint16(a.Reg)
		if a.Ptr {
			to.args[i] += base
		}
	}
	if c.Save < 0 || c.Save > l.Regs || l.Regs > math.MaxUint16 {
		return fmt.Errorf("call %d: no register %d", c.Tag, c.Save)
	}
	to.save = uint16(c.Save)
	if len(c.Errs) > len(to.errno) {
		return fmt.Errorf("call %d: %d foreseen errors, at most %d are possible", c.Tag, len(c.Errs), len(to.errno))
	}
	for i, e := range c.Errs {
		if e.N < 0 || e.N > after {
			return fmt.Errorf("call %d: cannot pass over %d calls, %d follow", c.Tag, e.N, after)
		}
		to.errno[i], to.skip[i] = uint16(e.Errno), uint16(e.N)
	}
	if c.Then < 0 || c.Then > after {
		return fmt.Errorf("call %d: cannot pass over %d calls, %d follow", c.Tag, c.Then, after)
	}
	to.then = uint16(c.Then)
	for flag, on := range map[uint8]bool{flagWant: c.HasWant, flagRetry: c.Retry, flagTry: c.Try} {
		if on {
			to.flags |= flag
		}
	}
	return nil
}

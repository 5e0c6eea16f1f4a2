package signals

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Caught is a set of signals that come out of FD, which does not block: a byte
// for each, its number.
type Caught struct {
	FD   int
	to   int
	list []unix.Signal
	old  []action
}

// action is the kernel's struct sigaction, rt_sigaction(2), of both architectures.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const (
	byDefault  = 0          // SIG_DFL
	ignored    = 1          // SIG_IGN
	saRestorer = 0x04000000 // SA_RESTORER, where the kernel brings no code of its own to return from a handler
	saOnStack  = 0x08000000 // SA_ONSTACK: a goroutine's stack has no room for a signal
	saRestart  = 0x10000000 // SA_RESTART
)

// to is the pipe's other end, and 0 while nothing is caught. A handler has no
// argument that could be it.
var to int32

// handlerAddress and restorerAddress are where the code of the two is: Go would
// give the address of a wrapper, which needs a goroutine.
func handlerAddress() uintptr
func restorerAddress() uintptr

var errTwice = errors.New("signals of this process are caught already: it runs another box")

// Catch has signals come out of a pipe from now on. One that this process was
// started with ignored stays so if it is among keep: nohup(1) means that.
func Catch(list, keep []unix.Signal) (*Caught, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("pipe2: %w", err)
	}
	c := &Caught{FD: pipe[0], to: pipe[1]}
	mine := action{handler: handlerAddress(), flags: saOnStack | saRestart, mask: ^uint64(0)}
	if at := restorerAddress(); at != 0 {
		mine.restorer, mine.flags = at, mine.flags|saRestorer
	}
	if !atomic.CompareAndSwapInt32(&to, 0, int32(c.to)) {
		c.close()
		return nil, errTwice
	}
	c.list, c.old = make([]unix.Signal, 0, len(list)), make([]action, 0, len(list))
	for _, s := range list {
		var old action
		if slices.Contains(keep, s) {
			if err := sigaction(s, nil, &old); err != nil {
				c.Release()
				return nil, err
			}
			if old.handler == ignored {
				continue
			}
		}
		if err := sigaction(s, &mine, &old); err != nil {
			c.Release()
			return nil, err
		}
		c.list, c.old = append(c.list, s), append(c.old, old)
	}
	return c, nil
}

// Next is the next signal that has come, or 0.
func (c *Caught) Next() unix.Signal {
	var b [1]byte
	for {
		n, err := unix.Read(c.FD, b[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 {
			return 0
		}
		return unix.Signal(b[0])
	}
}

// Raise has a signal do to this process what it does to one that does not catch it.
// For SIGTSTP it returns once this process goes on, or at once where nobody could
// have it go on (an orphaned process group, setpgid(2)).
func Raise(s unix.Signal) error {
	// Sent to this thread it is here before tgkill returns; sent to the process, another thread may be slow to take it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before action
	if err := sigaction(s, &action{handler: byDefault}, &before); err != nil {
		return err
	}
	err := unix.Tgkill(unix.Getpid(), unix.Gettid(), s)
	if again := sigaction(s, &before, nil); err == nil {
		err = again
	}
	return err
}

// Release has signals do again what they did before, and returns those that have come
// and were not asked for.
func (c *Caught) Release() (late []unix.Signal) {
	for i, s := range c.list {
		_ = sigaction(s, &c.old[i], nil) // it was possible before
	}
	for s := c.Next(); s != 0; s = c.Next() {
		late = append(late, s)
	}
	atomic.StoreInt32(&to, 0)
	c.close()
	return late
}

func (c *Caught) close() {
	unix.Close(c.FD)
	unix.Close(c.to)
}

func sigaction(s unix.Signal, is, was *action) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(is)), uintptr(unsafe.Pointer(was)), unsafe.Sizeof(uint64(0)), 0, 0)
	if errno != 0 {
		return fmt.Errorf("rt_sigaction of %s: %w", unix.SignalName(s), errno)
	}
	return nil
}

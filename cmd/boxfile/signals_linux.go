package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// fatal are the signals that end a program which does not handle them, but not one
// in Go: its runtime prints the stacks of all goroutines at some of them, and drops the
// others. Not XFSZ: a write that fails has a message.
var fatal = [...]unix.Signal{unix.SIGQUIT, unix.SIGTRAP, unix.SIGABRT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGSTKFLT,
	unix.SIGXCPU, unix.SIGVTALRM, unix.SIGPROF, unix.SIGIO, unix.SIGPWR, unix.SIGSYS}

// endBySignals has those do what they do to every program. os/signal has no call for that,
// and starts a goroutine.
func endBySignals() {
	var byDefault [4]uint64 // the kernel's struct sigaction, rt_sigaction(2): SIG_DFL
	for _, s := range fatal {
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&byDefault)), 0, unsafe.Sizeof(uint64(0)), 0, 0)
	}
}

package executor_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/boxfile/boxfile/executor"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// runAs runs a box as the test asks for it: once or many times, told step by step,
// with threads that end all around, on the process's first thread or another.
func runAs(prog *program.Program, o executor.Options) (status executor.Status, err error) {
	early, _ := strconv.Atoi(os.Getenv("BOXFILE_TEST_EARLY"))
	if swap := strings.Fields(os.Getenv("BOXFILE_TEST_SWAP")); len(swap) == 3 {
		o.Progress = func(step int) {
			if strconv.Itoa(step) == swap[0] {
				if err := unix.Renameat2(unix.AT_FDCWD, swap[1], unix.AT_FDCWD, swap[2], unix.RENAME_EXCHANGE); err != nil {
					panic(err)
				}
			}
		}
	}
	if os.Getenv("BOXFILE_TEST_PROGRESS") != "" || early != 0 {
		o.Progress = func(step int) {
			if early != 0 {
				_ = syscall.Kill(os.Getpid(), syscall.Signal(early))
				early = 0
			}
			fmt.Fprintf(os.Stderr, "STEP %d %s\n", step, prog.Kind(step))
		}
	}
	if os.Getenv("BOXFILE_TEST_CHURN") != "" {
		for range 4 {
			go func() {
				for { // each goroutine takes its thread along when it ends
					done := make(chan struct{})
					go func() { runtime.LockOSThread(); close(done) }()
					<-done
					time.Sleep(time.Millisecond) // numbers of processes are few, and others need them
				}
			}()
		}
	}
	if n, err := strconv.Atoi(os.Getenv("BOXFILE_TEST_REPEAT")); err == nil {
		return repeat(n, prog, o)
	}
	if os.Getenv("BOXFILE_TEST_CHURN") == "" {
		return executor.Run(prog, o)
	}
	runtime.LockOSThread() // the first thread: the box is made on one that a goroutine could end
	done := make(chan struct{})
	go func() { status, err = executor.Run(prog, o); close(done) }()
	<-done
	return status, err
}

// repeat runs a box many times in one process, and says what that process has more
// of than after the first: descriptors, threads, children, mappings.
func repeat(n int, prog *program.Program, o executor.Options) (status executor.Status, err error) {
	var before [3]int
	for i := range n {
		if status, err = executor.Run(prog, o); err != nil || status.Left != nil {
			return status, err
		}
		if i == min(n/2, 20) { // the runtime has what it wants by then
			before = has()
		}
	}
	after := has()
	_, none := unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil)
	fmt.Printf("descriptors %d, mappings %d, threads %d, children: %v\n", after[0]-before[0], after[1]-before[1], after[2]-before[2], none)
	return status, nil
}

// has counts this process's descriptors, mappings and threads.
func has() [3]int {
	return [...]int{len(mustGlob("/proc/self/fd/*")), len(lines("/proc/self/maps")), len(mustGlob("/proc/self/task/*"))}
}

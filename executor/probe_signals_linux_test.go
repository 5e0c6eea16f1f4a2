package executor_test

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// behave is the command of tests of signals and of processes that nobody waits for.
func behave(args []string) int {
	in := bufio.NewReader(os.Stdin)
	switch args[0] {
	case "signals", "chatty": // says which signal came; the first ends it, or none does
		c := make(chan os.Signal, 64)
		signal.Notify(c, caught...)
		fmt.Println("ready")
		for s := range c {
			fmt.Printf("got %d\n", s.(syscall.Signal))
			if args[0] == "signals" {
				return 42
			}
		}
	case "deaf": // to TERM, as every program is that does not handle it and is process 1
		byDefault := [4]uintptr{}
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(syscall.SIGTERM), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "family": // with a session and a process group of its own each, and nobody who waits for them
		begin("daemon")
		begin("daemon", "orphan")
		if line, _ := in.ReadString('\n'); line != "" {
			fmt.Println("unexpected", line)
		}
		return 3
	case "daemon":
		if _, err := syscall.Setsid(); err != nil {
			fmt.Println(err)
		}
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		if len(args) > 1 {
			begin("daemon")
			return 0
		}
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "stopped": // a process that has stopped itself, beside one that has not
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGUSR1)
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(begin("stop"), &status, syscall.WUNTRACED, nil)
		begin("sleep")
		<-c
		return 42
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(time.Hour) // another thread may be the one to take it
	case "flood": // for ever
		for {
			_, _ = os.Stdout.Write(make([]byte, 4096))
		}
	case "forking": // ends beside others that fork and fork
		r, w, err := os.Pipe()
		if err != nil {
			fmt.Println(err)
			return 1
		}
		for range 8 {
			if _, err := os.StartProcess("/probe", []string{"probe", "forker"}, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, w, os.Stderr}}); err != nil {
				fmt.Println(err)
				return 1
			}
			_, _ = r.Read(make([]byte, 16))
		}
		return 3
	case "forker":
		for fmt.Println("ready"); ; { // one at a time: never more than its limit allows
			pid, _, _ := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
			for pid == 0 {
				_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
			}
			_, _ = syscall.Wait4(int(pid), nil, 0, nil)
		}
	case "zombies":
		n, _ := strconv.Atoi(args[1])
		budget, _ := time.ParseDuration(args[2])
		made := 0
		for end := time.Now().Add(budget); made < n && (made < fewOrphans || time.Now().Before(end)); made++ {
			if err := doubleFork(); err != nil {
				fmt.Println(err)
				return 1
			}
		}
		fmt.Println("made", made)
		for end := time.Now().Add(60 * time.Second); len(mustGlob("/proc/[0-9]*")) > 2 && time.Now().Before(end); time.Sleep(time.Millisecond) {
			continue
		}
		fmt.Println("left", len(mustGlob("/proc/[0-9]*"))-2)
		return 7
	}
	return 0
}

// begin starts a process that nobody waits for, and returns its number.
func begin(args ...string) int {
	p, err := os.StartProcess("/probe", append([]string{"probe"}, args...), &os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Println(err)
		return 0
	}
	return p.Pid
}

// caught are the signals that boxfile passes on to a command.
var caught = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT,
	syscall.SIGABRT, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGXCPU, syscall.SIGIO, syscall.SIGPWR} //nolint:gochecknoglobals // a table

// doubleFork makes a process that makes another and ends at once: that one, which
// ends at once as well, is nobody's child but process 1's. Neither runs any Go.
func doubleFork() error {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		_, _, _ = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		for {
			_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := syscall.Wait4(int(pid), nil, 0, nil)
	return err
}

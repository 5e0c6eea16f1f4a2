package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filterEnv has the test binary execute its arguments under a seccomp filter, as
// those of outer containers are: it names calls, and the error that each gets.
const filterEnv = "BOXFILE_TEST_FILTER"

// filterable are the calls that a test may have refused.
var filterable = map[string]uint32{"clone3": unix.SYS_CLONE3, "mount_setattr": unix.SYS_MOUNT_SETATTR, "fsopen": unix.SYS_FSOPEN, "unshare": unix.SYS_UNSHARE}

// underFilter returns only when it fails. calls are as in "clone3=ENOSYS,unshare=EPERM".
func underFilter(calls string, words []string) error {
	const load, equal, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	code := []unix.SockFilter{{Code: load}} // the number of the call, struct seccomp_data
	for _, c := range strings.Split(calls, ",") {
		name, word, _ := strings.Cut(c, "=")
		nr, ok := filterable[name]
		errno := map[string]unix.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS}[word]
		if !ok || errno == 0 {
			return fmt.Errorf("cannot filter %q", c)
		}
		code = append(code, unix.SockFilter{Code: equal, Jf: 1, K: nr}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	}
	code = append(code, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	runtime.LockOSThread() // the filter is this thread's, and execve makes it the only one
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0); err != nil {
		return err
	}
	return unix.Exec(words[0], words, os.Environ())
}

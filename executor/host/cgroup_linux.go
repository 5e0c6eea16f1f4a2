package host

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroups looks at the hierarchies that have one of the controllers, and at v2's.
func (f *Facts) cgroups(controllers []string) error {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	f.PageSize = os.Getpagesize()
	for _, m := range hierarchies(string(mountinfo)) {
		h := Hierarchy{Version: m.version, Mount: m.at, ReadOnly: m.readOnly}
		controller := ""
		if m.version == 1 {
			at := slices.IndexFunc(m.options, func(o string) bool { return slices.Contains(controllers, o) })
			if at < 0 {
				continue
			}
			h.Controllers, controller = m.options, m.options[at]
		}
		var known bool
		if h.Own, known = membership(string(own), controller); !known {
			continue
		}
		if dir, shown := m.within(h.Own); shown {
			for {
				h.Levels = append(h.Levels, level(m.version, dir, h.Controllers))
				if dir == m.at {
					break
				}
				dir = path.Dir(dir)
			}
			if m.version == 2 {
				h.Controllers = h.Levels[len(h.Levels)-1].Controllers
			}
		}
		f.Cgroups.Hierarchies = append(f.Cgroups.Hierarchies, h)
	}
	if slices.Contains(controllers, "memory") {
		swaps := contents("/proc/swaps")
		f.Cgroups.Swap = strings.Count(swaps, "\n") > 1 // the first is a heading
	}
	if slices.Contains(controllers, "cpuset") {
		f.Cgroups.Online = contents("/sys/devices/system/cpu/online")
	}
	f.Cgroups.Scope = scope(f.UID, f.Cgroups.Hierarchies)
	return nil
}

// level looks at one cgroup.
func level(version int, dir string, controllers []string) Level {
	may := func(name string) bool { return unix.Faccessat(unix.AT_FDCWD, dir+name, unix.W_OK, 0) == nil }
	l := Level{Dir: dir, Writable: may("")}
	if version == 1 {
		l.Root = true // on v1 processes never stand in the way
		if slices.Contains(controllers, "cpuset") {
			l.CPUs, l.Mems = contents(dir+"/cpuset.effective_cpus"), contents(dir+"/cpuset.effective_mems")
		}
		return l
	}
	l.Writable = l.Writable && may("/cgroup.procs") && may("/cgroup.subtree_control")
	l.Root = unix.Faccessat(unix.AT_FDCWD, dir+"/cgroup.type", unix.F_OK, 0) != nil
	l.Controllers = strings.Fields(contents(dir + "/cgroup.controllers"))
	l.Enabled = strings.Fields(contents(dir + "/cgroup.subtree_control"))
	procs := contents(dir + "/cgroup.procs")
	l.Occupied = procs != ""
	l.Alone = procs == strconv.Itoa(os.Getpid())
	return l
}

// contents is what the first page of a small file says, without the last line's end.
func contents(file string) string {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var buf [4096]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(buf[:n]), "\n")
}

// scope looks for the caller's own systemd manager. Only places that belong to
// it count; no environment variable has a say.
func scope(uid int, list []Hierarchy) Scope {
	if uid == 0 || unix.Faccessat(unix.AT_FDCWD, "/run/systemd/system", unix.F_OK, 0) != nil {
		return Scope{}
	}
	bus := ""
	for _, socket := range [...]string{fmt.Sprintf("/run/user/%d/systemd/private", uid), fmt.Sprintf("/run/user/%d/bus", uid)} {
		var st unix.Stat_t
		if err := unix.Stat(socket, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK && st.Uid == uint32(uid) && bus == "" {
			bus = socket
		}
	}
	if bus == "" {
		return Scope{}
	}
	for _, h := range list {
		if h.Version == 2 {
			dir := fmt.Sprintf("%s/user.slice/user-%d.slice/user@%d.service", h.Mount, uid, uid)
			return Scope{Bus: bus, Controllers: strings.Fields(contents(dir + "/cgroup.controllers"))}
		}
	}
	return Scope{}
}

// disk finds the whole disk below a path: the path is a block device, or lies on a file system of one.
func disk(folder, p string) Disk {
	full := p
	if !path.IsAbs(p) {
		full = path.Join(folder, p)
	}
	var st unix.Stat_t
	if err := unix.Stat(full, &st); err != nil {
		return Disk{Why: "it does not exist"}
	}
	dev := st.Dev
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		dev = st.Rdev
	}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR {
		return Disk{Why: "it is a character device"}
	}
	major, minor := unix.Major(dev), unix.Minor(dev)
	if major == 0 {
		return Disk{Why: "its file system is on no disk of its own (device " + strconv.Itoa(int(major)) + ":" + strconv.Itoa(int(minor)) + "), as tmpfs, overlayfs and btrfs are"}
	}
	sys := fmt.Sprintf("/sys/dev/block/%d:%d", major, minor)
	if unix.Faccessat(unix.AT_FDCWD, sys+"/partition", unix.F_OK, 0) == nil { // limits are the whole disk's
		whole, part, _ := strings.Cut(contents(sys+"/../dev"), ":")
		a, err1 := strconv.ParseUint(whole, 10, 32)
		b, err2 := strconv.ParseUint(part, 10, 32)
		if err1 != nil || err2 != nil {
			return Disk{Why: "it is a partition, and the disk that it is part of is not known"}
		}
		major, minor = uint32(a), uint32(b)
	}
	return Disk{Major: major, Minor: minor}
}

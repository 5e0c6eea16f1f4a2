package schema

import (
	"slices"
	"strings"
)

// cgroupFiles are the files of cgroup v2 that resources.unified can write, each
// with the key of resources that decides it too.
var cgroupFiles = [...]struct{ name, key string }{
	{"cgroup.max.depth", ""},
	{"cgroup.max.descendants", ""},
	{"cpu.idle", ""},
	{"cpu.max", "cpus"},
	{"cpu.max.burst", ""},
	{"cpu.uclamp.max", ""},
	{"cpu.uclamp.min", ""},
	{"cpu.weight", "cpu_weight"},
	{"cpu.weight.nice", "cpu_weight"},
	{"cpuset.cpus", "cpuset"},
	{"cpuset.cpus.exclusive", ""},
	{"cpuset.cpus.partition", ""},
	{"cpuset.mems", ""},
	{"io.bfq.weight", "io"},
	{"io.latency", ""},
	{"io.max", "io"},
	{"io.prio.class", ""},
	{"io.weight", "io"},
	{"memory.high", "memory_high"},
	{"memory.low", ""},
	{"memory.max", "memory"},
	{"memory.min", ""},
	{"memory.oom.group", "oom"},
	{"memory.swap.high", ""},
	{"memory.swap.max", "swap"},
	{"memory.zswap.max", ""},
	{"memory.zswap.writeback", ""},
	{"misc.max", ""},
	{"pids.max", "pids"},
	{"rdma.max", ""},
}

// ownFiles are those by which boxfile itself runs and ends the box.
var ownFiles = [...]string{"cgroup.freeze", "cgroup.kill", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "cgroup.type"}

// unified decodes files of the cgroup and refuses what another key of resources, n, decides.
func (d *decoder) unified(r *Resources, n, files *node) {
	if files == nil {
		return
	}
	for i := 0; i+1 < len(files.Content); i += 2 {
		f := CgroupFile{text(files.Content[i], ""), text(files.Content[i+1], "")}
		name, value := f.File.Value, f.Value.Value
		wrong, fix, key := cgroupFile(name)
		switch {
		case wrong != "":
			d.fail(f.File.Pos, fix, "%s", wrong)
		case key != "" && child(n, key) != nil:
			d.fail(f.File.Pos, "remove one of the two", "%s is already decided by the key %s", name, key)
		case value == "":
			d.fail(f.Value.Pos, "", "the value of %s is empty", name)
		case strings.ContainsAny(value, "\n\x00"):
			d.fail(f.Value.Pos, "", "the value of %s is not one line of text", name)
		case len(value) > 4096:
			d.fail(f.Value.Pos, "", "the value of %s has %d bytes, at most 4096 are possible", name, len(value))
		}
		r.Unified = append(r.Unified, f)
	}
}

// cgroupFile says what is wrong with a file's name, or which key decides the file as well.
func cgroupFile(name string) (wrong, fix, key string) {
	shown := `"` + escape(short(name)) + `"`
	switch {
	case strings.Contains(name, "/"):
		return shown + " is a path; only names of files are possible", "", ""
	case slices.Contains(ownFiles[:], name):
		return shown + " is boxfile's own business: by it the box is run and ended", "", ""
	case hugePages(name):
		return "", "", ""
	}
	known := make([]string, len(cgroupFiles))
	for i, f := range cgroupFiles {
		if f.name == name {
			return "", "", f.key
		}
		known[i] = f.name
	}
	if near := Nearest(name, known); near != "" {
		return "there is no file " + shown + " to write to; did you mean \"" + near + "\"?", "write " + near, ""
	}
	return "there is no file " + shown + " to write to in a cgroup of v2", "", ""
}

// hugePages reports whether a name is hugetlb.SIZE.max or hugetlb.SIZE.rsvd.max.
func hugePages(name string) bool {
	size, ok := strings.CutPrefix(name, "hugetlb.")
	size, ok2 := strings.CutSuffix(size, ".max")
	size = strings.TrimSuffix(size, ".rsvd")
	unit := strings.TrimLeft(size, "0123456789")
	return ok && ok2 && size[:len(size)-len(unit)] != "" && size[0] != '0' && (unit == "KB" || unit == "MB" || unit == "GB")
}

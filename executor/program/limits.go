//go:build linux

package program

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// limitFile is a row of the tables that say how a limit is spelled to the kernel.
type limitFile struct {
	resource   string // of plan.Limit
	controller string // by v2's name
	file       string
	value      func(n uint64) string
	none       string // instead of a file: why this version has no such limit
}

// The two tables, from the kernel's Documentation/admin-guide/cgroup-v1/ and
// cgroup-v2.rst. They are constant data: a map would be made on every start.
var (
	limitsV1 = [...]limitFile{
		{"memory", "memory", "memory.limit_in_bytes", decimal, ""},
		{"memory_high", "memory", "", nil, "cgroup v1 has no bound above which the kernel slows a box down"},
		{"swap", "memory", "memory.memsw.limit_in_bytes", decimal, ""}, // of memory and swap together
		{"cpus", "cpu", "cpu.cfs_quota_us", decimal, ""},               // the period of a new cgroup is 100 ms
		{"cpu_weight", "cpu", "cpu.shares", shares, ""},
		{"pids", "pids", "pids.max", decimal, ""},
	}
	limitsV2 = [...]limitFile{
		{"memory", "memory", "memory.max", decimal, ""},
		{"memory_high", "memory", "memory.high", decimal, ""},
		{"swap", "memory", "memory.swap.max", decimal, ""},
		{"cpus", "cpu", "cpu.max", quota, ""},
		{"cpu_weight", "cpu", "cpu.weight", decimal, ""},
		{"pids", "pids", "pids.max", decimal, ""},
	}
)

// nameV1 is how v1 calls a controller of v2.
func nameV1(controller string) string {
	if controller == "io" {
		return "blkio"
	}
	return controller
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// quota is cpu.max: time and period in microseconds.
func quota(n uint64) string { return decimal(n) + " 100000" }

// shares is what the kernel itself makes of a weight: 100 are 1024 shares.
func shares(weight uint64) string { return decimal(max(2, weight*1024/100)) }

// unlimited is how each version says so.
var unlimited = [...]string{1: "-1", 2: "max"}

// limitFileOf finds the row of a resource.
func limitFileOf(version int, resource string) (limitFile, bool) {
	table := limitsV2[:]
	if version == 1 {
		table = limitsV1[:]
	}
	for i := range table {
		if table[i].resource == resource {
			return table[i], true
		}
	}
	return limitFile{}, false
}

// ioFile is one line of io.max, or one file of v1.
type ioFile struct {
	v1, v2 string
	get    func(*plan.IO) *uint64
}

var ioFiles = [...]ioFile{
	{"blkio.throttle.read_bps_device", "rbps", func(s *plan.IO) *uint64 { return s.ReadBPS }},
	{"blkio.throttle.write_bps_device", "wbps", func(s *plan.IO) *uint64 { return s.WriteBPS }},
	{"blkio.throttle.read_iops_device", "riops", func(s *plan.IO) *uint64 { return s.ReadIOPS }},
	{"blkio.throttle.write_iops_device", "wiops", func(s *plan.IO) *uint64 { return s.WriteIOPS }},
}

// controllerOf is the controller that a step needs: "" for none, by v2's name.
func controllerOf(s plan.Step) string {
	switch s := s.(type) { // the steps that follow a Cgroup; a test goes through all kinds
	case *plan.Limit:
		f, _ := limitFileOf(2, s.Resource)
		return f.controller
	case *plan.CPUSet:
		return "cpuset"
	case *plan.IO:
		return "io"
	case *plan.OOM:
		return "memory"
	case *plan.CgroupFile:
		c, _, _ := strings.Cut(s.File, ".")
		if c != "cgroup" {
			return c
		}
	}
	return ""
}

// controllersOf is the controllers that a plan needs, each once, in its order.
func controllersOf(p *plan.Plan) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, s := range p.Steps {
		if c := controllerOf(s); !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// CgroupOp is a cgroup that the host side makes, Parent/boxfile/NAME-ID, with one
// below it, box, that the child begins in.
type CgroupOp struct {
	Version int
	Parent  string // "" for the scope that was asked for just before, below Mount
	Mount   string
	Name    string // of the box; the run adds an id
	// Controllers are those whose limits hold in it. On v2 they are switched on for the
	// children of Parent/boxfile, and Missing for those of Parent.
	Controllers, Missing []string
	// Leave has boxfile itself move out of Parent into Parent/boxfile first, because v2
	// does not give controllers to children of a cgroup that has processes.
	Leave   bool
	Prepare [][2]string // files of Parent/boxfile and their values, on v1
	Max     Reg         // the descriptors of pids.max and of box, where a box ends through it
	Box     Reg
	Tasks   Reg // what the child joins by, on v1: the descriptor of its file tasks
}

// String is the op in words.
func (c *CgroupOp) String() string {
	parent := c.Parent
	if parent == "" {
		parent = "SCOPE"
	}
	s := fmt.Sprintf("cgroup %q with %q in it", parent+"/boxfile/"+c.Name+"-ID", "box")
	if c.Leave {
		s += ", boxfile itself in " + strconv.Quote(parent+"/boxfile/supervisor-ID")
	}
	if len(c.Missing) > 0 {
		s += fmt.Sprintf(", %q in the first", "+"+strings.Join(c.Missing, " +"))
	}
	if len(c.Controllers) > 0 && c.Version == 2 {
		s += fmt.Sprintf(", %q in each above", "+"+strings.Join(c.Controllers, " +"))
	}
	for _, p := range c.Prepare {
		s += fmt.Sprintf(", boxfile/%s %q", p[0], p[1])
	}
	if c.Tasks != 0 {
		s += ", its tasks is " + c.Tasks.String()
	}
	if c.Box != 0 {
		s += fmt.Sprintf(", its pids.max is %s, its directory %s; who is left in it at the end is killed", c.Max, c.Box)
	}
	return s
}

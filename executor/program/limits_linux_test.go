package program

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

const mount = "/sys/fs/cgroup"

var all = []string{"cpuset", "cpu", "io", "memory", "pids"} //nolint:gochecknoglobals // a constant list

// cgroupsV1 is a machine with every controller on a hierarchy of its own.
func cgroupsV1(writable bool) host.Cgroups {
	var c host.Cgroups
	for _, name := range []string{"memory", "cpu", "cpuset", "pids", "blkio"} {
		c.Hierarchies = append(c.Hierarchies, host.Hierarchy{Version: 1, Controllers: []string{name}, Mount: mount + "/" + name, Own: "/job",
			Levels: []host.Level{{Dir: mount + "/" + name + "/job", Writable: writable, Root: true, CPUs: "0-7", Mems: "0"}, {Dir: mount + "/" + name, Writable: writable, Root: true}}})
	}
	c.Online = "0-7"
	return c
}

// cgroupsV2 is one tree; the levels are from the caller's own up.
func cgroupsV2(levels ...host.Level) host.Cgroups {
	top := host.Level{Dir: mount, Root: true, Controllers: all, Enabled: all}
	return host.Cgroups{Online: "0-7", Hierarchies: []host.Hierarchy{{Version: 2, Mount: mount, Own: "/" + strings.TrimPrefix(levels[0].Dir, mount+"/"),
		Controllers: all, Levels: append(levels, top)}}}
}

// session is where a login puts a shell: a scope with other processes in it.
func session(writable bool) host.Level {
	return host.Level{Dir: mount + "/user.slice/user-0.slice/session-1.scope", Writable: writable, Occupied: true, Controllers: all}
}

func slice(writable bool, enabled ...string) host.Level {
	return host.Level{Dir: mount + "/user.slice/user-0.slice", Writable: writable, Controllers: all, Enabled: enabled}
}

func appScope(alone bool) host.Level {
	return host.Level{Dir: mount + "/user.slice/user-1.slice/user@1.service/app.slice/run-1.scope", Writable: true, Occupied: true, Alone: alone, Controllers: []string{"cpu", "memory", "pids"}}
}

func appSlice() host.Level {
	return host.Level{Dir: mount + "/user.slice/user-1.slice/user@1.service/app.slice", Writable: true, Controllers: []string{"cpu", "memory", "pids"}, Enabled: []string{"cpu", "memory", "pids"}}
}

func limitsPlan(steps ...plan.Step) *plan.Plan {
	p := &plan.Plan{Name: "b", File: "b.yaml"}
	for _, s := range append(append([]plan.Step{&plan.Cgroup{}}, steps...), &plan.CloseFDs{}, &plan.Unshare{Namespaces: []string{"user", "cgroup"}}, &plan.Exec{Args: []string{"/true"}}) {
		p.Add(s, plan.Position{Line: 1, Col: 1})
	}
	return p
}

func limitOf(resource string, n uint64) *plan.Limit {
	return &plan.Limit{Resource: resource, Value: &n}
}

func factsWith(uid int, c host.Cgroups) host.Facts {
	return host.Facts{Kernel: host.Version{Major: 6, Minor: 1}, UID: uid, GID: uid, Folder: "/f", NoFile: 1 << 20, NProc: 4096, PageSize: 4096,
		Paths: map[string]host.Path{}, Cgroups: c, Disks: map[string]host.Disk{"/dev/sda": {Major: 8}, "./none": {Why: "it does not exist"}}}
}

// What a machine cannot enforce is refused with the controller, the cause found there, and a way out.
func TestLimitRefusals(t *testing.T) {
	readOnly := cgroupsV2(session(false))
	readOnly.Hierarchies[0].ReadOnly = true
	hidden := cgroupsV2(session(false))
	hidden.Hierarchies[0].Levels = nil
	bus := cgroupsV2(session(false), slice(false))
	bus.Scope = host.Scope{Bus: "/run/user/1/bus", Controllers: []string{"memory", "pids"}}
	noMemory := cgroupsV2(slice(true))
	noMemory.Hierarchies[0].Levels[1].Controllers = []string{"cpu"}
	noMemory.Hierarchies[0].Levels[0].Controllers = []string{"cpu"}
	memory := limitOf("memory", 64<<20)
	for _, c := range []struct {
		what       string
		uid        int
		cgroups    host.Cgroups
		step       plan.Step
		cause, fix string
	}{
		{"v1 as a user", 1, cgroupsV1(false), memory, "controller memory is on cgroup v1, where user 1 may not make cgroups below /sys/fs/cgroup/memory/job", "root"},
		{"memory_high on v1", 0, cgroupsV1(true), limitOf("memory_high", 1<<20), "cgroup v1 has no bound above which the kernel slows a box down", "cgroup v2"},
		{"oom: box on v1", 0, cgroupsV1(true), &plan.OOM{Kill: "box"}, "cgroup v1 cannot end a cgroup as a whole", "cgroup v2"},
		{"unified on v1", 0, cgroupsV1(true), &plan.CgroupFile{File: "memory.low", Value: "1"}, "controller memory is on cgroup v1", "cgroup v2"},
		{"swap alone on v1", 0, cgroupsV1(true), limitOf("swap", 0), "cgroup v1 limits swap only together with memory", "set memory too"},
		{"io weight on v1", 0, cgroupsV1(true), &plan.IO{Device: "/dev/sda", Weight: new(uint64(5000))}, "weights of cgroup v1 go from 1 to 1000", "up to 1000"},
		{"not delegated at all", 1, cgroupsV2(session(false), slice(false)), memory, "session-1.scope and what is above it are not delegated to user 1", "systemd-run --user --scope -p Delegate=yes"},
		{"a controller is not delegated", 1, bus, limitOf("cpus", 1), "controller cpu is not delegated to user 1, only memory, pids", "Delegate=cpu cpuset io memory pids"},
		{"no internal processes", 1, cgroupsV2(session(true)), memory, "other processes are in", "systemd-run --user --scope"},
		{"read-only", 0, readOnly, memory, "mounted read-only, as in a container", "writable /sys/fs/cgroup"},
		{"not shown", 0, hidden, memory, "does not show boxfile's own cgroup", "cgroup namespace"},
		{"no controller", 0, noMemory, memory, "this machine has no controller memory: it is not in /sys/fs/cgroup/cgroup.controllers", "cgroup_enable=memory"},
		{"no cgroups", 0, host.Cgroups{}, memory, "cgroup v2 is not mounted", ""},
		{"an absent CPU", 0, cgroupsV2(session(true), slice(true, all...)), &plan.CPUSet{CPUs: "0,6-9"}, "this machine has no CPU 8, only 0-7", "name CPUs of 0-7"},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := Lower(limitsPlan(c.step), factsWith(c.uid, c.cgroups))
			var r *Refusal
			if !errors.As(err, &r) {
				t.Fatalf("not refused: %v", err)
			}
			if !strings.Contains(r.Cause, c.cause) || !strings.Contains(r.Fix, c.fix) || r.Step != 1 || r.Code != 125 || !strings.HasPrefix(r.Message, "cannot enforce the ") {
				t.Errorf("%+v", *r)
			}
			p := limitsPlan(c.step)
			p.Steps[0] = &plan.Cgroup{BestEffort: true}
			prog, err := Lower(p, factsWith(c.uid, c.cgroups))
			if err != nil || len(prog.Unenforced) != 1 || !strings.Contains(prog.Unenforced[0].Why, c.cause) {
				t.Errorf("best effort: %v, %+v", err, prog)
			}
		})
	}
	_, err := Lower(limitsPlan(&plan.IO{Device: "./none", ReadIOPS: new(uint64(1))}), factsWith(0, cgroupsV2(session(true), slice(true, all...))))
	if err == nil || err.Error() != "cannot find the disk of ./none" {
		t.Error(err)
	}
}

// Two entries for one disk would overwrite each other.
func TestLimitOneDiskTwice(t *testing.T) {
	f := factsWith(0, cgroupsV2(session(true), slice(true, all...)))
	f.Disks["/srv"] = f.Disks["/dev/sda"]
	_, err := Lower(limitsPlan(&plan.IO{Device: "/dev/sda", ReadBPS: new(uint64(1))}, &plan.IO{Device: "/srv", ReadBPS: new(uint64(2))}), f)
	var r *Refusal
	if !errors.As(err, &r) || r.Cause != "/dev/sda and /srv are on disk 8:0, and its bounds can be set once" {
		t.Errorf("%+v", r)
	}
}

// Where cpuset shares its hierarchy, every limit there needs a cpuset that is not empty.
func TestLimitCpusetMountedWithOthers(t *testing.T) {
	c := host.Cgroups{Online: "0-7", Hierarchies: []host.Hierarchy{{Version: 1, Controllers: []string{"rw", "cpuset", "memory"}, Mount: mount, Own: "/",
		Levels: []host.Level{{Dir: mount, Writable: true, Root: true, CPUs: "0-7", Mems: "0-1"}}}}}
	for _, steps := range [][]plan.Step{{limitOf("memory", 1<<20)}, {limitOf("memory", 1<<20), &plan.CPUSet{CPUs: "1"}}} {
		prog, err := Lower(limitsPlan(steps...), factsWith(0, c))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range prog.Host {
			if h.Kind == SetLimit {
				got = append(got, h.Path+" "+h.Value)
			}
		}
		want := "cpuset.mems 0-1|cpuset.cpus 0-7|box/cpuset.mems 0-1|box/cpuset.cpus 0-7|memory.limit_in_bytes 1048576"
		if len(steps) > 1 {
			want += "|box/cpuset.cpus 1|cpuset.cpus 1"
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s\nnot %s", s, want)
		}
	}
}

// The cgroup's place, by what this machine lets the caller do.
func TestLimitPlaces(t *testing.T) {
	bus := cgroupsV2(session(false), slice(false))
	bus.Scope = host.Scope{Bus: "/run/user/1/bus", Controllers: []string{"memory", "pids"}}
	delegated := cgroupsV2(appScope(true), appSlice())
	delegated.Scope = host.Scope{Bus: "/run/user/1/bus", Controllers: []string{"cpu", "memory", "pids"}}
	for _, c := range []struct {
		what    string
		uid     int
		cgroups host.Cgroups
		want    string
	}{
		{"v1: below the caller's own, one for each controller", 0, cgroupsV1(true),
			`cgroup "/sys/fs/cgroup/memory/job/boxfile/b-ID" with "box" in it, its tasks is r2|cgroup "/sys/fs/cgroup/pids/job/boxfile/b-ID" with "box" in it, its tasks is r3`},
		{"v2: beside the session, which has other processes", 0, cgroupsV2(session(true), slice(true, "memory")),
			`cgroup "/sys/fs/cgroup/user.slice/user-0.slice/boxfile/b-ID" with "box" in it, "+pids" in the first, "+memory +pids" in each above`},
		{"v2: in the topmost", 0, cgroupsV2(host.Level{Dir: mount, Writable: true, Root: true, Occupied: true, Controllers: all}),
			`cgroup "/sys/fs/cgroup/boxfile/b-ID" with "box" in it, "+memory +pids" in the first, "+memory +pids" in each above`},
		{"v2: in a scope that has no other process", 1, delegated,
			`cgroup "` + appScope(true).Dir + `/boxfile/b-ID" with "box" in it, boxfile itself in "` + appScope(true).Dir + `/boxfile/supervisor-ID", "+memory +pids" in the first, "+memory +pids" in each above`},
		{"v2: beside a scope that has others", 1, cgroupsV2(appScope(false), appSlice()),
			`cgroup "` + appSlice().Dir + `/boxfile/b-ID" with "box" in it, "+memory +pids" in each above`},
		{"v2: in a scope that systemd is asked for", 1, bus,
			`ask systemd at "/run/user/1/bus" for a scope of boxfile's own, SCOPE, with Delegate=yes|cgroup "SCOPE/boxfile/b-ID" with "box" in it, boxfile itself in "SCOPE/boxfile/supervisor-ID", "+memory +pids" in the first, "+memory +pids" in each above`},
	} {
		t.Run(c.what, func(t *testing.T) {
			prog, err := Lower(limitsPlan(limitOf("memory", 1<<20), limitOf("pids", 9)), factsWith(c.uid, c.cgroups))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range prog.Host {
				if h.Kind != SetLimit {
					got = append(got, h.String())
				}
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("%s\nnot %s", s, c.want)
			}
			checkJoin(t, prog)
		})
	}
}

// checkJoin: the child is in its cgroup before it takes that for the root of all,
// and lets go of the descriptors by which it joined.
func checkJoin(t *testing.T, prog *Program) {
	t.Helper()
	v2 := prog.Flags&unix.CLONE_INTO_CGROUP != 0
	if prog.Flags&unix.CLONE_NEWCGROUP != 0 {
		t.Error("the fork enters a cgroup namespace, whose root is boxfile's own cgroup")
	}
	joined, closed, entered := -1, -1, -1
	for i := range prog.Enter {
		switch o := &prog.Enter[i]; {
		case o.Call == callWrite && o.Args[1].Text == "0" && o.Step == 0:
			joined = i
		case o.Call == callCloseRange && closed < 0:
			closed = i
		case o.Call == callUnshare:
			entered = i
		}
	}
	if (joined >= 0) == v2 || joined > closed || joined > entered || entered < 0 {
		t.Errorf("v2 %v, joined at op %d, descriptors closed at %d, namespace entered at %d", v2, joined, closed, entered)
	}
}

// What is written, on v1 and on v2.
func TestLimitFiles(t *testing.T) {
	steps := []plan.Step{limitOf("memory", 64<<20), &plan.Limit{Resource: "swap", Value: new(uint64(1 << 20)), Optional: true}, limitOf("cpus", 150000), limitOf("cpu_weight", 200), limitOf("pids", 9),
		&plan.CPUSet{CPUs: "0-3"}, &plan.IO{Device: "/dev/sda", ReadBPS: new(uint64(1 << 20)), WriteIOPS: new(uint64(50)), Weight: new(uint64(300))}}
	for _, c := range []struct {
		cgroups host.Cgroups
		want    string
	}{
		{cgroupsV1(true), "cpuset.mems 0|cpuset.cpus 0-7|box/cpuset.mems 0|box/cpuset.cpus 0-7|memory.limit_in_bytes 67108864|memory.memsw.limit_in_bytes 68157440|cpu.cfs_quota_us 150000|cpu.shares 2048|pids.max 9|" +
			"box/cpuset.cpus 0-3|cpuset.cpus 0-3|box/blkio.throttle.read_bps_device 8:0 1048576|box/blkio.throttle.write_iops_device 8:0 50|blkio.bfq.weight_device 8:0 300"},
		{cgroupsV2(session(true), slice(true, all...)), "memory.max 67108864|memory.swap.max 1048576|cpu.max 150000 100000|cpu.weight 200|pids.max 9|cpuset.cpus 0-3|io.max 8:0 rbps=1048576 wiops=50|io.weight 8:0 300"},
	} {
		prog, err := Lower(limitsPlan(steps...), factsWith(0, c.cgroups))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range prog.Host {
			if h.Kind == SetLimit {
				got = append(got, h.Path+" "+h.Value)
			}
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s\nnot %s", s, c.want)
		}
		var buf bytes.Buffer
		if err := prog.WriteText(&buf); err != nil || !strings.Contains(buf.String(), "[down to pages]") {
			t.Error(err, buf.String())
		}
	}
}

// Every step that can follow a Cgroup names the controller it needs, and no other step does.
func TestControllerOfEveryKind(t *testing.T) {
	need := []string{"limit", "cpuset", "io", "oom", "cgroup_file"}
	for _, k := range plan.Kinds() {
		s := k.New()
		switch s := s.(type) {
		case *plan.Limit:
			s.Resource = "memory"
		case *plan.CgroupFile:
			s.File = "memory.low"
		}
		if (controllerOf(s) != "") != slices.Contains(need, k.Name) {
			t.Errorf("%s needs controller %q", k.Name, controllerOf(s))
		}
	}
	for i, f := range limitsV1 {
		other := limitsV2[i] // the tables answer for the same resources
		if other.resource != f.resource || other.controller != f.controller || other.file == "" || (f.file == "") == (f.none == "") {
			t.Errorf("%+v, %+v", f, other)
		}
	}
	if len(limitsV1) != len(limitsV2) {
		t.Error("the tables do not answer for the same resources")
	}
}

package risk

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The visits are in the order of plan.Visitor. A step that says nothing of risk returns at once.

func (f *finder) CreateSource(*plan.CreateSource) error { return nil } // its mount is looked at

func (f *finder) Keep(s *plan.Keep) error {
	f.add(kept, "%s", s.Dir)
	p := names(s.Dir)
	if _, ok := first(p, systemPlaces[:], holds); ok {
		f.add(systemWritable, "writes are kept in %s", s.Dir)
	}
	return nil
}

func (f *finder) Cgroup(s *plan.Cgroup) error {
	if s.BestEffort {
		f.add(bestEffort, "limits of resources")
	}
	return nil
}

func (f *finder) Limit(s *plan.Limit) error {
	f.memory = f.memory || s.Resource == "memory" && s.Value != nil
	f.processes = f.processes || s.Resource == "pids" && s.Value != nil
	return nil
}

func (f *finder) CPUSet(*plan.CPUSet) error { return nil }
func (f *finder) IO(*plan.IO) error         { return nil }
func (f *finder) OOM(*plan.OOM) error       { return nil }

func (f *finder) CgroupFile(s *plan.CgroupFile) error {
	bounded := strings.TrimSpace(s.Value) != "max"
	f.memory = f.memory || s.File == "memory.max" && bounded
	f.processes = f.processes || s.File == "pids.max" && bounded
	f.add(rawCgroup, "%s = %s", s.File, s.Value)
	return nil
}

func (f *finder) Timeout(*plan.Timeout) error { return nil }
func (f *finder) Stop(*plan.Stop) error       { return nil }

func (f *finder) Publish(s *plan.Publish) error {
	if a, err := netip.ParseAddr(s.Address); err != nil || !a.Unmap().IsLoopback() {
		f.add(publicPort, "%s leads to %s port %s of the box", s.String(), s.Protocol, strconv.Itoa(int(s.Box)))
	}
	if s.Host > 0 && s.Host < 1024 {
		f.add(privilegedPort, "%s", s.String())
	}
	return nil
}

func (f *finder) Outbound(*plan.Outbound) error {
	f.add(outbound, "what it has read can be sent anywhere")
	return nil
}

func (f *finder) IDMapRanges(s *plan.IDMapRanges) error {
	const people, usual = 1000, 65536 // ids below belong to the system (login.defs(5)); what a user is given at a time (subuid(5))
	for _, o := range []struct {
		what   string
		ranges []plan.IDRange
	}{{"uid", s.UIDs}, {"gid", s.GIDs}} {
		for _, r := range o.ranges {
			if r.Host < people || r.Size > usual {
				last := uint64(r.Host) + uint64(r.Size) - 1
				f.add(systemIDs, o.what+" %s to %s of the host", strconv.FormatUint(uint64(r.Host), 10), strconv.FormatUint(last, 10))
			}
		}
	}
	return nil
}

func (f *finder) CloseFDs(*plan.CloseFDs) error { return nil }
func (f *finder) Session(*plan.Session) error   { return nil }

// namespaces are those that a box has of its own unless the file says otherwise.
var namespaces = [...]struct{ word, id, what string }{
	{"user", userNamespace, "root in the box is root on the host"},
	{"pid", pidNamespace, "it sees and may signal processes of the host"},
	{"network", networkNamespace, "it reaches all that listens on this machine, abstract unix sockets included"},
	{"ipc", ipcNamespace, "it shares System V memory and queues with the host"},
	{"uts", utsNamespace, "it sees changes of the host's name"},
	{"cgroup", cgroupNamespace, "it sees where in the host's tree it is"},
}

func (f *finder) Unshare(s *plan.Unshare) error {
	for _, n := range namespaces {
		joins := slices.ContainsFunc(f.plan.Steps, func(s plan.Step) bool {
			j, ok := s.(*plan.Join)
			return ok && j.Namespace == n.word
		})
		if !joins && !slices.Contains(s.Namespaces, n.word) {
			f.add(n.id, n.what)
		}
	}
	f.ownUsers = slices.Contains(s.Namespaces, "user")
	return nil
}

// ofHost are where the namespaces of process 1 are, and those of whoever runs boxfile.
var ofHost = [...]string{"/proc/1/ns/*", "/proc/self/ns/*", "/proc/thread-self/ns/*", "/proc/1/task/*/ns/*", "/proc/self/task/*/ns/*"}

// Join of one of these is the host's own.
func (f *finder) Join(s *plan.Join) error {
	_, host := first(names(s.Path), ofHost[:], is)
	for _, n := range namespaces {
		if host && n.word == s.Namespace {
			f.add(n.id, n.what)
			return nil
		}
	}
	f.add(joined, "%s of %s", s.Namespace, s.Path)
	return nil
}

func (f *finder) Clocks(*plan.Clocks) error { return nil }

func (f *finder) IDMap(*plan.IDMap) error             { return nil }
func (f *finder) Propagation(*plan.Propagation) error { return nil }

func (f *finder) Rootfs(s *plan.Rootfs) error {
	if s.Type == "dir" {
		f.source(s.Source, "/", true) // writes go to memory or to a kept directory
	}
	return nil
}

func (f *finder) System(s *plan.System) error {
	f.target(s.Path, false)
	return nil
}

func (f *finder) Mount(s *plan.Mount) error {
	switch s.Type {
	case "bind":
		if s.Optional {
			f.add(optional, "%s at %s, if it is there", s.Source, s.Target)
		}
		f.source(s.Source, s.Target, s.ReadOnly)
	case "overlay":
		for _, l := range s.Lower {
			f.source(l, s.Target, true)
		}
	case "sysfs":
		f.add(hostSys, "sysfs at %s", s.Target)
	}
	f.target(s.Target, true)
	if s.ReadOnly {
		f.guards(s.Target)
	}
	return nil
}

func (f *finder) File(s *plan.File) error {
	f.target(s.Target, true)
	if s.ReadOnly {
		f.guards(s.Target)
	}
	if what := secretIn(s.Content); what != "" {
		f.add(secretWritten, "%s in the content of %s", what, s.Target)
	}
	return nil
}

func (f *finder) Symlink(s *plan.Symlink) error {
	f.target(s.Target, false)
	return nil
}

func (f *finder) Dir(*plan.Dir) error { return nil } // an empty one hides nothing, and there is nothing in it to be hidden
func (f *finder) Dev(*plan.Dev) error { return nil }

func (f *finder) Device(s *plan.Device) error {
	switch name := strings.TrimPrefix(s.Path, "/dev/"); {
	case slices.Contains(harmless[:], name):
	case isRaw(s.Path):
		f.add(rawDevice, "%s", s.Path)
	default:
		f.add(hostDevice, "%s", s.Path)
	}
	return nil
}

func (f *finder) PivotRoot(*plan.PivotRoot) error { return nil }

func (f *finder) Chroot(*plan.Chroot) error {
	f.add(chroot, "the host's mounts stay in the box's mount namespace")
	return nil
}

func (f *finder) Mask(s *plan.Mask) error {
	f.guards(s.Paths...)
	return nil
}

func (f *finder) Readonly(s *plan.Readonly) error {
	f.guards(s.Paths...)
	return nil
}

func (f *finder) Hostname(*plan.Hostname) error           { return nil }
func (f *finder) Loopback(*plan.Loopback) error           { return nil }
func (f *finder) PortAddress(*plan.PortAddress) error     { return nil }
func (f *finder) BlockLoopback(*plan.BlockLoopback) error { return nil }

// Rlimit: nproc counts in the box's own user namespace. In the host's it counts what
// the user has elsewhere too, and does not hold for root.
func (f *finder) Rlimit(s *plan.Rlimit) error {
	f.processes = f.processes || s.Name == "nproc" && s.Hard != nil && f.ownUsers
	return nil
}

func (f *finder) Umask(*plan.Umask) error     { return nil }
func (f *finder) Groups(*plan.Groups) error   { return nil }
func (f *finder) User(*plan.User) error       { return nil }
func (f *finder) Workdir(*plan.Workdir) error { return nil }

func (f *finder) Capabilities(s *plan.Capabilities) error {
	f.capabilities(s)
	return nil
}

func (f *finder) Keyring(*plan.Keyring) error { return nil }

func (f *finder) NoNewPrivs(*plan.NoNewPrivs) error {
	f.noNew = true
	return nil
}

func (f *finder) Landlock(s *plan.Landlock) error {
	if s.BestEffort {
		f.add(bestEffort, "Landlock")
	}
	return nil
}

func (f *finder) Seccomp(s *plan.Seccomp) error {
	f.filtered(s)
	return nil
}

func (f *finder) TTY(*plan.TTY) error   { return nil }
func (f *finder) Init(*plan.Init) error { return nil }

func (f *finder) Env(s *plan.Env) error {
	switch {
	case s.Pass == "tty": // TERM is no secret
	case s.Pass != "":
		if secretName(s.Name) {
			f.add(secretPassed, "the caller's %s", s.Name)
		}
	default:
		f.variable(s)
	}
	return nil
}

// variable looks at a value of the file. What a secret input brings is not written there.
func (f *finder) variable(s *plan.Env) {
	text, input := "", false
	for _, p := range s.Value {
		text += p.Text
		input = input || p.Secret != ""
	}
	switch what := secretIn(text); {
	case what != "":
		f.add(secretWritten, "%s in %s", what, s.Name)
	case !input && !slices.Contains(switches[:], strings.ToLower(text)) && secretName(s.Name):
		f.add(secretWritten, "a value for %s", s.Name)
	}
}

func (f *finder) Exec(s *plan.Exec) error {
	if what := secretIn(strings.Join(s.Args, "\x00")); what != "" {
		f.add(secretWritten, "%s in the command", what)
	}
	return nil
}

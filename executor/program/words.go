//go:build linux

package program

import (
	"fmt"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Words says what a step does, to follow "cannot". It is asked only when
// something went wrong.
func Words(s plan.Step) string {
	var w words
	_ = s.Accept(&w) // no method of words fails
	return string(w)
}

type words string

func (w *words) say(format string, args ...any) error {
	*w = words(fmt.Sprintf(format, args...))
	return nil
}

func (w *words) CreateSource(s *plan.CreateSource) error { return w.say("create %s", s.Path) }
func (w *words) Keep(s *plan.Keep) error                 { return w.say("keep writes in %s", s.Dir) }
func (w *words) Cgroup(*plan.Cgroup) error               { return w.say("make a cgroup for the box") }
func (w *words) Limit(s *plan.Limit) error               { return w.say("enforce the %s", s) }
func (w *words) CPUSet(s *plan.CPUSet) error             { return w.say("enforce the %s", s) }
func (w *words) IO(s *plan.IO) error                     { return w.say("enforce the %s", s) }
func (w *words) OOM(*plan.OOM) error                     { return w.say("have the memory limit end the whole box") }
func (w *words) CgroupFile(s *plan.CgroupFile) error     { return w.say("set %s", s) }
func (w *words) Timeout(*plan.Timeout) error             { return w.say("end the box after its timeout") }
func (w *words) Stop(*plan.Stop) error                   { return w.say("be ready to end the box when asked to") }
func (w *words) Publish(s *plan.Publish) error {
	return w.say("publish port %d of the box: listen on %s", s.Box, s)
}
func (w *words) Outbound(*plan.Outbound) error {
	return w.say("connect the box to other networks")
}
func (w *words) BlockLoopback(*plan.BlockLoopback) error {
	return w.say("keep the box off this machine's loopback")
}
func (w *words) IDMapRanges(*plan.IDMapRanges) error { return w.say("map the box's ids") }
func (w *words) Join(s *plan.Join) error {
	return w.say("join the %s namespace %s", s.Namespace, s.Path)
}
func (w *words) Clocks(*plan.Clocks) error     { return w.say("set the box's clocks") }
func (w *words) CloseFDs(*plan.CloseFDs) error { return w.say("close descriptors") }
func (w *words) Session(*plan.Session) error   { return w.say("start a new session") }
func (w *words) Unshare(s *plan.Unshare) error {
	return w.say("enter new namespaces (%s)", strings.Join(s.Namespaces, ", "))
}
func (w *words) IDMap(s *plan.IDMap) error { return w.say("map you to user %d of the box", s.UID) }
func (w *words) Propagation(*plan.Propagation) error {
	return w.say("detach the box's mounts from this system's")
}
func (w *words) Rootfs(s *plan.Rootfs) error {
	if s.Source == "" {
		return w.say("make the box's root")
	}
	return w.say("use %s as the box's root", s.Source)
}
func (w *words) System(s *plan.System) error { return w.say("give the box the host's %s", s.Path) }
func (w *words) Mount(s *plan.Mount) error {
	switch s.Type {
	case "bind":
		return w.say("mount %s at %s", s.Source, s.Target)
	case "overlay":
		return w.say("mount an overlay of %s at %s", strings.Join(s.Lower, ", "), s.Target)
	case "proc":
		return w.say("give the box its own %s", s.Target)
	}
	return w.say("mount a %s at %s", s.Type, s.Target)
}
func (w *words) File(s *plan.File) error         { return w.say("write %s", s.Target) }
func (w *words) Symlink(s *plan.Symlink) error   { return w.say("link %s to %s", s.Target, s.Link) }
func (w *words) Dir(s *plan.Dir) error           { return w.say("make %s", s.Target) }
func (w *words) Dev(*plan.Dev) error             { return w.say("build the box's /dev") }
func (w *words) Device(s *plan.Device) error     { return w.say("give the box the device %s", s.Path) }
func (w *words) PivotRoot(*plan.PivotRoot) error { return w.say("make the rootfs the box's /") }
func (w *words) Chroot(*plan.Chroot) error       { return w.say("make the rootfs the box's / by chroot") }
func (w *words) Mask(s *plan.Mask) error         { return w.say("mask %s", strings.Join(s.Paths, ", ")) }
func (w *words) Readonly(s *plan.Readonly) error {
	return w.say("make %s read-only", strings.Join(s.Paths, ", "))
}
func (w *words) Hostname(s *plan.Hostname) error { return w.say("set the host name %s", s.Name) }
func (w *words) Loopback(*plan.Loopback) error   { return w.say("bring up the box's loopback") }
func (w *words) PortAddress(*plan.PortAddress) error {
	return w.say("give the box addresses for its published ports")
}
func (w *words) Rlimit(s *plan.Rlimit) error           { return w.say("limit %s", s.Name) }
func (w *words) Umask(s *plan.Umask) error             { return w.say("set the umask %s", s.Mask) }
func (w *words) Groups(*plan.Groups) error             { return w.say("set the groups") }
func (w *words) User(s *plan.User) error               { return w.say("become user %d, group %d", s.UID, s.GID) }
func (w *words) Workdir(s *plan.Workdir) error         { return w.say("start in %s", s.Path) }
func (w *words) Capabilities(*plan.Capabilities) error { return w.say("set capabilities") }
func (w *words) Keyring(*plan.Keyring) error           { return w.say("join a session keyring") }
func (w *words) Landlock(*plan.Landlock) error         { return w.say("set up Landlock") }
func (w *words) Seccomp(*plan.Seccomp) error           { return w.say("filter system calls") }
func (w *words) NoNewPrivs(*plan.NoNewPrivs) error     { return w.say("set no_new_privs") }
func (w *words) TTY(*plan.TTY) error                   { return w.say("give the box a terminal of its own") }
func (w *words) Init(*plan.Init) error                 { return w.say("run init") }
func (w *words) Env(s *plan.Env) error                 { return w.say("set %s", s.Name) }
func (w *words) Exec(s *plan.Exec) error               { return w.say("execute %s", s.Args[0]) }

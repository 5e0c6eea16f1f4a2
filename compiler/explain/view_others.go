package explain

import "github.com/boxfile/boxfile/compiler/plan"

// The steps that put nothing into the tree say only which keys decide them.

func (v *view) CreateSource(*plan.CreateSource) error   { return v.by() }
func (v *view) Keep(*plan.Keep) error                   { return v.by("rootfs.write") }
func (v *view) Cgroup(*plan.Cgroup) error               { return v.by("resources.enforce") }
func (v *view) CPUSet(*plan.CPUSet) error               { return v.by() }
func (v *view) IO(*plan.IO) error                       { return v.by() }
func (v *view) OOM(*plan.OOM) error                     { return v.by() }
func (v *view) CgroupFile(*plan.CgroupFile) error       { return v.by() }
func (v *view) Timeout(*plan.Timeout) error             { return v.by("stop.signal", "stop.grace") }
func (v *view) Publish(*plan.Publish) error             { return v.by() }
func (v *view) Outbound(*plan.Outbound) error           { return v.by("network.mode", "network.dns") }
func (v *view) IDMapRanges(*plan.IDMapRanges) error     { return v.by("idmap.uids", "idmap.gids") }
func (v *view) TTY(*plan.TTY) error                     { return v.by() }
func (v *view) CloseFDs(*plan.CloseFDs) error           { return v.by() }
func (v *view) Session(*plan.Session) error             { return v.by() }
func (v *view) Stop(*plan.Stop) error                   { return v.by("stop.signal", "stop.grace") }
func (v *view) Clocks(*plan.Clocks) error               { return v.by() }
func (v *view) IDMap(*plan.IDMap) error                 { return v.by("idmap", "namespaces.user") }
func (v *view) Propagation(*plan.Propagation) error     { return v.by() }
func (v *view) PivotRoot(*plan.PivotRoot) error         { return v.by() }
func (v *view) Chroot(*plan.Chroot) error               { return v.by() }
func (v *view) Hostname(*plan.Hostname) error           { return v.by("name", "namespaces.uts") }
func (v *view) Loopback(*plan.Loopback) error           { return v.by("network.mode") }
func (v *view) PortAddress(*plan.PortAddress) error     { return v.by() }
func (v *view) BlockLoopback(*plan.BlockLoopback) error { return v.by("network.mode") }
func (v *view) Rlimit(*plan.Rlimit) error               { return v.by() }
func (v *view) Umask(*plan.Umask) error                 { return v.by() }
func (v *view) Groups(*plan.Groups) error               { return v.by("groups", "idmap") }
func (v *view) User(*plan.User) error                   { return v.by("idmap", "namespaces.user") }
func (v *view) Workdir(*plan.Workdir) error             { return v.by() }
func (v *view) Capabilities(*plan.Capabilities) error   { return v.by("user") }
func (v *view) Keyring(*plan.Keyring) error             { return v.by() }
func (v *view) NoNewPrivs(*plan.NoNewPrivs) error       { return v.by() }
func (v *view) Seccomp(*plan.Seccomp) error             { return v.by("security.capabilities") }
func (v *view) Init(*plan.Init) error                   { return v.by() }
func (v *view) Exec(*plan.Exec) error                   { return v.by("command", "shell") }

// Limit: where memory has a limit and the file says nothing of swap, there is none.
func (v *view) Limit(s *plan.Limit) error {
	if s.Resource == "swap" && s.Optional {
		return v.by("resources.memory")
	}
	return v.by()
}

// Env: HOME is the home of the box's user.
func (v *view) Env(s *plan.Env) error {
	switch {
	case s.Name == "HOME":
		return v.by("user")
	case s.Pass == "tty":
		return v.by("tty")
	}
	return v.by()
}

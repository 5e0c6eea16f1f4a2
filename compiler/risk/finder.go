package risk

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// finder is one look at a plan. Its visits are in visit.go.
type finder struct {
	plan  *plan.Plan
	step  int
	found []Finding

	ownUsers  bool              // the box has a user namespace of its own
	memory    bool              // something limits memory
	processes bool              // and processes
	filter    bool              // there is a filter of system calls
	noNew     bool              // programs gain no privileges
	targets   map[string]bool   // of what the plan puts into the box
	above     map[string]string // each directory above one, and that one
	guarded   []guard
}

// add notes a risk of the step that is looked at.
func (f *finder) add(id, format string, operands ...string) {
	found := Finding{ID: id, Step: f.step, format: format, operands: operands}
	if f.step >= 0 && f.step < len(f.plan.Positions) {
		found.Position = f.plan.Positions[f.step]
	}
	f.found = append(f.found, found)
}

// missing notes what no step does.
func (f *finder) missing() {
	if !f.filter {
		f.add(noFilter, "every system call of the kernel is within reach")
	}
	if !f.noNew {
		f.add(newPrivileges, "setuid programs and file capabilities work in the box")
	}
	if !f.memory {
		f.add(noMemoryLimit, "the box can use all that this machine has")
	}
	if !f.processes {
		f.add(noProcessLimit, "a fork bomb takes the machine along")
	}
}

// source looks at a path of the host that gets into the box as a whole. how says the
// mount, up to the source.
func (f *finder) source(source, target string, readOnly bool) {
	p := names(source)
	say := func(id string) {
		mode := "read-write"
		if readOnly {
			mode = "read-only"
		}
		f.add(id, "%s at %s, "+mode, source, target)
	}
	if is(p, "/") {
		say(hostRoot)
		return
	}
	f.socket(p, say)
	if _, ok := first(p, homes[:], is); ok {
		say(homeDirectory)
		return
	}
	if _, ok := first(p, keyPlaces[:], has); ok {
		say(credentials)
	}
	_, system := first(p, systemPlaces[:], holds)
	_, starts := first(p, startPlaces[:], has)
	switch {
	case !readOnly && system:
		say(systemWritable)
	case !readOnly && starts:
		say(hostPrograms)
	case within(p, "/proc"):
		say(hostProc)
	case within(p, "/sys"):
		say(hostSys)
	}
	if _, ok := first(p, secretPlaces[:], holds); ok && (readOnly || !system) {
		say(systemSecrets)
	}
	if readOnly && has(p, ".git") {
		say(repository)
	}
	relative := source != "" && source[0] != '/'
	if !readOnly && relative && (above(p) || len(p) == 1 && f.own(p[0])) {
		say(boxfileWritable)
	}
}

// own reports whether a name in the Boxfile's folder is that of the Boxfile, or of what
// a run of it is held to.
func (f *finder) own(name string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(f.plan.File, ".yaml"), ".yml")
	return name == f.plan.File || name == base+".lock" || name == base+".plan.json"
}

// socket looks for places where services listen. Each kind is told once.
func (f *finder) socket(p []string, say func(id string)) {
	for _, s := range sockets {
		_, found := first(p, s.paths, holds)
		for _, n := range socketNames {
			found = found || n.id == s.id && has(p, n.name)
		}
		if found {
			say(s.id)
		}
	}
}

// target notes what gets into the box at a path, and what of the plan that hides.
func (f *finder) target(t string, hides bool) {
	switch below, over := f.above[t]; {
	case hides && f.targets[t]:
		f.add(hidden, "%s, which an earlier step puts there", t)
	case hides && over:
		f.add(hidden, "%s of an earlier step is hidden at %s", below, t)
	}
	f.targets[t] = true
	for i := strings.LastIndexByte(t, '/'); i > 0; i = strings.LastIndexByte(t[:i], '/') {
		if _, ok := f.above[t[:i]]; ok {
			break // and so are those above it
		}
		f.above[t[:i]] = t
	}
}

// capabilityRisks are the capabilities that are told apart.
var capabilityRisks = [...]struct {
	id    string
	names []string
}{
	{capSysAdmin, []string{"SYS_ADMIN"}},
	{capSysPtrace, []string{"SYS_PTRACE"}},
	{capKernel, []string{"AUDIT_CONTROL", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "MAC_ADMIN", "MAC_OVERRIDE", "PERFMON", "SYSLOG", "SYS_BOOT", "SYS_MODULE", "SYS_PACCT", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"}},
	{capNetwork, []string{"NET_ADMIN", "NET_BROADCAST", "NET_RAW"}},
	{capFiles, []string{"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "LEASE", "LINUX_IMMUTABLE", "MKNOD", "SETFCAP"}},
}

// ordinary are the capabilities of capabilities: default, which are told as one.
var ordinary = [...]string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}

func (f *finder) capabilities(s *plan.Capabilities) {
	all := slices.Concat(s.Bounding, s.Permitted, s.Effective, s.Inheritable, s.Ambient)
	slices.Sort(all)
	all = slices.Compact(all)
	if slices.Equal(all, ordinary[:]) {
		f.add(capOther, "the default set, of which each has holes of its own")
		return
	}
	rest := all
	for _, r := range capabilityRisks {
		has := func(c string) bool { return slices.Contains(r.names, c) }
		var mine []string
		for _, c := range all {
			if has(c) {
				mine = append(mine, c)
			}
		}
		rest = slices.DeleteFunc(slices.Clone(rest), has)
		if len(mine) > 0 {
			f.add(r.id, list(len(mine)), mine...)
		}
	}
	if len(rest) > 0 {
		f.add(capOther, list(len(rest)), rest...)
	}
}

// list is a format for n words.
func list(n int) string {
	return strings.TrimSuffix(strings.Repeat("%s, ", n), ", ")
}

// dangerousCalls are those that a filter is there to refuse.
var dangerousCalls = [...]string{"add_key", "bpf", "delete_module", "finit_module", "fsmount", "fsopen", "init_module", "io_uring_setup", "iopl", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount",
	"open_by_handle_at", "open_tree", "perf_event_open", "pivot_root", "quotactl", "reboot", "request_key", "setns", "swapon", "umount2", "unshare", "userfaultfd"}

// filtered looks at a profile that the file brings: the default one is judged by capabilities.
func (f *finder) filtered(s *plan.Seccomp) {
	f.filter = true
	if s.Profile == "default" {
		return
	}
	var passed []string
	for _, c := range dangerousCalls {
		allows := s.Allows
		if c == "unshare" { // which programs need for less
			allows = s.NewUser
		}
		if allows(c, "amd64") || allows(c, "arm64") {
			passed = append(passed, c)
		}
	}
	if !slices.Contains(passed, "unshare") && (s.Nests("amd64") || s.Nests("arm64")) {
		passed = append(passed, "clone with CLONE_NEWUSER")
	}
	if n := len(passed); n > 0 {
		f.add(weakFilter, "%s passes "+list(n), append([]string{s.Profile}, passed...)...)
	}
}

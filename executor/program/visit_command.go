//go:build linux

package program

import (
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/internal/seccomp"
	"golang.org/x/sys/unix"
)

// Rlimit bounds the command's process; process 1 is not the box's to starve.
func (l *lowering) Rlimit(s *plan.Rlimit) error {
	for _, v := range rlimitNumbers {
		if v.Name == s.Name {
			soft, hard := orUnlimited(s.Soft), orUnlimited(s.Hard)
			if s.AtMost {
				caller := map[string]uint64{"nofile": l.facts.NoFile, "nproc": l.facts.NProc}
				if c, ok := caller[s.Name]; ok {
					soft, hard = min(soft, c), min(hard, c)
				}
			}
			l.op(limit, callPrlimit, num(0), named(v.Num, rlimitNames), structure(word("rlim_cur", soft), word("rlim_max", hard)), null())
			return nil
		}
	}
	return l.refuse("", "", "resource limit %q is not known", s.Name)
}

func orUnlimited(n *uint64) uint64 {
	if n == nil {
		return unix.RLIM_INFINITY
	}
	return *n
}

// Umask sets the command's file mode creation mask.
func (l *lowering) Umask(s *plan.Umask) error {
	n, err := l.perms(s.Mask)
	if err != nil {
		return err
	}
	l.op(limit, callUmask, named(n, octal))
	return nil
}

// Groups sets the supplementary groups, where the kernel lets it be done.
func (l *lowering) Groups(s *plan.Groups) error {
	if s.Kept {
		return nil
	}
	if len(s.GIDs) == 0 {
		l.op(ids, callSetgroups, num(0), null())
		return nil
	}
	f := make([]Field, len(s.GIDs))
	for i, g := range s.GIDs {
		f[i] = Field{Name: strconv.Itoa(i), Size: 4, Num: uint64(g)}
	}
	l.op(ids, callSetgroups, num(uint64(len(f))), structure(f...))
	return nil
}

// User becomes the box's user.
func (l *lowering) User(s *plan.User) error {
	l.user = *s
	uid, gid := uint64(s.UID), uint64(s.GID)
	l.op(ids, callSetresgid, num(gid), num(gid), num(gid))
	l.op(ids, callSetresuid, num(uid), num(uid), num(uid))
	return nil
}

// Workdir changes directory as the box's user, so that it cannot be one that user may not enter.
func (l *lowering) Workdir(s *plan.Workdir) error {
	l.op(chdirs, callFchdir, reg(l.at(chdirs, s.Path, unix.O_DIRECTORY)))
	return nil
}

// Capabilities empties the bounding set while that is allowed and sets the other four at the end.
func (l *lowering) Capabilities(s *plan.Capabilities) error {
	sets := map[string]uint64{}
	for name, list := range map[string][]string{"bounding": s.Bounding, "permitted": s.Permitted, "effective": s.Effective, "inheritable": s.Inheritable, "ambient": s.Ambient} {
		n, err := l.capabilitySet(list)
		if err != nil {
			return err
		}
		sets[name] = n
	}
	first := len(l.ops)
	for c := uint64(0); c < 64; c++ {
		if sets["bounding"]&(1<<c) == 0 {
			// a number that this kernel does not know ends the row
			l.op(bound, callPrctl, named(unix.PR_CAPBSET_DROP, prctls), named(c, capNames)).tolerate(unix.EINVAL, 0)
		}
	}
	for i := first; i < len(l.ops); i++ { // each skip reaches to the end of the row
		l.ops[i].Errs[0].N = uint16(len(l.ops) - 1 - i)
	}
	if sets["permitted"] != 0 { // lost otherwise when the ids change
		l.op(bound, callPrctl, named(unix.PR_SET_KEEPCAPS, prctls), num(1), num(0), num(0), num(0))
	}
	l.op(caps, callCapset, capHeader(), capData(sets["effective"], sets["permitted"], sets["inheritable"]))
	for c := uint64(0); c < 64; c++ {
		if sets["ambient"]&(1<<c) != 0 {
			l.op(caps, callPrctl, named(unix.PR_CAP_AMBIENT, prctls), named(unix.PR_CAP_AMBIENT_RAISE, ambientCmds), named(c, capNames), num(0), num(0))
		}
	}
	return nil
}

func (l *lowering) capabilitySet(names []string) (uint64, error) {
	var set uint64
	for _, n := range names {
		found := false
		for i, known := range capabilityNames {
			if known == n {
				set, found = set|1<<i, true
			}
		}
		if !found {
			return 0, l.refuse("", "", "capability %q is not known", n)
		}
	}
	return set, nil
}

func capHeader() Arg {
	return structure(Field{Name: "version", Size: 4, Num: unix.LINUX_CAPABILITY_VERSION_3}, Field{Name: "pid", Size: 4})
}

// capData is the two halves of the sets, capset(2).
func capData(effective, permitted, inheritable uint64) Arg {
	half := func(n uint64, high bool) uint64 {
		if high {
			return n >> 32
		}
		return n & (1<<32 - 1)
	}
	var f []Field
	for _, high := range []bool{false, true} {
		f = append(f, Field{Name: "effective", Size: 4, Num: half(effective, high)}, Field{Name: "permitted", Size: 4, Num: half(permitted, high)},
			Field{Name: "inheritable", Size: 4, Num: half(inheritable, high)})
	}
	return structure(f...)
}

// Keyring is the command's, whose calls are those that could ask for keys.
func (l *lowering) Keyring(*plan.Keyring) error {
	l.op(begin, callKeyctl, named(unix.KEYCTL_JOIN_SESSION_KEYRING, keyctls), null())
	return nil
}

// NoNewPrivs holds for process 1 as well.
func (l *lowering) NoNewPrivs(*plan.NoNewPrivs) error {
	l.noNewPrivs = true
	l.op(caps, callPrctl, named(unix.PR_SET_NO_NEW_PRIVS, prctls), num(1), num(0), num(0), num(0))
	return nil
}

// Seccomp is the last thing before the command, so that the filter need not allow
// what boxfile does. Without no_new_privs the kernel wants CAP_SYS_ADMIN for it,
// which is there until the bounding set is dropped.
func (l *lowering) Seccomp(s *plan.Seccomp) error {
	text, err := seccomp.Filter(s, runtime.GOARCH)
	if err != nil {
		return l.refuse("", "", "%v", err)
	}
	ph := filter
	if !l.noNewPrivs {
		ph = bound
	}
	l.op(ph, callSeccomp, named(unix.SECCOMP_SET_MODE_FILTER, seccompOps), num(0), structure(Field{Name: "len", Size: 2, Num: uint64(len(text) / seccomp.SizeofInstruction)}, Field{Size: 6},
		Field{Name: "filter", Size: 8, To: &More{Fields: []Field{{Name: "sha256", Size: len(text), Text: text, Names: filterText}}}}))
	return nil
}

// filterStops is a refusal if the filter does not allow what is still to be done
// once it is in force: nothing would run, and boxfile could not even say why.
func (l *lowering) filterStops() *Refusal {
	command := l.prog.Command
	at := slices.IndexFunc(command, func(o Op) bool { return o.Call == callSeccomp })
	if at < 0 {
		return nil
	}
	step := command[at].Step
	s, ok := l.prog.Plan.Steps[step].(*plan.Seccomp)
	if !ok || s.Digest != "" { // the default profile allows all of it
		return nil
	}
	needed := []string{"write", "exit_group"} // to tell what went wrong
	for _, o := range command[at+1:] {
		if !slices.Contains(needed, o.Call.Name) {
			needed = append(needed, o.Call.Name)
		}
	}
	var refused []string
	for _, name := range needed {
		if !s.Allows(name, runtime.GOARCH) {
			refused = append(refused, name)
		}
	}
	if refused == nil {
		return nil
	}
	slices.Sort(refused)
	r := &Refusal{Step: step, Code: 125, Message: "the profile of seccomp refuses what a start needs: " + strings.Join(refused, ", "), Fix: "allow it in " + s.Profile}
	if !l.noNewPrivs {
		r.Fix += ", or leave no_new_privs on, with which fewer calls are needed"
	}
	return r
}

// Init keeps process 1 boxfile's own.
func (l *lowering) Init(*plan.Init) error {
	l.prog.HasInit = true
	return nil
}

// Env collects the environment.
func (l *lowering) Env(s *plan.Env) error {
	value, hidden := "", ""
	if s.Pass != "" {
		v, ok := l.facts.Caller.Env[s.Name]
		if !ok || s.Pass == "tty" && !l.hasTTY {
			l.prog.skipped = append(l.prog.skipped, l.step)
			return nil
		}
		if strings.IndexByte(v, 0) >= 0 {
			return l.refuse("", "", "the value of %s has a NUL", s.Name)
		}
		value, hidden = v, s.Name+"=(caller's "+s.Name+")"
	}
	for _, p := range s.Value {
		value += p.Text
		if p.Secret == "" {
			continue
		}
		v, ok := l.facts.Caller.Secrets[p.Secret]
		if !ok {
			return l.refuse("", "--input "+p.Secret+"=VALUE, or --input-file", "secret input %s has no value", p.Secret)
		}
		if strings.IndexByte(v, 0) >= 0 {
			return l.refuse("", "", "the value of secret input %s has a NUL", p.Secret)
		}
		value, hidden = value+v, s.Name+"=(secret input "+p.Secret+")"
	}
	if hidden != "" {
		if l.hidden == nil {
			l.hidden = map[int]string{}
		}
		l.hidden[len(l.env)] = hidden
	}
	if s.Name == "PATH" {
		l.searchPath = value
	}
	l.env = append(l.env, s.Name+"="+value)
	return nil
}

// Exec ends the child's list. A word without a slash is looked for in PATH as
// execvp(3) does, but inside the box and in absolute directories only.
func (l *lowering) Exec(s *plan.Exec) error {
	if !l.prog.HasInit {
		l.dieWithParent(last)
		l.stillAlive(last)
	} else {
		l.op(begin, callSetsid)
	}
	l.control()
	l.defaultSignals()
	l.op(last, callSigprocmask, named(unix.SIG_SETMASK, sigHow), structure(word("set", 0)), null(), num(8))
	candidates := []string{s.Args[0]}
	if !strings.Contains(s.Args[0], "/") {
		candidates = nil
		for _, dir := range strings.Split(l.searchPath, ":") {
			if strings.HasPrefix(dir, "/") {
				candidates = append(candidates, strings.TrimSuffix(dir, "/")+"/"+s.Args[0])
			}
		}
		if len(candidates) == 0 {
			return &Refusal{Step: l.step, Code: 127, Message: "cannot execute " + s.Args[0] + ": PATH names no directory", Fix: "write the command's whole path"}
		}
	}
	argv, envp := &More{Texts: s.Args}, &More{Texts: l.env, Hidden: l.hidden}
	for _, c := range candidates {
		o := l.op(run, callExecve, text(c), Arg{Kind: Texts, More: argv}, Arg{Kind: Texts, More: envp})
		o.Try = len(candidates) > 1
	}
	return nil
}

// inherited are the signals that Go leaves ignored where boxfile was started so, as
// by nohup(1), in a shell's background, or by make (posix_spawn of glibc leaves 32
// and 33 ignored, which are the C library's own). The fork itself resets the
// others, because Go handles them. A test holds that all are covered.
var inherited = [...]unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, 32, 33, 34}

// defaultSignals has the command begin with every signal's default action: one
// that is ignored would stay so, and a shell cannot even trap it.
func (l *lowering) defaultSignals() {
	action := structure(word("sa_handler", 0), word("", 0), word("", 0), word("", 0))
	for _, n := range inherited {
		l.op(last, callSigaction, named(uint64(n), signals), action, null(), num(8))
	}
}

func (l *lowering) dieWithParent(ph phase) {
	l.op(ph, callPrctl, named(unix.PR_SET_PDEATHSIG, prctls), named(uint64(unix.SIGKILL), signals), num(0), num(0), num(0))
}

// stillAlive ends the child when boxfile was gone before dieWithParent: nothing
// to read on the control socket means that it lives, the end of the stream that it does not.
func (l *lowering) stillAlive(ph phase) {
	l.op(ph, callRecvfrom, reg(Control), buffer(8), num(8), named(unix.MSG_DONTWAIT|unix.MSG_PEEK, recvFlags), null(), null()).expect(1).tolerate(unix.EAGAIN, 0)
}

// noCgroupNamespaces keeps the box from making cgroup namespaces. Whoever makes
// one, in a user namespace of his own, may mount every hierarchy from boxfile's own
// cgroup down, and owns there what boxfile's user owns: the limits of other boxes,
// the freezer. The setting is that of the box's user namespace, namespaces(7).
func (l *lowering) noCgroupNamespaces() {
	if !l.ownUser { // it would be another's
		return
	}
	const file = "sys/user/max_cgroup_namespaces"
	defer l.during(l.unshareStep)()
	write := func(dir Arg, name string) {
		fd := l.keep(l.op(open, callOpenat, dir, text(name), named(unix.O_WRONLY|unix.O_CLOEXEC, openFlags), named(0, octal)))
		l.op(open, callWrite, reg(fd), text("0"), num(1)).expect(1)
	}
	if l.procFD != 0 { // an outer container may have made its /proc/sys read-only, or the file this one
		write(reg(l.procFD), file)
		l.ops[len(l.ops)-2].tolerate(unix.EROFS, 1)
		l.ops[len(l.ops)-1].Then = 2
	}
	write(cwd(), "/proc/"+file)
}

// finish adds what process 1 does before and after the command starts.
func (l *lowering) finish() {
	l.noCgroupNamespaces()
	if l.pivoted && l.scratchFD != 0 { // it lies on the old root, which lies on the new one
		l.op(leave, callUmount, text("."), named(unix.MNT_DETACH, umountFlags))
	}
	if !l.prog.HasInit {
		return
	}
	// only now: the id maps are written through /proc/self, which a process
	// that cannot be dumped does not own
	l.op(settle, callPrctl, named(unix.PR_SET_DUMPABLE, prctls), num(0), num(0), num(0), num(0))
	l.outlive()
	l.stillAlive(settle)
	l.op(quiet, callCloseRange, num(0), regPlus(Control, -1), named(0, closeFlags))
	l.op(quiet, callCloseRange, regPlus(Control, 1+l.ends()), num(1<<32-1), named(0, closeFlags))
	var keep uint64
	if l.ranges || !l.ownUser { // the command may be another user, and must still get its signals
		keep = 1 << unix.CAP_KILL
	}
	l.op(quiet, callCapset, capHeader(), capData(keep, keep, 0))
	if l.noNewPrivs {
		l.op(quiet, callPrctl, named(unix.PR_SET_NO_NEW_PRIVS, prctls), num(1), num(0), num(0), num(0))
	}
	if !l.prog.Ends {
		l.dieWithParent(quiet)
	}
}

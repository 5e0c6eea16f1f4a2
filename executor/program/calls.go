//go:build linux

package program

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Call is a system call that a program may make.
type Call struct {
	Name string
	Nr   uintptr
}

// The calls, one a line. Only calls that every architecture has: the *at forms.
var (
	callBind         = &Call{"bind", unix.SYS_BIND}
	callCapset       = &Call{"capset", unix.SYS_CAPSET}
	callChroot       = &Call{"chroot", unix.SYS_CHROOT}
	callClose        = &Call{"close", unix.SYS_CLOSE}
	callCloseRange   = &Call{"close_range", unix.SYS_CLOSE_RANGE}
	callDup3         = &Call{"dup3", unix.SYS_DUP3}
	callExecve       = &Call{"execve", unix.SYS_EXECVE}
	callFaccessat    = &Call{"faccessat", unix.SYS_FACCESSAT}
	callFchownat     = &Call{"fchownat", unix.SYS_FCHOWNAT}
	callFchdir       = &Call{"fchdir", unix.SYS_FCHDIR}
	callFchmodat     = &Call{"fchmodat", unix.SYS_FCHMODAT}
	callFsconfig     = &Call{"fsconfig", unix.SYS_FSCONFIG}
	callFsmount      = &Call{"fsmount", unix.SYS_FSMOUNT}
	callFsopen       = &Call{"fsopen", unix.SYS_FSOPEN}
	callIoctl        = &Call{"ioctl", unix.SYS_IOCTL}
	callKeyctl       = &Call{"keyctl", unix.SYS_KEYCTL}
	callLandlockNew  = &Call{"landlock_create_ruleset", unix.SYS_LANDLOCK_CREATE_RULESET}
	callLandlockRule = &Call{"landlock_add_rule", unix.SYS_LANDLOCK_ADD_RULE}
	callLandlockSelf = &Call{"landlock_restrict_self", unix.SYS_LANDLOCK_RESTRICT_SELF}
	callListen       = &Call{"listen", unix.SYS_LISTEN}
	callMkdirat      = &Call{"mkdirat", unix.SYS_MKDIRAT}
	callMknodat      = &Call{"mknodat", unix.SYS_MKNODAT}
	callMountSetattr = &Call{"mount_setattr", unix.SYS_MOUNT_SETATTR}
	callMoveMount    = &Call{"move_mount", unix.SYS_MOVE_MOUNT}
	callOpenTree     = &Call{"open_tree", unix.SYS_OPEN_TREE}
	callOpenat       = &Call{"openat", unix.SYS_OPENAT}
	callOpenat2      = &Call{"openat2", unix.SYS_OPENAT2}
	callPivotRoot    = &Call{"pivot_root", unix.SYS_PIVOT_ROOT}
	callPrctl        = &Call{"prctl", unix.SYS_PRCTL}
	callPrlimit      = &Call{"prlimit64", unix.SYS_PRLIMIT64}
	callRecvfrom     = &Call{"recvfrom", unix.SYS_RECVFROM}
	callRead         = &Call{"read", unix.SYS_READ}
	callSeccomp      = &Call{"seccomp", unix.SYS_SECCOMP}
	callSendmsg      = &Call{"sendmsg", unix.SYS_SENDMSG}
	callSethostname  = &Call{"sethostname", unix.SYS_SETHOSTNAME}
	callSetns        = &Call{"setns", unix.SYS_SETNS}
	callSetgroups    = &Call{"setgroups", unix.SYS_SETGROUPS}
	callSetresgid    = &Call{"setresgid", unix.SYS_SETRESGID}
	callSetresuid    = &Call{"setresuid", unix.SYS_SETRESUID}
	callSetsid       = &Call{"setsid", unix.SYS_SETSID}
	callSetsockopt   = &Call{"setsockopt", unix.SYS_SETSOCKOPT}
	callSigaction    = &Call{"rt_sigaction", unix.SYS_RT_SIGACTION}
	callSigprocmask  = &Call{"rt_sigprocmask", unix.SYS_RT_SIGPROCMASK}
	callSocket       = &Call{"socket", unix.SYS_SOCKET}
	callSymlinkat    = &Call{"symlinkat", unix.SYS_SYMLINKAT}
	callUmask        = &Call{"umask", unix.SYS_UMASK}
	callUmount       = &Call{"umount2", unix.SYS_UMOUNT2}
	callUnshare      = &Call{"unshare", unix.SYS_UNSHARE}
	callWrite        = &Call{"write", unix.SYS_WRITE}
)

// Names prints a number as the kernel's headers spell it. With Enum the number
// is one of the values, otherwise their union.
type Names struct {
	Enum    bool
	Octal   bool
	Values  []Value
	Index   []string // names by number, in place of Values
	Prefix  string   // of the names of Index
	Address bool     // a text is an IP address
	Filter  bool     // a text is instructions of BPF
}

// Value is a number and its name.
type Value struct {
	Num  uint64
	Name string
}

// Print writes n in words; what no name covers stays a number.
func (t *Names) Print(n uint64) string {
	if t == nil {
		return strconv.FormatInt(int64(n), 10)
	}
	if t.Octal {
		return "0" + strconv.FormatUint(n, 8)
	}
	if n < uint64(len(t.Index)) {
		return t.Prefix + t.Index[n]
	}
	if t.Index != nil {
		return strconv.FormatUint(n, 10)
	}
	var out []string
	for _, v := range t.Values {
		if t.Enum && n == v.Num {
			return v.Name
		}
		if !t.Enum && v.Num != 0 && n&v.Num == v.Num {
			out, n = append(out, v.Name), n&^v.Num
		}
	}
	if t.Enum && len(t.Values) > 0 {
		return strconv.FormatInt(int64(n), 10)
	}
	if n != 0 || len(out) == 0 {
		out = append(out, "0x"+strconv.FormatUint(n, 16))
	}
	return strings.TrimSuffix(strings.Join(out, "|"), "|0x0")
}

var (
	octal    = &Names{Octal: true}
	nullName = &Names{Enum: true, Values: []Value{{0, "NULL"}}}
	fdName   = &Names{Enum: true, Values: []Value{{atFDCWD, "AT_FDCWD"}}}

	atFlags = &Names{Values: []Value{{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, {unix.AT_RECURSIVE, "AT_RECURSIVE"}}}

	treeFlags = &Names{Values: []Value{{unix.OPEN_TREE_CLONE, "OPEN_TREE_CLONE"}, {unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLOEXEC"},
		{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, {unix.AT_RECURSIVE, "AT_RECURSIVE"}}}

	moveFlags = &Names{Values: []Value{{unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"}, {unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_T_EMPTY_PATH"}}}

	openFlags = &Names{Values: []Value{{unix.O_PATH, "O_PATH"}, {unix.O_CLOEXEC, "O_CLOEXEC"}, {unix.O_DIRECTORY, "O_DIRECTORY"}, {unix.O_NOFOLLOW, "O_NOFOLLOW"},
		{unix.O_WRONLY, "O_WRONLY"}, {unix.O_RDWR, "O_RDWR"}, {unix.O_NOCTTY, "O_NOCTTY"}, {unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"}}}

	accessModes = &Names{Values: []Value{{unix.X_OK, "X_OK"}}}

	resolveFlags = &Names{Values: []Value{{unix.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"}, {unix.RESOLVE_BENEATH, "RESOLVE_BENEATH"},
		{unix.RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"}, {unix.RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"}}}

	mountAttrs = &Names{Values: []Value{{unix.MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY"}, {unix.MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID"},
		{unix.MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV"}, {unix.MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC"}, {unix.MOUNT_ATTR_NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW"}}}

	propagation = &Names{Values: []Value{{unix.MS_PRIVATE, "MS_PRIVATE"}}}

	fsconfigCmds = &Names{Enum: true, Values: []Value{{unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"}, {unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"},
		{unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"}}}

	fsopenFlags  = &Names{Values: []Value{{unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"}}}
	fsmountFlags = &Names{Values: []Value{{unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"}}}
	closeFlags   = &Names{Values: []Value{{unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"}}}
	umountFlags  = &Names{Values: []Value{{unix.MNT_DETACH, "MNT_DETACH"}}}

	prctls = &Names{Enum: true, Values: []Value{{unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"}, {unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"},
		{unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"}, {unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"}, {unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"},
		{unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"}, {unix.PR_SET_CHILD_SUBREAPER, "PR_SET_CHILD_SUBREAPER"}}}
	ambientCmds = &Names{Enum: true, Values: []Value{{unix.PR_CAP_AMBIENT_RAISE, "PR_CAP_AMBIENT_RAISE"}}}
	signals     = &Names{Index: signalNames[:]}
	sigHow      = &Names{Enum: true, Values: []Value{{unix.SIG_SETMASK, "SIG_SETMASK"}}}
	ioctls      = &Names{Enum: true, Values: []Value{{unix.SIOCSIFFLAGS, "SIOCSIFFLAGS"}, {unix.TIOCSPTLCK, "TIOCSPTLCK"},
		{unix.TIOCGPTPEER, "TIOCGPTPEER"}, {unix.TCSETS, "TCSETS"}, {unix.TIOCSWINSZ, "TIOCSWINSZ"}, {unix.TIOCSCTTY, "TIOCSCTTY"}}}
	ifFlags   = &Names{Values: []Value{{unix.IFF_UP, "IFF_UP"}, {unix.IFF_RUNNING, "IFF_RUNNING"}}}
	families  = &Names{Enum: true, Values: []Value{{unix.AF_INET, "AF_INET"}, {unix.AF_INET6, "AF_INET6"}, {unix.AF_NETLINK, "AF_NETLINK"}}}
	sockTypes = &Names{Values: []Value{{unix.SOCK_CLOEXEC, "SOCK_CLOEXEC"}, {unix.SOCK_NONBLOCK, "SOCK_NONBLOCK"}, {unix.SOCK_RAW, "SOCK_RAW"},
		{unix.SOCK_DGRAM, "SOCK_DGRAM"}, {unix.SOCK_STREAM, "SOCK_STREAM"}}}
	socketLevels   = &Names{Enum: true, Values: []Value{{unix.SOL_IP, "SOL_IP"}, {unix.SOL_SOCKET, "SOL_SOCKET"}, {unix.SOL_TCP, "SOL_TCP"}, {unix.SOL_IPV6, "SOL_IPV6"}}}
	rightsName     = &Names{Enum: true, Values: []Value{{unix.SCM_RIGHTS, "SCM_RIGHTS"}}}
	keyctls        = &Names{Enum: true, Values: []Value{{unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"}}}
	landlockRights = &Names{Values: []Value{{unix.LANDLOCK_ACCESS_FS_EXECUTE, "LANDLOCK_ACCESS_FS_EXECUTE"}, {unix.LANDLOCK_ACCESS_FS_WRITE_FILE, "LANDLOCK_ACCESS_FS_WRITE_FILE"},
		{unix.LANDLOCK_ACCESS_FS_READ_FILE, "LANDLOCK_ACCESS_FS_READ_FILE"}, {unix.LANDLOCK_ACCESS_FS_READ_DIR, "LANDLOCK_ACCESS_FS_READ_DIR"},
		{unix.LANDLOCK_ACCESS_FS_REMOVE_DIR, "LANDLOCK_ACCESS_FS_REMOVE_DIR"}, {unix.LANDLOCK_ACCESS_FS_REMOVE_FILE, "LANDLOCK_ACCESS_FS_REMOVE_FILE"},
		{unix.LANDLOCK_ACCESS_FS_MAKE_CHAR, "LANDLOCK_ACCESS_FS_MAKE_CHAR"}, {unix.LANDLOCK_ACCESS_FS_MAKE_DIR, "LANDLOCK_ACCESS_FS_MAKE_DIR"},
		{unix.LANDLOCK_ACCESS_FS_MAKE_REG, "LANDLOCK_ACCESS_FS_MAKE_REG"}, {unix.LANDLOCK_ACCESS_FS_MAKE_SOCK, "LANDLOCK_ACCESS_FS_MAKE_SOCK"},
		{unix.LANDLOCK_ACCESS_FS_MAKE_FIFO, "LANDLOCK_ACCESS_FS_MAKE_FIFO"}, {unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK, "LANDLOCK_ACCESS_FS_MAKE_BLOCK"},
		{unix.LANDLOCK_ACCESS_FS_MAKE_SYM, "LANDLOCK_ACCESS_FS_MAKE_SYM"}, {unix.LANDLOCK_ACCESS_FS_REFER, "LANDLOCK_ACCESS_FS_REFER"},
		{unix.LANDLOCK_ACCESS_FS_TRUNCATE, "LANDLOCK_ACCESS_FS_TRUNCATE"}, {unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, "LANDLOCK_ACCESS_FS_IOCTL_DEV"}}}
	landlockScopes = &Names{Values: []Value{{unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, "LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET"}, {unix.LANDLOCK_SCOPE_SIGNAL, "LANDLOCK_SCOPE_SIGNAL"}}}
	landlockTypes  = &Names{Enum: true, Values: []Value{{unix.LANDLOCK_RULE_PATH_BENEATH, "LANDLOCK_RULE_PATH_BENEATH"}}}
	seccompOps     = &Names{Enum: true, Values: []Value{{unix.SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"}}}
	filterText     = &Names{Filter: true}
	addressText    = &Names{Address: true}
	recvFlags      = &Names{Values: []Value{{unix.MSG_DONTWAIT, "MSG_DONTWAIT"}, {unix.MSG_PEEK, "MSG_PEEK"}}}

	namespaceFlags = &Names{Values: []Value{{unix.CLONE_NEWUSER, "CLONE_NEWUSER"}, {unix.CLONE_NEWNS, "CLONE_NEWNS"}, {unix.CLONE_NEWPID, "CLONE_NEWPID"},
		{unix.CLONE_NEWNET, "CLONE_NEWNET"}, {unix.CLONE_NEWIPC, "CLONE_NEWIPC"}, {unix.CLONE_NEWUTS, "CLONE_NEWUTS"}, {unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
		{unix.CLONE_NEWTIME, "CLONE_NEWTIME"}, {unix.CLONE_INTO_CGROUP, "CLONE_INTO_CGROUP"}}}

	nodeTypes = &Names{Values: []Value{{unix.S_IFREG, "S_IFREG"}, {0o644, "0644"}, {0o444, "0444"}}}
)

// signalNames is the table of signal(7); the index is the number on both architectures.
var signalNames = [...]string{"0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
	"SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM",
	"SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS", "SIGRTMIN", "SIGRT_1", "SIGRT_2"}

// optionNames are the names of socket options, by level.
func optionNames(level uint64) *Names {
	switch level {
	case unix.SOL_IP:
		return &Names{Enum: true, Values: []Value{{unix.IP_TRANSPARENT, "IP_TRANSPARENT"}, {unix.IP_PKTINFO, "IP_PKTINFO"}}}
	case unix.SOL_IPV6:
		return &Names{Enum: true, Values: []Value{{unix.IPV6_TRANSPARENT, "IPV6_TRANSPARENT"}}}
	case unix.SOL_SOCKET:
		return &Names{Enum: true, Values: []Value{{unix.SO_REUSEADDR, "SO_REUSEADDR"}}}
	}
	return &Names{Enum: true, Values: []Value{{unix.TCP_NODELAY, "TCP_NODELAY"}, {unix.TCP_CONGESTION, "TCP_CONGESTION"}}}
}

// capabilityNames is the table of capabilities(7); the index is the number.
var capabilityNames = [...]string{"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
	"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
	"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE"}

// rlimitNumbers maps the names of setrlimit(2) to the kernel's numbers, which both architectures share.
var rlimitNumbers = []Value{{unix.RLIMIT_AS, "as"}, {unix.RLIMIT_CORE, "core"}, {unix.RLIMIT_CPU, "cpu"}, {unix.RLIMIT_DATA, "data"},
	{unix.RLIMIT_FSIZE, "fsize"}, {unix.RLIMIT_LOCKS, "locks"}, {unix.RLIMIT_MEMLOCK, "memlock"}, {unix.RLIMIT_MSGQUEUE, "msgqueue"},
	{unix.RLIMIT_NICE, "nice"}, {unix.RLIMIT_NOFILE, "nofile"}, {unix.RLIMIT_NPROC, "nproc"}, {unix.RLIMIT_RSS, "rss"},
	{unix.RLIMIT_RTPRIO, "rtprio"}, {unix.RLIMIT_RTTIME, "rttime"}, {unix.RLIMIT_SIGPENDING, "sigpending"}, {unix.RLIMIT_STACK, "stack"}}

var (
	rlimitNames = &Names{Enum: true, Values: rlimitNumbers}
	capNames    = &Names{Index: capabilityNames[:], Prefix: "CAP_"}
)

func errnoName(e unix.Errno) string {
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return "errno " + strconv.Itoa(int(e))
}

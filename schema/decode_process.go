package schema

import (
	"slices"
	"strconv"
	"strings"
)

// byteLimits are the limits of setrlimit(2) that are counted in bytes.
var byteLimits = [...]string{"as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack"}

func (d *decoder) environment(env, pass *node) {
	if env != nil {
		for i := 0; i+1 < len(env.Content); i += 2 {
			k, v := env.Content[i], env.Content[i+1]
			e := EnvVar{Name: text(k, ""), Value: []EnvPart{{Text: v.Value}}, Pos: posOf(v)}
			if parts, ok := d.secrets[v]; ok {
				e.Value = parts
			} else if strings.IndexByte(v.Value, 0) >= 0 {
				d.fail(e.Pos, "", "the value of %s has a NUL character", k.Value)
			}
			d.box.Env = append(d.box.Env, e)
		}
	}
	d.box.EnvPass = texts(pass)
	seen := make(map[string]bool, len(d.box.EnvPass))
	for _, e := range d.box.EnvPass {
		if seen[e.Value] {
			d.fail(e.Pos, "remove it", "%s is in env_pass twice", e.Value)
		}
		seen[e.Value] = true
	}
}

func (d *decoder) rlimits(n *node) {
	if n == nil {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		r := Rlimit{Pos: posOf(k), Name: text(k, "")}
		if soft := child(v, "soft"); soft != nil {
			r.Soft, r.Hard = d.limit(k.Value, soft), d.limit(k.Value, child(v, "hard"))
			if r.Soft.Value > r.Hard.Value {
				d.fail(r.Soft.Pos, "", "the soft limit of %s is above the hard one", k.Value)
			}
		} else {
			r.Soft = d.limit(k.Value, v)
			r.Hard = r.Soft
		}
		d.box.Rlimits = append(d.box.Rlimits, r)
	}
}

func (d *decoder) limit(name string, n *node) Field[uint64] {
	at := posOf(n)
	switch {
	case n.Value == "unlimited":
		return Field[uint64]{Unlimited, at}
	case len(n.Value) > 1 && n.Value[0] == '0' && strings.Trim(n.Value, "0123456789") == "":
		d.fail(at, "write "+strings.TrimLeft(n.Value, "0"), "%s: the leading zero of %s could mean octal", name, short(n.Value))
		return Field[uint64]{0, at}
	case kindOf(n) == kindInt || strings.Trim(n.Value, "0123456789") == "" && n.Value != "":
		i, err := strconv.ParseUint(n.Value, 10, 63)
		if err != nil {
			d.fail(at, "write unlimited, if that is meant", "%s is %s; possible are 0 to 9223372036854775807", name, short(n.Value))
		}
		return Field[uint64]{i, at}
	case slices.Contains(byteLimits[:], name):
		size, wrong, fix := parseSize(n.Value)
		if wrong != "" {
			d.fail(at, fix, "%s %q: %s", name, escape(short(n.Value)), wrong)
		}
		return Field[uint64]{uint64(size), at}
	}
	d.fail(at, "", "%s is a number or unlimited, not %q", name, escape(short(n.Value)))
	return Field[uint64]{0, at}
}

func (d *decoder) command(root, command, shell *node) {
	b := d.box
	switch {
	case command == nil && shell == nil && (child(root, "command") != nil || child(root, "shell") != nil): // told already
	case command == nil && shell == nil:
		d.fail(posOf(root), `command: ["true"], for example`, "the file says nothing to run: command or shell is missing")
	case command != nil && shell != nil:
		d.fail(keyPos(root, "shell"), "remove one of the two", "both command and shell say what to run")
	case shell != nil:
		b.Shell = text(shell, "")
		if strings.IndexByte(b.Shell.Value, 0) >= 0 {
			d.fail(b.Shell.Pos, "", "shell has a NUL character")
		}
	default:
		b.Command = Command{Pos: posOf(command), Args: texts(command)}
		for i, a := range b.Command.Args {
			if i == 0 && a.Value == "" {
				d.fail(a.Pos, "", "the first word of command is empty")
			}
			if strings.IndexByte(a.Value, 0) >= 0 {
				d.fail(a.Pos, "", "a word of command has a NUL character")
			}
		}
	}
}

// capabilityNames are those of capabilities(7), without CAP_.
var capabilityNames = [...]string{"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
	"DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE",
	"SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM"}

func (d *decoder) security(n *node) {
	s := &d.box.Security
	s.NoNewPrivs = boolean(child(n, "no_new_privs"), true)
	s.Seccomp = text(child(n, "seccomp"), "default")
	s.Landlock = text(child(n, "landlock"), "false")
	s.Landlock.Value = strings.ToLower(s.Landlock.Value)
	s.Capabilities = Capabilities{Mode: "none"}
	if n == nil {
		return
	}
	s.Pos = posOf(n)
	if words := []string{"default", "none"}; !slices.Contains(words, s.Seccomp.Value) {
		d.pathBeside("seccomp", s.Seccomp, words)
	}
	if c := child(n, "capabilities"); c != nil {
		s.Capabilities = Capabilities{Pos: posOf(c), Mode: c.Value}
		if len(c.Content) > 0 || c.Value == "" {
			s.Capabilities.Mode = "list"
		}
		for _, f := range texts(c) {
			f.Value = strings.TrimPrefix(f.Value, "CAP_")
			if !slices.Contains(capabilityNames[:], f.Value) {
				fix := "see capabilities(7)"
				if near := Nearest(strings.TrimPrefix(strings.ToUpper(f.Value), "CAP_"), capabilityNames[:]); near != "" {
					fix = "write " + near
				}
				d.fail(f.Pos, fix, "there is no capability %s", escape(short(f.Value)))
			}
			s.Capabilities.Names = append(s.Capabilities.Names, f)
		}
	}
	s.Mask, s.Readonly = texts(child(n, "mask")), texts(child(n, "readonly"))
	for _, f := range slices.Concat(s.Mask, s.Readonly) {
		d.boxPath(f)
		if f.Value == "/" {
			d.fail(f.Pos, "rootfs.write decides whether / can be written", "/ cannot be masked or made read-only as a whole")
		}
		for _, own := range [...]string{"/proc/self", "/proc/thread-self", "/proc/net", "/proc/mounts"} {
			if f.Value == own || strings.HasPrefix(f.Value, own+"/") {
				d.fail(f.Pos, "proc: none leaves out all of /proc", "%s is another one for each process, and cannot be masked or made read-only", own)
			}
		}
	}
}

// CapabilityNames are the capabilities that a Boxfile can name, without CAP_.
func CapabilityNames() []string { return capabilityNames[:] }

package render

import (
	"fmt"
	"path"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// What a script does for each kind of step that is not about the tree.

func (s *script) CreateSource(c *plan.CreateSource) error {
	p := s.source(c.Path)
	do := "(: > " + p + `) || boxfile_die "cannot make the source"`
	if c.Type == "dir" {
		do = "boxfile_do mkdir -- " + p
	}
	return s.line(&s.host, "[ -e "+p+" ] || "+do)
}

func (s *script) Keep(k *plan.Keep) error {
	if s.keeps == nil {
		s.keeps = map[string]int{}
	}
	fd := fmt.Sprint(4 + len(s.keeps)) // 3 and below have a use
	s.keeps[k.Dir] = len(s.keeps)
	s.fds = append(s.fds, fd)
	p := s.source(k.Dir)
	return s.line(&s.host, "[ -d "+p+" ] || boxfile_do mkdir -m 700 -- "+p, "exec "+fd+"< "+p,
		"flock -n "+fd+" || boxfile_die "+s.q("another box keeps its writes in "+k.Dir))
}

func (s *script) IDMapRanges(m *plan.IDMapRanges) error {
	s.ranges = true
	get := map[string]string{"uid": word(triplets(m.UIDs)), "gid": word(triplets(m.GIDs))}
	if m.Mode == "subuid" {
		for what, id := range map[string]string{"uid": "-u", "gid": "-g"} {
			get[what] = fmt.Sprintf(subordinate, id, what)
		}
	}
	s.maps = append([]string{s.at, "boxfile_uids=" + get["uid"], "boxfile_gids=" + get["gid"]}, strings.Split(writeMaps, "\n")...)
	return nil
}

// subordinate maps box id 0 to the caller and ids from 1 on to the caller's lines of subuid(5).
const subordinate = `$(awk -F: -v name="$(id -un)" -v uid="$(id -u)" -v self="$(id %s)" '
		BEGIN { box = 1; map = "0 " self " 1" }
		$1 == name || $1 == uid { map = map " " box " " $2 " " $3; box += $3 }
		END { if (box == 1) exit 1; print map }' /etc/sub%s) || boxfile_uids=`

const writeMaps = `boxfile_x=no
read -r boxfile_pid < "$boxfile_stage/pid" || exit
if [ -z "$boxfile_uids" ]; then
	printf 'boxfile: the caller has no subordinate ids\n' >&2
elif [ "$(id -u)" = 0 ]; then
	# shellcheck disable=SC2086 # numbers; the kernel takes a map in one write
	boxfile_uids=$(printf '%s %s %s\n' $boxfile_uids) boxfile_gids=$(printf '%s %s %s\n' $boxfile_gids)
	printf '%s\n' "$boxfile_uids" > "/proc/$boxfile_pid/uid_map" && printf '%s\n' "$boxfile_gids" > "/proc/$boxfile_pid/gid_map" && boxfile_x=ok
else
	# shellcheck disable=SC2086 # numbers
	newuidmap "$boxfile_pid" $boxfile_uids && newgidmap "$boxfile_pid" $boxfile_gids && boxfile_x=ok
fi
printf '%s\n' "$boxfile_x" > "$boxfile_stage/go"`

func triplets(list []plan.IDRange) string {
	var out []string
	for _, r := range list {
		out = append(out, fmt.Sprintf("%d %d %d", r.Box, r.Host, r.Size))
	}
	return strings.Join(out, " ")
}

func (s *script) CloseFDs(*plan.CloseFDs) error {
	return s.line(&s.closing, append([]string{"exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"}, strings.Split(closeMore, "\n")...)...)
}

// closeMore closes descriptors that sh has no words for.
const closeMore = `case $(ls /proc/self/fd) in
*[0-9][0-9]*)
	if [ "${2-}" = --boxfile-closed ] || ! command -v bash > /dev/null; then
		boxfile_die "descriptors above 9 are open, and only bash can close them"
	fi
	exec bash -c 'for fd in $(ls /proc/self/fd); do [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; exec "$@"' bash "$boxfile_sh" "$0" "$BOXFILE_DIR" --boxfile-closed
	;;
esac`

func (s *script) Session(*plan.Session) error { return nil } // setsid, where the box side is started

func (s *script) Unshare(u *plan.Unshare) error {
	flags := map[string]string{"mount": "--mount", "pid": "--pid", "network": "--net", "ipc": "--ipc", "uts": "--uts", "cgroup": "--cgroup"}
	for _, n := range u.Namespaces {
		if n == "user" {
			s.userNS = true
			continue
		}
		f, ok := flags[n]
		if !ok {
			s.refuse("util-linux has no namespace %s", literal(n))
			continue
		}
		s.cgroupNS = s.cgroupNS || n == "cgroup"
		s.flags = append(s.flags, f)
	}
	if s.userNS && s.ranges {
		s.flags = append(s.flags, "--user")
	}
	s.flags = append(s.flags, "--fork", "--kill-child")
	return nil
}

func (s *script) Join(j *plan.Join) error {
	s.refuse("a script cannot join the namespace %s: run boxfile up", literal(j.Path))
	return nil
}

func (s *script) Clocks(*plan.Clocks) error {
	s.refuse("a script cannot set the clocks of the box: run boxfile up")
	return nil
}

func (s *script) IDMap(m *plan.IDMap) error {
	s.caller, s.user = m, m.UID
	s.flags = append(s.flags, "--user", "--map-root-user")
	return nil
}

func (s *script) Propagation(p *plan.Propagation) error {
	s.flags = append(s.flags, "--propagation="+s.q(p.Mode))
	return nil
}

func (s *script) PivotRoot(*plan.PivotRoot) error { return nil } // boxfile_enter

func (s *script) Chroot(*plan.Chroot) error {
	s.chroot = true
	return nil
}

func (s *script) Hostname(h *plan.Hostname) error {
	return s.line(&s.settle, "boxfile_do hostname -- "+s.q(h.Name))
}

func (s *script) Loopback(*plan.Loopback) error {
	return s.line(&s.settle, "boxfile_do ip link set lo up")
}

// Publish and what belongs to it need a process that passes connections on.
func (s *script) Publish(*plan.Publish) error {
	s.refuse("a script cannot publish ports: run boxfile up")
	return nil
}

// Outbound needs a helper that is attached while the box waits.
func (s *script) Outbound(*plan.Outbound) error {
	s.refuse("a script cannot connect the box to other networks: run boxfile up")
	return nil
}

// BlockLoopback is refused with Outbound.
func (s *script) BlockLoopback(*plan.BlockLoopback) error { return nil }

// PortAddress is refused with Publish.
func (s *script) PortAddress(*plan.PortAddress) error { return nil }

func (s *script) Rlimit(r *plan.Rlimit) error {
	if !r.AtMost {
		s.limits = append(s.limits, s.q("--"+r.Name+"="+bound(r.Soft)+":"+bound(r.Hard)))
		return nil
	}
	v := "boxfile_limit_" + r.Name
	s.limits = append(s.limits, `"$`+v+`"`)
	return s.line(&s.settle, fmt.Sprintf("%s=$(boxfile_least %s %s %s) || exit 125", v, s.q(r.Name), bound(r.Soft), bound(r.Hard)))
}

func (s *script) Umask(u *plan.Umask) error {
	s.umask = s.q(u.Mask)
	return nil
}

func (s *script) Groups(g *plan.Groups) error {
	switch {
	case g.Kept:
	case len(g.GIDs) == 0:
		s.setpriv = append(s.setpriv, "--clear-groups")
	default:
		list := make([]string, len(g.GIDs))
		for i, n := range g.GIDs {
			list[i] = number(uint64(n))
		}
		s.setpriv = append(s.setpriv, "--groups="+strings.Join(list, ","))
	}
	return nil
}

func (s *script) User(u *plan.User) error {
	s.user = u.UID
	s.setpriv = append(s.setpriv, fmt.Sprintf("--reuid=%d", u.UID), fmt.Sprintf("--regid=%d", u.GID))
	return nil
}

func (s *script) Workdir(w *plan.Workdir) error {
	s.workdir = s.path(w.Path)
	return nil
}

func (s *script) Capabilities(c *plan.Capabilities) error {
	s.caps = c
	return nil
}

func (s *script) NoNewPrivs(*plan.NoNewPrivs) error {
	s.setpriv = append(s.setpriv, "--no-new-privs")
	return nil
}

// Keyring has no tool of util-linux.
func (s *script) Keyring(*plan.Keyring) error {
	s.refuse("a script cannot join a session keyring: run boxfile up")
	return nil
}

// Landlock has a tool only in the newest util-linux, which knows fewer rules.
func (s *script) Landlock(*plan.Landlock) error {
	s.refuse("a script cannot use Landlock: run boxfile up")
	return nil
}

// Seccomp is out of reach: no tool of util-linux takes rules. A script goes on
// without it for those alone who have said so.
func (s *script) Seccomp(*plan.Seccomp) error {
	return s.line(&s.host, `[ "${BOXFILE_WITHOUT:-}" = seccomp ] || boxfile_die "a script cannot filter system calls: run boxfile up, or set BOXFILE_WITHOUT=seccomp to go without"`)
}

// TTY is in the header: on a terminal, the box has this one, which it does not control.
func (s *script) TTY(t *plan.TTY) error {
	if t.Required {
		s.refuse("a script cannot give the box a terminal of its own: run boxfile up, or write tty: auto to have the box use this one")
	}
	return nil
}

func (s *script) Init(*plan.Init) error { return nil } // boxfile_run

// Env exports a variable last of all. What it takes from the caller is put
// aside before the caller's environment goes.
func (s *script) Env(e *plan.Env) error {
	if !variable(e.Name) || strings.HasPrefix(strings.ToLower(e.Name), "boxfile_") || strings.HasPrefix(e.Name, "LD_") {
		s.refuse("a script cannot set the variable %s", literal(e.Name))
		return nil
	}
	aside := "boxfile_env_" + e.Name
	switch e.Pass {
	case "":
	case "tty":
		s.line(&s.pass, `if [ -t 0 ] && [ -t 1 ]; then `+aside+"=${"+e.Name+"-}; else "+aside+"=; fi")
		return s.line(&s.env, `[ -z "$`+aside+`" ] || export `+e.Name+`="$`+aside+`"`)
	default:
		s.line(&s.pass, aside+"=${"+e.Name+"-}")
		return s.line(&s.env, `[ -z "$`+aside+`" ] || export `+e.Name+`="$`+aside+`"`)
	}
	value := ""
	for _, p := range e.Value {
		if p.Secret == "" {
			value += s.q(p.Text)
			continue
		}
		if !variable(p.Secret) {
			s.refuse("a script cannot take the secret %s", literal(p.Secret))
			return nil
		}
		s.line(&s.host, "# set BOXFILE_SECRET_"+p.Secret+" to the value of the secret input "+p.Secret,
			`[ "${BOXFILE_SECRET_`+p.Secret+`+set}" = set ] || boxfile_die "BOXFILE_SECRET_`+p.Secret+` is not set"`)
		s.line(&s.pass, "boxfile_secret_"+p.Secret+"=$BOXFILE_SECRET_"+p.Secret)
		value += `"$boxfile_secret_` + p.Secret + `"`
	}
	return s.line(&s.env, "export "+e.Name+"="+value)
}

// variable reports whether a name is one that a shell can assign to.
func variable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

func (s *script) Exec(e *plan.Exec) error {
	var words []string
	for _, a := range e.Args {
		words = append(words, s.q(a))
	}
	s.args = strings.Join(words, " ")
	return nil
}

// tree says whether the tree that holds a path is one of our own, in which
// missing mount points may be made.
func (s *script) tree(target string) string {
	for p := path.Dir(target); ; p = path.Dir(p) {
		if own, ok := s.trees[p]; ok || p == "/" || p == "." {
			if own {
				return "own"
			}
			return "host"
		}
	}
}

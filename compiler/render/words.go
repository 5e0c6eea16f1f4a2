package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Words says what a step does, in one line.
func Words(s plan.Step) string {
	v := describe(s)
	out := strings.Join(v.words, " ")
	if v.block != "" {
		out += " " + literal(v.block)
	}
	return out
}

// words is the visitor that says what a step does. A word is never broken over
// two lines; block is text of several lines that follows the words.
type words struct {
	words []string
	block string
}

func describe(s plan.Step) *words {
	v := new(words)
	_ = s.Accept(v) // saying it cannot fail
	return v
}

// say adds the words of a format, whose verbs are all %s.
func (v *words) say(format string, args ...string) error {
	for _, w := range strings.Fields(format) {
		n := strings.Count(w, "%s")
		operands := make([]any, n)
		for i := range operands {
			operands[i] = args[i]
		}
		args = args[n:]
		v.words = append(v.words, fmt.Sprintf(w, operands...))
	}
	return nil
}

// list adds words divided by commas, or a word for none.
func (v *words) list(none string, list []string) {
	if len(list) == 0 {
		v.words = append(v.words, none)
	}
	for i, s := range list {
		if i < len(list)-1 {
			s += ","
		}
		v.words = append(v.words, s)
	}
}

// text adds a string that may have several lines.
func (v *words) text(s string) {
	if strings.Contains(s, "\n") && plain(s) {
		v.block = s
		return
	}
	v.words = append(v.words, literal(s))
}

func (v *words) CreateSource(s *plan.CreateSource) error {
	what := "an empty file"
	if s.Type == "dir" {
		what = "the directory"
	}
	return v.say("make "+what+" %s if it is missing", literal(s.Path))
}

func (v *words) Keep(s *plan.Keep) error {
	return v.say("keep writes in %s: make it if it is missing, and lock it", literal(s.Dir))
}

func (v *words) IDMapRanges(s *plan.IDMapRanges) error {
	if s.Mode == "subuid" {
		return v.say("map box id 0 to the caller, and ids from 1 on to the caller's subordinate ids")
	}
	v.say("map ids, box = host:")
	v.list("", append(ranges("uid", s.UIDs), ranges("gid", s.GIDs)...))
	return nil
}

func ranges(what string, list []plan.IDRange) []string {
	if len(list) == 0 {
		return []string{"no " + what}
	}
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = what + " " + span(r.Box, r.Size) + " = " + span(r.Host, r.Size)
	}
	return out
}

func span(first, size uint32) string {
	if size <= 1 {
		return number(uint64(first))
	}
	return number(uint64(first)) + "-" + number(uint64(first)+uint64(size)-1)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func (v *words) CloseFDs(*plan.CloseFDs) error {
	return v.say("close every descriptor but 0, 1 and 2")
}

func (v *words) Session(*plan.Session) error {
	return v.say("begin a session without a terminal of its own")
}

func (v *words) Unshare(s *plan.Unshare) error {
	v.say("enter new namespaces:")
	v.list("none", literals(s.Namespaces))
	if slices.Contains(s.Namespaces, "user") {
		v.last(";")
		return v.say("in them no further cgroup namespace")
	}
	return nil
}

func (v *words) Join(s *plan.Join) error {
	return v.say("join the %s namespace at %s, and share it with whoever is there", literal(s.Namespace), literal(s.Path))
}

func (v *words) Clocks(s *plan.Clocks) error {
	return v.say("set boottime %s and monotonic %s ahead", plan.Duration(s.Boottime), plan.Duration(s.Monotonic))
}

func (v *words) IDMap(s *plan.IDMap) error {
	return v.say("the caller is %s:%s in the box; nobody else exists there", number(uint64(s.UID)), number(uint64(s.GID)))
}

func (v *words) Propagation(s *plan.Propagation) error {
	return v.say("make every mount %s", literal(s.Mode))
}

func (v *words) Hostname(s *plan.Hostname) error {
	return v.say("set the host name to %s", literal(s.Name))
}

func (v *words) Loopback(*plan.Loopback) error { return v.say("bring up the interface lo") }

func (v *words) Publish(s *plan.Publish) error {
	host := ports(s.Host, s.Count)
	if s.Host == 0 {
		host = "any free port"
	}
	_ = v.say("listen at %s on %s "+host+", which leads to "+ports(s.Box, s.Count)+" of the box", literal(s.Address), literal(s.Protocol))
	switch {
	case s.Address == "0.0.0.0" || s.Address == "::":
		return v.say("and is open to every network that reaches this machine")
	case !strings.HasPrefix(s.Address, "127.") && s.Address != "::1":
		return v.say("and is open to the network of that address")
	}
	return nil
}

func (v *words) Outbound(s *plan.Outbound) error {
	_ = v.say("connect the box to the networks that this machine reaches, by pasta or slirp4netns: not to its loopback, and nothing to the box")
	if s.DNS != "" {
		return v.say("and let name servers answer at %s", literal(s.DNS))
	}
	return nil
}

func (v *words) BlockLoopback(*plan.BlockLoopback) error {
	return v.say("let nothing leave the box for 127.0.0.0/8")
}

// ports are count ports in a row.
func ports(first, count uint16) string {
	if count > 1 {
		return fmt.Sprintf("ports %d to %d", first, int(first)+int(count)-1)
	}
	return fmt.Sprintf("port %d", first)
}

func (v *words) PortAddress(s *plan.PortAddress) error {
	_ = v.say("give lo the address")
	v.list("none", literals(s.Box))
	_ = v.say("for published ports, where clients of tcp keep their own address, and those on this machine's loopback are")
	v.list("none", literals(s.Host))
	if s.UDP != "" {
		return v.say("and clients of udp one each of %s", literal(s.UDP))
	}
	return nil
}

func (v *words) PivotRoot(*plan.PivotRoot) error {
	return v.say("make the rootfs / and let go of the host's")
}

func (v *words) Chroot(*plan.Chroot) error { return v.say("make the rootfs / by chroot") }

func (v *words) Rlimit(s *plan.Rlimit) error {
	v.say("limit %s to", literal(s.Name))
	if soft, hard := bound(s.Soft), bound(s.Hard); soft == hard {
		v.say("%s", soft)
	} else {
		v.say("%s (hard: %s)", soft, hard)
	}
	if s.AtMost {
		v.say("or the caller's limit, if lower")
	}
	return nil
}

func bound(n *uint64) string {
	if n == nil {
		return "unlimited"
	}
	return number(*n)
}

func (v *words) Umask(s *plan.Umask) error { return v.say("set the umask to %s", literal(s.Mask)) }

func (v *words) Groups(s *plan.Groups) error {
	if s.Kept {
		return v.say("keep the caller's supplementary groups, as the kernel demands")
	}
	list := make([]string, len(s.GIDs))
	for i, g := range s.GIDs {
		list[i] = number(uint64(g))
	}
	v.say("set the supplementary groups:")
	v.list("none", list)
	return nil
}

func (v *words) User(s *plan.User) error {
	return v.say("become %s:%s", number(uint64(s.UID)), number(uint64(s.GID)))
}

func (v *words) Workdir(s *plan.Workdir) error { return v.say("start in %s", literal(s.Path)) }

func (v *words) Capabilities(s *plan.Capabilities) error {
	sets := []struct {
		name string
		list []string
	}{{"bounding", s.Bounding}, {"permitted", s.Permitted}, {"effective", s.Effective}, {"inheritable", s.Inheritable}, {"ambient", s.Ambient}}
	for len(sets) > 0 { // sets that are equal are said together
		names, rest := []string{}, sets[:0:0]
		for _, o := range sets {
			if slices.Equal(o.list, sets[0].list) {
				names = append(names, o.name)
			} else {
				rest = append(rest, o)
			}
		}
		if len(names) == 5 {
			names = []string{"all five sets"}
		}
		if len(v.words) > 0 {
			v.words[len(v.words)-1] += ";"
		}
		v.say(strings.Join(names, ", ") + ":")
		v.list("none", literals(sets[0].list))
		sets = rest
	}
	return nil
}

func (v *words) NoNewPrivs(*plan.NoNewPrivs) error {
	return v.say("never gain privileges from here on")
}

func (v *words) Keyring(*plan.Keyring) error {
	return v.say("join a session keyring of its own")
}

// Landlock lists what stays writable.
func (v *words) Landlock(s *plan.Landlock) error {
	v.say("let Landlock (ABI %s) refuse writes but to:", strconv.Itoa(s.ABI))
	var paths []string
	for _, p := range s.Write {
		paths = append(paths, p.Path)
	}
	v.list("nothing", literals(append(paths, s.Devices...)))
	if s.BestEffort {
		v.words[len(v.words)-1] += ";"
		v.say("an older kernel does what it can")
	}
	return nil
}

// Seccomp names the default profile, and counts the rules of another.
func (v *words) Seccomp(s *plan.Seccomp) error {
	if s.Digest != "" {
		return v.say("refuse system calls that boxes do not need (default profile)")
	}
	v.say("refuse system calls by")
	if s.Profile == "default" {
		v.say("the default profile with what the capabilities are for,")
	} else {
		v.say("profile %s,", literal(s.Profile))
	}
	v.say("%s rules;", strconv.Itoa(len(s.Rules)))
	if s.Otherwise != nil {
		v.say("otherwise %s", literal(s.Otherwise.Action))
		if s.Otherwise.Action == "errno" {
			v.say("%s", strconv.Itoa(int(s.Otherwise.Errno)))
		}
	}
	return nil
}

func (v *words) TTY(s *plan.TTY) error {
	if s.Required {
		return v.say("a terminal of the box's own; standard input has to be one")
	}
	return v.say("a terminal of the box's own, if standard input and output are one")
}

func (v *words) Init(*plan.Init) error {
	return v.say("process 1 is boxfile's own: it forwards signals and reaps orphans")
}

func (v *words) Env(s *plan.Env) error {
	v.say("%s", literal(s.Name)+" =")
	switch s.Pass {
	case "":
	case "tty":
		return v.say("(caller's %s, on a terminal of its own)", literal(s.Name))
	default:
		return v.say("(caller's %s)", literal(s.Name))
	}
	if len(s.Value) == 0 {
		return v.say(`""`)
	}
	if len(s.Value) == 1 && s.Value[0].Secret == "" {
		v.text(s.Value[0].Text)
		return nil
	}
	for _, p := range s.Value {
		if p.Secret != "" {
			v.say("(secret input %s)", literal(p.Secret))
		} else {
			v.words = append(v.words, literal(p.Text))
		}
	}
	return nil
}

func (v *words) Exec(s *plan.Exec) error {
	if n := len(s.Args); n > 0 {
		v.words = append(v.words, literals(s.Args[:n-1])...)
		v.text(s.Args[n-1])
	}
	return nil
}

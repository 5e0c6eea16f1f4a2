package diff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The steps of the box side that are about the process and what it may do.

func (d describer) CloseFDs(*plan.CloseFDs) error {
	d.is("descriptors", "but 0, 1 and 2 are closed", takes)
	return nil
}

func (d describer) Session(*plan.Session) error {
	d.is("session", "of the box's own", takes)
	return nil
}

func (d describer) Unshare(s *plan.Unshare) error {
	d.is("namespaces", "of the box's own", takes)
	d.lead = "namespace"
	for _, n := range s.Namespaces {
		d.attrs = append(d.attrs, namespace(n, value{text: "the box's own", rank: 2 * takes}))
	}
	return nil
}

// namespace is told with the new ones, wherever it comes from: one that is joined is
// narrower than the host's, and wider than one of the box's own.
func namespace(name string, v value) attr {
	return attr{about: plan.Literal(name) + ":", key: name, value: v, none: value{text: "the host's"}}
}

func (d describer) Join(s *plan.Join) error {
	d.is("joined:", plan.Literal(s.Namespace)+" namespace "+plan.Literal(s.Path), says, s.Namespace)
	d.lead = "joined: " + plan.Literal(s.Namespace) + " namespace"
	d.attrs = append(d.attrs, attr{key: s.Path, value: value{text: plan.Literal(s.Path), rank: grants}, aside: true})
	return nil
}

func (d describer) Clocks(s *plan.Clocks) error {
	d.is("clocks", "ahead of the host's", says)
	d.lead = "clocks ahead of the host's:"
	d.has("boottime", value{text: plan.Duration(s.Boottime)})
	d.has("monotonic", value{text: plan.Duration(s.Monotonic)})
	return nil
}

func (d describer) IDMap(s *plan.IDMap) error {
	d.is("user", "who runs boxfile, and nobody else", says)
	d.ids(s.UID, s.GID)
	return nil
}

func (d describer) User(s *plan.User) error {
	d.is("user", "in the box", says)
	d.ids(s.UID, s.GID)
	return nil
}

// ids ranks root above everybody else.
func (d describer) ids(uid, gid uint32) {
	id := func(n uint32) value {
		v := value{text: number(uint64(n))}
		if n == 0 {
			v.rank = 1
		}
		return v
	}
	d.lead = "user:"
	d.has("uid", id(uid))
	d.has("gid", id(gid))
}

func (d describer) Groups(s *plan.Groups) error {
	d.is("groups", "of the user", says)
	d.lead = "groups"
	var words []string
	for _, g := range s.GIDs {
		words = append(words, number(uint64(g)))
	}
	d.sets("", grants, words)
	d.attrs = append(d.attrs, attr{about: "of the caller's:", key: "kept", value: switched(s.Kept, "kept", "dropped")})
	return nil
}

func (d describer) Hostname(s *plan.Hostname) error {
	d.is("host name", plan.Literal(s.Name), says)
	d.lead = "host name"
	d.attrs = append(d.attrs, attr{key: "name", value: word(s.Name), aside: true})
	return nil
}

func (d describer) Loopback(*plan.Loopback) error {
	d.is("interface", "lo", says)
	return nil
}

func (d describer) PortAddress(s *plan.PortAddress) error {
	d.is("addresses", "for published ports", says)
	d.with = "publish"
	d.lead = "addresses for published ports:"
	d.attrs = append(d.attrs,
		attr{about: "of the box", key: "box", value: value{text: strings.Join(plan.Literals(s.Box), ", ")}},
		attr{about: "of this machine", key: "host", value: value{text: strings.Join(plan.Literals(s.Host), ", ")}},
		attr{about: "of clients of udp", key: "udp", value: word(s.UDP)})
	return nil
}

func (d describer) BlockLoopback(*plan.BlockLoopback) error {
	d.is("packets for 127.0.0.0/8", "cannot leave the box", takes)
	d.with = "outbound"
	return nil
}

func (d describer) Rlimit(s *plan.Rlimit) error {
	d.is("rlimit", plan.Literal(s.Name), takes, s.Name)
	if s.Soft == nil && s.Hard == nil {
		d.grants = says
	}
	d.lead = "rlimit " + plan.Literal(s.Name)
	d.attrs = append(d.attrs,
		attr{about: "soft", key: "soft", value: amount(s.Soft, number)},
		attr{about: "hard", key: "hard", value: amount(s.Hard, number)},
		attr{about: "where the caller's is lower:", key: "most", value: switched(!s.AtMost, "raised", "left"), aside: true})
	return nil
}

func (d describer) Umask(s *plan.Umask) error {
	d.is("umask", plan.Literal(s.Mask), takes)
	d.lead = "umask"
	v := word(s.Mask)
	if mask, err := strconv.ParseUint(s.Mask, 8, 12); err == nil {
		v.bits = ^mask & 0o777 // what it leaves to others
		v.when = number(v.bits)
	}
	d.attrs = append(d.attrs, attr{key: "mask", value: v, aside: true})
	return nil
}

func (d describer) Workdir(s *plan.Workdir) error {
	d.is("directory to start in", plan.Literal(s.Path), says)
	d.lead = "directory to start in"
	d.attrs = append(d.attrs, attr{key: "path", value: word(s.Path), aside: true})
	return nil
}

// Capabilities is told by capability, each with the sets that it is in.
func (d describer) Capabilities(s *plan.Capabilities) error {
	d.is("capabilities", "are set", takes)
	d.lead = "capability"
	in := map[string]uint64{}
	for i, list := range [...][]string{s.Bounding, s.Permitted, s.Effective, s.Inheritable, s.Ambient} {
		for _, c := range list {
			in[c] |= 1 << i
		}
	}
	var list []string
	for c := range in {
		list = append(list, c)
	}
	slices.Sort(list)
	for _, c := range list {
		sets := s.Sets(c)
		if len(sets) == 5 {
			sets = []string{"all five sets"}
		}
		text := plan.Literal(c)
		d.attrs = append(d.attrs, attr{key: c, value: value{text: text + " (" + strings.Join(sets, ", ") + ")", bits: in[c]}})
	}
	return nil
}

func (d describer) NoNewPrivs(*plan.NoNewPrivs) error {
	d.is("no_new_privs:", "never gain privileges", takes)
	return nil
}

func (d describer) Keyring(*plan.Keyring) error {
	d.is("session keyring", "of the box's own", takes)
	d.with = "seccomp"
	return nil
}

func (d describer) Landlock(s *plan.Landlock) error {
	d.is("landlock:", "a second wall of the same mounts", takes)
	d.lead = "landlock:"
	d.has("ABI", value{text: strconv.Itoa(s.ABI), rank: -int64(s.ABI)})
	d.has("an older kernel", switched(s.BestEffort, "does what it can", "stops the run"))
	for _, p := range s.Write {
		d.attrs = append(d.attrs, attr{about: "write to", key: "w" + p.Path, value: value{text: plan.Literal(p.Path), rank: grants}, aside: true},
			attr{about: "write to " + plan.Literal(p.Path) + ", which, if missing,", key: "o" + p.Path, value: optional(p.Optional, says), none: optional(false, says), aside: true})
	}
	for _, a := range set("device", grants, s.Devices) {
		a.aside = true
		d.attrs = append(d.attrs, a)
	}
	return nil
}

func (d describer) TTY(s *plan.TTY) error {
	d.is("tty:", "a terminal of the box's own", says)
	d.lead = "tty:"
	d.has("without one of the caller's", switched(!s.Required, "the box has none", "nothing runs"))
	d.attrs[0].value.rank, d.attrs[0].none.rank = 0, 0
	return nil
}

func (d describer) Init(*plan.Init) error {
	d.is("init:", "process 1 is boxfile's own", says)
	return nil
}

func (d describer) Env(s *plan.Env) error {
	d.is("environment", plan.Literal(s.Name), says, s.Name)
	d.lead = "environment " + plan.Literal(s.Name) + ":"
	v := value{}
	var parts []string
	for _, p := range s.Value {
		switch {
		case p.Secret != "":
			parts, v.rank = append(parts, "(secret input "+plan.Literal(p.Secret)+")"+textOf(p.Text)), 2
		default:
			parts = append(parts, plan.Literal(p.Text))
		}
	}
	v.text = strings.Join(parts, " ")
	switch {
	case s.Pass == "tty":
		v.text, v.rank = strings.TrimSpace("the caller's, on a terminal "+v.text), 1
	case s.Pass != "":
		v.text, v.rank = strings.TrimSpace("the caller's "+v.text), 2
		if s.Pass != "always" {
			v.text += " " + plan.Literal(s.Pass)
		}
	case v.text == "":
		v.text = `""`
	}
	d.grants = min(v.rank, grants)
	d.name += " = " + v.text
	d.attrs = append(d.attrs, attr{key: "value", value: v, aside: true})
	return nil
}

func textOf(s string) string {
	if s == "" {
		return ""
	}
	return plan.Literal(s)
}

func (d describer) Exec(s *plan.Exec) error {
	line := strings.Join(plan.Literals(s.Args), " ")
	d.is("command", line, says)
	d.lead = "command:"
	d.attrs = append(d.attrs, attr{key: "args", value: value{text: line}, aside: true})
	return nil
}

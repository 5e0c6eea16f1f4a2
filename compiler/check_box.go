package compiler

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/seccomp"
)

// What the steps of the process come from.

func (o *origin) CloseFDs(*plan.CloseFDs) error { return nil }

func (o *origin) Session(*plan.Session) error { return nil }

func (o *origin) Unshare(s *plan.Unshare) error {
	o.shares = map[string]bool{}
	for _, n := range s.Namespaces {
		o.shares[n] = true
	}
	for _, n := range []string{"user", "pid", "ipc", "uts", "cgroup"} {
		if !o.shares[n] && o.joins[n] == "" {
			o.section("namespaces")[n] = "host"
		}
	}
	return nil
}

func (o *origin) Join(s *plan.Join) error {
	if o.joins == nil {
		o.joins = map[string]string{}
	}
	o.joins[s.Namespace] = s.Path
	if s.Namespace != "network" {
		o.section("namespaces")[s.Namespace] = map[string]any{"join": s.Path}
	}
	return nil
}

func (o *origin) Clocks(s *plan.Clocks) error {
	o.section("namespaces")["time"] = map[string]any{"boottime": plan.Duration(s.Boottime), "monotonic": plan.Duration(s.Monotonic)}
	return nil
}

func (o *origin) TTY(s *plan.TTY) error {
	o.doc["tty"] = "auto"
	if s.Required {
		o.doc["tty"] = true
	}
	return nil
}

func (o *origin) IDMap(s *plan.IDMap) error { return o.user(s.UID, s.GID) }

func (o *origin) User(s *plan.User) error { return o.user(s.UID, s.GID) }

func (o *origin) user(uid, gid uint32) error {
	o.doc["user"] = decimal(uid) + ":" + decimal(gid)
	return nil
}

func (o *origin) Groups(s *plan.Groups) error {
	for _, g := range s.GIDs {
		o.add("groups", g)
	}
	return nil
}

func (o *origin) Hostname(s *plan.Hostname) error {
	o.doc["hostname"] = s.Name
	return nil
}

func (o *origin) Loopback(*plan.Loopback) error { return nil }

func (o *origin) PortAddress(*plan.PortAddress) error { return nil }

func (o *origin) BlockLoopback(*plan.BlockLoopback) error { return nil }

func (o *origin) Rlimit(s *plan.Rlimit) error {
	if !s.AtMost { // those are boxfile's own
		o.section("rlimits")[s.Name] = map[string]any{"soft": unlimitedOr(s.Soft), "hard": unlimitedOr(s.Hard)}
	}
	return nil
}

func (o *origin) Umask(s *plan.Umask) error {
	o.doc["umask"] = s.Mask
	return nil
}

func (o *origin) Workdir(s *plan.Workdir) error {
	o.doc["workdir"] = s.Path
	return nil
}

func (o *origin) Capabilities(s *plan.Capabilities) error {
	switch {
	case len(s.Bounding) == 0:
	case slices.Equal(s.Bounding, defaultCapabilities[:]) && len(s.Permitted) == 0:
		o.security["capabilities"] = "default"
	default:
		o.security["capabilities"] = stringList(s.Bounding)
	}
	return nil
}

func (o *origin) NoNewPrivs(*plan.NoNewPrivs) error {
	o.noNew = true
	return nil
}

func (o *origin) Keyring(*plan.Keyring) error { return nil }

func (o *origin) Landlock(s *plan.Landlock) error {
	o.security["landlock"] = true
	if s.BestEffort {
		o.security["landlock"] = "best-effort"
	}
	return nil
}

func (o *origin) Seccomp(s *plan.Seccomp) error {
	o.filtered = true
	o.security["seccomp"] = s.Profile
	if s.Profile == "default" {
		return nil
	}
	var err error
	o.profile, err = json.Marshal(seccomp.Profile(s))
	return err
}

func (o *origin) Init(*plan.Init) error {
	o.init = true
	return nil
}

func (o *origin) Env(s *plan.Env) error {
	switch s.Pass {
	case "":
	case "tty": // boxfile's own
		return nil
	default:
		o.add("env_pass", s.Name)
		return nil
	}
	var text strings.Builder
	secret := false
	for _, p := range s.Value {
		if p.Secret == "" {
			text.WriteString(o.quoted(p.Text))
			continue
		}
		secret = true
		o.secrets[p.Secret] = map[string]any{"secret": true}
		text.WriteString("${{ inputs." + p.Secret + " }}")
	}
	o.section("env")[s.Name] = use(text.String())
	if !secret {
		o.section("env")[s.Name] = plainText(s.Value)
	}
	return nil
}

// quoted is text beside a secret, of which none of its own may be taken for the use of one.
func (o *origin) quoted(s string) string {
	if !strings.Contains(s, "$") {
		return s
	}
	name := o.unused()
	o.inputs[name] = s
	return "${{ inputs." + name + " }}"
}

func plainText(parts []plan.EnvPart) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func (o *origin) Exec(s *plan.Exec) error {
	o.doc["command"] = stringList(s.Args)
	return nil
}

// finish writes what no single step says.
func (o *origin) finish() {
	if o.section("rootfs")["write"] == nil {
		delete(o.doc, "rootfs")
	}
	for key, def := range map[string]any{"proc": "none", "sys": "none", "tty": false} {
		if o.doc[key] == nil {
			o.doc[key] = def
		}
	}
	o.doc["init"] = o.init
	o.security["no_new_privs"] = o.noNew
	if !o.filtered {
		o.security["seccomp"] = "none"
	}
	network := map[string]any{"mode": "none"}
	switch {
	case o.joins["network"] != "":
		network = map[string]any{"join": o.joins["network"]}
		if len(o.dns) > 0 {
			network["dns"] = o.dns
		}
	case !o.shares["network"]:
		network["mode"] = "host"
	case o.outbound != nil:
		network["mode"] = "outbound"
		if o.outbound.DNS == "" {
			network["dns"] = o.dns
		}
	}
	if len(o.hosts) > 0 {
		network["hosts"] = o.hosts
	}
	o.doc["network"] = network
}

// waivers are what the file says of risks.
func (o *origin) waivers(list []plan.Waiver) {
	for _, w := range list {
		e := map[string]any{"risk": w.Risk, "reason": w.Reason}
		if w.Until != "" {
			e["until"] = w.Until
		}
		o.add("waive", e)
	}
}

// hostsOf and serversOf read back what the compiler writes into the box's files.
func hostsOf(content string) map[string]any {
	out := map[string]any{}
	for i, line := range strings.Split(strings.TrimSuffix(content, "\n"), "\n") {
		if address, name, ok := strings.Cut(line, "\t"); ok && i > 1 { // the first two are the box's own
			out[name] = address
		}
	}
	return out
}

func serversOf(content string) []any {
	var out []any
	for line := range strings.Lines(content) {
		if s, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "nameserver "); ok {
			out = append(out, s)
		}
	}
	return out
}

package schema

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

type node = yaml.Node

// decoder fills a Boxfile from a tree that the rules have passed, and checks
// what they cannot say.
type decoder struct {
	errs    *Collector
	box     *Boxfile
	secrets map[*node][]EnvPart
}

func (d *decoder) fail(at Pos, fix, format string, args ...any) {
	d.errs.Add(at, fix, format, args...)
}

func text(n *node, def string) Field[string] {
	if n == nil {
		return Field[string]{Value: def}
	}
	return Field[string]{n.Value, posOf(n)}
}

func boolean(n *node, def bool) Field[bool] {
	if n == nil {
		return Field[bool]{Value: def}
	}
	return Field[bool]{strings.EqualFold(n.Value, "true"), posOf(n)}
}

func texts(n *node) []Field[string] {
	if n == nil {
		return nil
	}
	out := make([]Field[string], len(n.Content))
	for i, c := range n.Content {
		out[i] = text(c, "")
	}
	return out
}

// integer reads a whole number. JSON Schema takes 1.0 for one; a Boxfile does not.
func (d *decoder) integer(n *node, name string) Field[int64] {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if digits := strings.TrimLeft(n.Value, "+-"); len(digits) > 1 && digits[0] == '0' && err == nil {
		d.fail(posOf(n), "write "+strings.TrimLeft(digits, "0"), "%s: the leading zero of %s could mean octal", name, short(n.Value))
	}
	if err != nil {
		d.fail(posOf(n), "write it with digits only", "%s is %s; possible are whole numbers up to 9223372036854775807", name, short(n.Value))
	}
	return Field[int64]{i, posOf(n)}
}

// document decodes the file, section by section. sound is the document without
// what the rules have refused already.
func (d *decoder) document(root, sound *node) {
	b := d.box
	get := func(key string) *node { return child(sound, key) }
	if n := get("boxfile"); n != nil {
		b.Version = d.integer(n, "boxfile")
	}
	b.Name = text(get("name"), "box")
	b.Description = text(get("description"), "")
	d.rootfs(get("rootfs"))
	b.Hostname = text(get("hostname"), b.Name.Value)
	if !b.Hostname.IsSet() {
		b.Hostname.Value = strings.TrimRight(strings.ReplaceAll(b.Name.Value, "_", "-"), ".-")
	}
	d.namespaces(get("namespaces"))
	d.network(get("network"))
	d.ports(get("ports"))
	d.idmap(get("idmap"))
	d.mounts(get("mounts"))
	b.Devices = texts(get("devices"))
	for _, f := range b.Devices {
		if !strings.HasPrefix(f.Value, "/dev/") {
			d.fail(f.Pos, "", "a device is a path below /dev, not %q", escape(short(f.Value)))
		} else {
			d.boxPath(f)
		}
	}
	b.Proc, b.Sys = text(get("proc"), "new"), text(get("sys"), "none")
	d.environment(get("env"), get("env_pass"))
	b.Workdir = text(get("workdir"), "/")
	d.boxPath(b.Workdir)
	d.user(get("user"))
	if n := get("groups"); n != nil {
		for _, g := range n.Content {
			b.Groups = append(b.Groups, d.integer(g, "a group"))
		}
	}
	b.Umask = d.octal(get("umask"), 0o022)
	d.rlimits(get("rlimits"))
	b.TTY = text(get("tty"), "auto")
	b.TTY.Value = strings.ToLower(b.TTY.Value)
	b.Init = boolean(get("init"), true)
	d.resources(root, get("resources"))
	d.timeout(root, get("timeout"), get("stop"))
	d.command(root, get("command"), get("shell"))
	d.security(get("security"))
	d.waive(get("waive"))
}

// pathBeside is the path of a key that may have a word in its place, perhaps one that is misspelt.
func (d *decoder) pathBeside(key string, f Field[string], words []string) {
	if near := Nearest(f.Value, words); near != "" && !strings.ContainsAny(f.Value, "./") {
		d.fail(f.Pos, "write "+near, "%s is %s or a path; did you mean %q?", key, strings.Join(words, ", "), near)
		return
	}
	d.hostPath(f)
}

func (d *decoder) hostPath(f Field[string]) {
	if wrong, fix := hostPath(f.Value); wrong != "" {
		d.fail(f.Pos, fix, "%q: %s", escape(short(f.Value)), wrong)
	}
}

func (d *decoder) boxPath(f Field[string]) {
	if wrong, fix := boxPath(f.Value); wrong != "" {
		d.fail(f.Pos, fix, "%q: %s", escape(short(f.Value)), wrong)
	}
}

func (d *decoder) octal(n *node, def uint32) Field[uint32] {
	if n == nil {
		return Field[uint32]{Value: def}
	}
	v, ok := parseOctal(n.Value)
	if !ok {
		d.fail(posOf(n), "", "%q is not octal", n.Value)
	}
	return Field[uint32]{v, posOf(n)}
}

func (d *decoder) rootfs(n *node) {
	r := &d.box.Rootfs
	r.Enter, r.Write = Field[string]{Value: "pivot_root"}, Write{Mode: "none"}
	if n == nil {
		r.Host.Value = true
		return
	}
	r.Pos = posOf(n)
	if n.Kind == yaml.ScalarNode {
		switch n.Value {
		case "host":
			r.Host = Field[bool]{true, r.Pos}
		case "empty":
			r.Empty = Field[bool]{true, r.Pos}
		default:
			r.Dir = text(n, "")
			d.pathBeside("rootfs", r.Dir, []string{"host", "empty"})
		}
		return
	}
	count := 0
	for _, key := range []string{"host", "empty", "dir"} {
		if child(n, key) != nil {
			count++
		}
	}
	if count != 1 {
		d.fail(r.Pos, "", "rootfs needs exactly one of host: true, empty: true and dir, and has %d", count)
	}
	r.Host, r.Empty = boolean(child(n, "host"), false), boolean(child(n, "empty"), false)
	if dir := child(n, "dir"); dir != nil {
		r.Dir = text(dir, "")
		d.hostPath(r.Dir)
	}
	r.Write = d.write(child(n, "write"))
	r.Enter = text(child(n, "enter"), "pivot_root")
}

func (d *decoder) write(n *node) Write {
	switch {
	case n == nil:
		return Write{Mode: "none"}
	case n.Kind == yaml.ScalarNode:
		return Write{Pos: posOf(n), Mode: n.Value}
	}
	w := Write{Pos: posOf(n), Mode: "keep", Keep: text(child(n, "keep"), "")}
	d.hostPath(w.Keep)
	return w
}

func (d *decoder) idmap(n *node) {
	m := &d.box.IDMap
	m.Mode = "caller"
	if n == nil {
		return
	}
	m.Pos = posOf(n)
	if n.Kind == yaml.ScalarNode {
		m.Mode = n.Value
		return
	}
	m.Mode = "ranges"
	m.UIDs, m.GIDs = d.ranges(child(n, "uids")), d.ranges(child(n, "gids"))
}

func (d *decoder) ranges(n *node) []IDRange {
	var out []IDRange
	for _, c := range n.Content {
		r := IDRange{posOf(c), d.integer(child(c, "box"), "box"), d.integer(child(c, "host"), "host"), d.integer(child(c, "size"), "size")}
		if r.Box.Value+r.Size.Value > 1<<32-1 || r.Host.Value+r.Size.Value > 1<<32-1 {
			d.fail(r.Pos, "", "the range goes beyond 4294967294, the last id there is")
		}
		out = append(out, r)
	}
	return out
}

func (d *decoder) user(n *node) {
	if n == nil {
		return
	}
	u := &d.box.User
	u.Pos = posOf(n)
	uid, gid, wrong, fix := parseIDs(n.Value)
	if wrong != "" {
		d.fail(u.Pos, fix, "user %q: %s", escape(short(n.Value)), wrong)
	}
	u.UID, u.GID = uid, gid
}

package schema

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// mountKeys says which types of mount a key belongs to. Keys that are not here belong to all.
var mountKeys = [...]struct {
	key   string
	types []string
}{
	{"source", []string{"bind", "symlink"}}, {"mode", []string{"bind", "tmpfs", "overlay", "proc", "sysfs", "devpts", "mqueue", "file"}},
	{"options", []string{"bind", "tmpfs", "overlay", "proc", "sysfs", "devpts", "mqueue"}}, {"size", []string{"tmpfs"}},
	{"perms", []string{"tmpfs", "file", "dir"}}, {"optional", []string{"bind"}}, {"create", []string{"bind"}},
	{"content", []string{"file"}}, {"lower", []string{"overlay"}}, {"write", []string{"overlay"}},
}

// mountNeeds are the keys that a type cannot do without.
var mountNeeds = [...]struct{ typ, key string }{{"bind", "source"}, {"symlink", "source"}, {"file", "content"}, {"overlay", "lower"}}

func (d *decoder) mounts(n *node) {
	if n == nil {
		return
	}
	d.box.Mounts = make([]Mount, 0, len(n.Content))
	for _, c := range n.Content {
		var m Mount
		if c.Kind == yaml.ScalarNode {
			m = d.shortMount(c)
		} else {
			m = d.longMount(c)
		}
		if m.Target.IsSet() {
			d.boxPath(m.Target)
		}
		d.box.Mounts = append(d.box.Mounts, m)
	}
}

// shortMount reads SOURCE:TARGET[:ro|rw].
func (d *decoder) shortMount(n *node) Mount {
	at := posOf(n)
	m := Mount{Pos: at, Type: Field[string]{Value: "bind"}, Mode: Field[string]{Value: "ro"}, Write: Write{Mode: "none"}}
	parts := strings.Split(n.Value, ":")
	if len(parts) == 3 && (parts[2] == "ro" || parts[2] == "rw") {
		m.Mode = Field[string]{parts[2], at}
		parts = parts[:2]
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		fix := "write {source: …, target: …} for paths with a colon"
		if len(parts) == 3 {
			fix = "the third part is ro or rw"
		}
		d.fail(at, fix, "%q is not SOURCE:TARGET, SOURCE:TARGET:ro or SOURCE:TARGET:rw", escape(short(n.Value)))
		return m
	}
	m.Source, m.Target = Field[string]{parts[0], at}, Field[string]{parts[1], at}
	d.hostPath(m.Source)
	return m
}

func (d *decoder) longMount(n *node) Mount {
	m := Mount{Pos: posOf(n), Type: text(child(n, "type"), "bind"), Target: text(child(n, "target"), "")}
	typ := m.Type.Value
	for _, k := range mountKeys {
		if v := child(n, k.key); v != nil && !slices.Contains(k.types, typ) {
			d.fail(keyPos(n, k.key), "", "%s does not go with type %s; it belongs to %s", k.key, typ, oneOfWords(k.types))
		}
	}
	for _, k := range mountNeeds {
		if k.typ == typ && child(n, k.key) == nil {
			d.fail(m.Pos, "", "a mount of type %s needs %s", typ, k.key)
		}
	}
	m.Source = text(child(n, "source"), "")
	if m.Source.IsSet() && typ == "bind" {
		d.hostPath(m.Source)
	}
	if m.Source.IsSet() && typ == "symlink" && len(m.Source.Value) > 4095 {
		d.fail(m.Source.Pos, "", "a link has at most 4095 bytes")
	}
	m.Options = texts(child(n, "options"))
	if s := child(n, "size"); s != nil {
		size, wrong, fix := parseSize(s.Value)
		if wrong == "" && size == 0 {
			wrong = "a tmpfs of size 0 would have no limit"
		}
		if wrong != "" {
			d.fail(posOf(s), fix, "size %q: %s", escape(short(s.Value)), wrong)
		}
		m.Size = Field[int64]{size, posOf(s)}
	}
	m.Perms = d.octal(child(n, "perms"), map[string]uint32{"tmpfs": 0o1777, "file": 0o644, "dir": 0o755}[typ])
	m.Optional = boolean(child(n, "optional"), false)
	m.Create = text(child(n, "create"), "")
	if m.Optional.Value && m.Create.IsSet() {
		d.fail(m.Create.Pos, "remove one of the two", "create makes the source that optional says may be missing")
	}
	m.Content = text(child(n, "content"), "")
	if strings.IndexByte(m.Content.Value, 0) >= 0 {
		d.fail(m.Content.Pos, "", "content has a NUL character")
	}
	m.Lower = texts(child(n, "lower"))
	for _, l := range m.Lower {
		d.hostPath(l)
	}
	m.Write = d.write(child(n, "write"))
	d.mode(&m, child(n, "mode"))
	return m
}

// mode fills in the default, and refuses an overlay that says two things.
func (d *decoder) mode(m *Mount, n *node) {
	def := "rw"
	switch m.Type.Value {
	case "bind", "file", "sysfs":
		def = "ro"
	case "overlay":
		if m.Write.Mode == "none" {
			def = "ro"
		}
	}
	m.Mode = text(n, def)
	if m.Type.Value == "overlay" && n != nil && m.Mode.Value != def {
		d.fail(m.Mode.Pos, "write: discard makes an overlay writable", "mode: %s contradicts write: %s", m.Mode.Value, m.Write.Mode)
	}
}

func keyPos(n *node, key string) Pos {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return posOf(n.Content[i])
		}
	}
	return posOf(n)
}

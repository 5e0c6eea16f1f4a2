package diff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The steps that build the box's tree.

const (
	readWrite = "read-write"
	readOnly  = "read-only"
)

func (d describer) Propagation(s *plan.Propagation) error {
	d.is("propagation", plan.Literal(s.Mode), takes)
	v := word(s.Mode)
	if s.Mode != "private" {
		v.rank = 1
	}
	d.has("", v)
	d.attrs[0].aside = true
	return nil
}

func (d describer) Rootfs(s *plan.Rootfs) error {
	tree, gives := "a generated tree", int64(grants)
	switch s.Type {
	case "tmpfs":
		gives = says
	case "dir":
		tree = "the tree " + plan.Literal(s.Source)
	default:
		tree = plan.Literal(s.Type) + " " + plan.Literal(s.Source)
	}
	d.is("rootfs", tree, gives)
	d.lead = "rootfs:"
	if gives == grants {
		d.attrs = append(d.attrs, attr{key: tree, value: value{text: tree, rank: grants}, aside: true})
	}
	d.has("", switched(!s.ReadOnly, readWrite, readOnly))
	d.writes(s.Write, s.Keep)
	d.sets("option", takes, s.Options)
	return nil
}

// writes is what becomes of writes to a tree.
func (d describer) writes(mode, keep string) {
	v := ranked(mode, "none", "discard", "keep")
	if mode == "keep" {
		v.text = "kept in " + plan.Literal(keep)
	} else if keep != "" {
		v.text += " " + plan.Literal(keep)
	}
	if mode == "" {
		v.text = ""
	}
	d.hasOrNot("writes:", v, value{})
}

func (d describer) System(s *plan.System) error {
	d.is("host path", plan.Literal(s.Path), grants, s.Path)
	d.many = true
	d.writes(s.Write, s.Keep)
	d.attrs[0].aside = s.Write == "none"
	return nil
}

func (d describer) Mount(s *plan.Mount) error {
	from := plan.Literal(s.Type)
	lead := from + " at " + plan.Literal(s.Target)
	switch s.Type {
	case "bind":
		from = plan.Literal(s.Source)
		lead = from
	case "overlay":
		from = "overlay of " + strings.Join(plan.Literals(s.Lower), ", ")
	}
	// what shows at the target is one thing less and another more where it comes from elsewhere
	key := append([]string{s.Target, s.Type, s.Source}, slices.Sorted(slices.Values(s.Lower))...)
	d.is("mount", from+" at "+plan.Literal(s.Target), grants, strings.Join(key, "\x00"))
	d.lead = "mounts " + lead + ":"
	d.has("", switched(!s.ReadOnly, readWrite, readOnly))
	d.attrs = append(d.attrs, attr{about: "layers", key: "layers", value: value{text: strings.Join(plan.Literals(s.Lower), ", ")}, aside: true})
	if s.Type == "overlay" || s.Write != "" || s.Keep != "" {
		d.writes(s.Write, s.Keep)
	}
	d.sets("option", takes, s.Options)
	of := value{text: "half of memory", rank: unlimited}
	if s.Size != 0 {
		of = value{text: size(s.Size), rank: s.Size}
	}
	d.attrs = append(d.attrs, attr{about: "size", key: "size", value: of, aside: s.Type != "tmpfs"})
	if s.Perms != "" {
		d.hasOrNot("perms", perms(s.Perms), value{text: "as the source has them"})
	}
	d.attrs = append(d.attrs, attr{about: "a missing source", key: "optional", value: optional(s.Optional, says), aside: !s.Optional})
	return nil
}

// optional is whether what is missing stops the run; rank is that of passing over it.
func optional(is bool, rank int64) value {
	if is {
		return value{text: "is passed over", rank: rank}
	}
	return value{text: "stops the run"}
}

// perms is a mode in octal, a set of permissions.
func perms(mode string) value {
	v := word(mode)
	if bits, err := strconv.ParseUint(mode, 8, 12); err == nil {
		// the sticky bit takes: others may not remove there what is not theirs
		v.bits = bits&^0o1000 | ^bits&0o1000
		v.when = number(v.bits)
	}
	return v
}

func size(n int64) string {
	if n < 0 {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return plan.Bytes(uint64(n))
}

func (d describer) File(s *plan.File) error {
	d.is("file", plan.Literal(s.Target), says, s.Target)
	d.many = true
	d.attrs = append(d.attrs, attr{about: "content", key: "content", value: word(s.Content), aside: true})
	d.has("", switched(!s.ReadOnly, readWrite, readOnly))
	d.has("perms", perms(s.Perms))
	return nil
}

func (d describer) Symlink(s *plan.Symlink) error {
	d.is("link", plan.Literal(s.Target), says, s.Target)
	d.has("to", word(s.Link))
	return nil
}

func (d describer) Dir(s *plan.Dir) error {
	d.is("directory", plan.Literal(s.Target), says, s.Target)
	d.many = true
	d.has("perms", perms(s.Perms))
	return nil
}

func (d describer) Dev(s *plan.Dev) error {
	d.is("/dev", "of the box's own", says)
	d.lead = "devices"
	d.sets("", grants, s.Nodes)
	d.attrs = append(d.attrs, attr{about: "shm:", key: "shm", value: value{text: size(s.ShmSize), rank: s.ShmSize}})
	return nil
}

func (d describer) Device(s *plan.Device) error {
	d.is("device", plan.Literal(s.Path), grants, s.Path)
	return nil
}

func (d describer) PivotRoot(*plan.PivotRoot) error {
	d.is("root entered by", "pivot_root, which lets go of the host's", takes)
	return nil
}

func (d describer) Chroot(*plan.Chroot) error {
	d.is("root entered by", "chroot", says)
	return nil
}

func (d describer) Mask(s *plan.Mask) error {
	d.covers("hidden", s.Paths, s.Optional)
	return nil
}

func (d describer) Readonly(s *plan.Readonly) error {
	d.covers("made read-only", s.Paths, s.Optional)
	return nil
}

// covers is a step that takes paths away.
func (d describer) covers(how string, paths []string, ifThere bool) {
	first := ""
	if len(paths) > 0 {
		first = paths[0]
	}
	d.is(how+":", strings.Join(plan.Literals(paths), ", "), takes, strings.Join(paths, "\x00")+"\x00"+strconv.FormatBool(ifThere), strings.Join(paths, "\x00"), first)
	d.lead = how + ":"
	d.sets("", takes, paths)
	for i := range d.attrs {
		d.attrs[i].aside = true
	}
	d.attrs = append(d.attrs, attr{about: "what is missing", key: "optional", value: optional(ifThere, grants), aside: !ifThere})
}

package render

import (
	"fmt"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// The words of the steps that build the box's tree.

func (v *words) Rootfs(s *plan.Rootfs) error {
	if s.Type == "dir" {
		v.say("the tree %s", literal(s.Source))
	} else {
		v.say("a generated tree")
	}
	v.write(s.Write, s.Keep)
	v.options(s.ReadOnly, s.Options)
	return nil
}

// write says what becomes of writes to a tree.
func (v *words) write(mode, keep string) {
	switch mode {
	case "none", "":
	case "discard":
		v.last(",")
		v.say("writes discarded")
	case "keep":
		v.last(",")
		v.say("writes kept in %s", literal(keep))
	default:
		v.say("write %s", literal(mode))
	}
}

func (v *words) last(s string) { v.words[len(v.words)-1] += s }

func (v *words) options(readOnly bool, list []string) {
	mode := "rw"
	if readOnly {
		mode = "ro"
	}
	v.say("[%s]", strings.Join(append([]string{mode}, literals(list)...), ","))
}

func (v *words) System(s *plan.System) error {
	v.say("%s as on the host, read-only", literal(s.Path))
	if s.Write != "none" {
		v.words = v.words[:len(v.words)-1]
		v.words[len(v.words)-1] = "host"
		v.write(s.Write, s.Keep)
	}
	return nil
}

func (v *words) Mount(s *plan.Mount) error {
	switch s.Type {
	case "bind":
		v.say("bind %s at %s", literal(s.Source), literal(s.Target))
	case "overlay":
		v.say("overlay of")
		v.list("nothing", literals(s.Lower))
		v.say("at %s", literal(s.Target))
		v.write(s.Write, s.Keep)
	default:
		v.say("%s at %s", literal(s.Type), literal(s.Target))
	}
	v.options(s.ReadOnly, s.Options)
	if s.Type == "tmpfs" && s.Size == 0 {
		v.say("size: half of memory")
	}
	if s.Size != 0 {
		v.say("size: %s", bytes(s.Size))
	}
	if s.Perms != "" {
		v.say("perms: %s", literal(s.Perms))
	}
	if s.Optional {
		v.say("if the source exists")
	}
	return nil
}

// bytes writes a size as a Boxfile would, where that is exact.
func bytes(n int64) string {
	for _, u := range []struct {
		shift uint
		name  string
	}{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d%s", n>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func (v *words) File(s *plan.File) error {
	v.say("%s", literal(s.Target))
	mode := "rw"
	if s.ReadOnly {
		mode = "ro"
	}
	v.say("[%s] perms: %s %s bytes:", mode, literal(s.Perms), number(uint64(len(s.Content))))
	if strings.HasSuffix(s.Content, "\n") && plain(s.Content) {
		v.block = s.Content
	} else {
		v.words = append(v.words, literal(s.Content))
	}
	return nil
}

func (v *words) Symlink(s *plan.Symlink) error {
	return v.say("link %s -> %s", literal(s.Target), literal(s.Link))
}

func (v *words) Dir(s *plan.Dir) error {
	return v.say("directory %s perms: %s", literal(s.Target), literal(s.Perms))
}

func (v *words) Dev(s *plan.Dev) error {
	v.say("a /dev of its own:")
	v.list("no devices", literals(s.Nodes))
	v.last(",")
	return v.say("a pts and links of its own, and a shm of %s", bytes(s.ShmSize))
}

func (v *words) Device(s *plan.Device) error { return v.say("add the device %s", literal(s.Path)) }

func (v *words) Mask(s *plan.Mask) error {
	v.say("hide")
	return v.paths(s.Paths, s.Optional)
}

func (v *words) Readonly(s *plan.Readonly) error {
	v.say("read-only:")
	return v.paths(s.Paths, s.Optional)
}

func (v *words) paths(list []string, optional bool) error {
	v.list("nothing", literals(list))
	if optional {
		v.say("(those that exist)")
	}
	return nil
}

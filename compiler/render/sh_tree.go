package render

import (
	"fmt"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// What a script does for the steps that build the box's tree.

func (s *script) Rootfs(r *plan.Rootfs) error {
	s.trees["/"] = true
	options := s.q(strings.Join(r.Options, ","))
	switch {
	case r.Type == "tmpfs" && r.Write != "keep":
		s.line(&s.build, "boxfile_do mount -i -t tmpfs -o "+joined(s.q("mode=0755"), options)+` tmpfs "$boxfile_root"`)
		if r.ReadOnly {
			s.sealed["/"] = true
			s.line(&s.seal, `boxfile_do mount -i -o `+joined("remount,bind,ro", options)+` "$boxfile_root"`)
		}
		return nil
	case r.Type == "tmpfs":
		return s.line(&s.build, "boxfile_number", s.overlay("/", "own", options, r.Write, r.Keep, `"$boxfile_scratch/$boxfile_n"`))
	case r.Write != "none":
		return s.line(&s.build, s.overlay("/", "own", options, r.Write, r.Keep, s.source(r.Source)))
	}
	s.trees["/"] = false
	if r.ReadOnly {
		options = joined("ro", options)
	}
	return s.line(&s.build, "boxfile_bind "+s.source(r.Source)+" / host "+options)
}

// joined joins quoted option lists, of which any may be empty.
func joined(lists ...string) string {
	var out []string
	for _, l := range lists {
		if l != "" && l != "''" {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return "''"
	}
	return strings.Join(out, ",")
}

func (s *script) overlay(target, tree, options, write, keep string, lower ...string) string {
	upper := s.q(write)
	if write == "keep" {
		upper = s.kept(keep, target)
	}
	return fmt.Sprintf("boxfile_overlay %s %s %s %s %s", s.path(target), tree, options, upper, strings.Join(lower, " "))
}

// kept is the directory below a kept one for what is written to one target.
func (s *script) kept(keep, target string) string {
	name := "root"
	if target != "/" {
		name = strings.NewReplacer("_", "__", "/", "_").Replace(strings.TrimPrefix(target, "/"))
	}
	return s.source(keep) + "/" + s.path(name)
}

func (s *script) System(y *plan.System) error {
	upper := s.q(y.Write)
	if y.Write == "keep" {
		upper = s.kept(y.Keep, y.Path)
	}
	tree := s.tree(y.Path)
	s.trees[y.Path] = y.Write != "none"
	return s.line(&s.build, fmt.Sprintf("boxfile_system %s %s %s", s.path(y.Path), tree, upper))
}

func (s *script) Mount(m *plan.Mount) error {
	target, tree := s.path(m.Target), s.tree(m.Target)
	options := s.q(strings.Join(m.Options, ","))
	if m.ReadOnly {
		options = joined("ro", options)
	}
	s.trees[m.Target] = false
	switch m.Type {
	case "bind":
		source := s.source(m.Source)
		do := fmt.Sprintf("boxfile_bind %s %s %s %s", source, target, tree, options)
		if m.Optional {
			do = fmt.Sprintf("if [ -e %s ] || [ -L %s ]; then %s; fi", source, source, do)
		}
		return s.line(&s.build, do)
	case "overlay":
		lower := make([]string, len(m.Lower))
		for i, l := range m.Lower {
			lower[i] = s.source(l)
		}
		return s.line(&s.build, s.overlay(m.Target, tree, options, m.Write, m.Keep, lower...))
	case "tmpfs":
		s.trees[m.Target] = true
		return s.tmpfs(m, target, tree)
	case "proc":
		s.proc = true
	}
	if m.Type == "devpts" {
		options = joined(options, "newinstance,mode=0620,ptmxmode=0666")
	}
	return s.line(&s.build, "boxfile_dir "+target+" "+tree, fmt.Sprintf(`boxfile_do mount -i -t %s -o %s %s "$boxfile_to"`, s.q(m.Type), options, s.q(m.Type)))
}

// tmpfs is read-only only after what lies in it is there.
func (s *script) tmpfs(m *plan.Mount, target, tree string) error {
	options := s.q(strings.Join(m.Options, ","))
	with := options
	if m.Perms != "" {
		with = joined(with, s.q("mode="+m.Perms))
	}
	if m.Size != 0 {
		with = joined(with, fmt.Sprintf("size=%d", m.Size))
	}
	if m.ReadOnly {
		s.sealed[m.Target] = true
		s.line(&s.seal, "boxfile_at "+target, "boxfile_do mount -i -o "+joined("remount,bind,ro", options)+` "$boxfile_to"`)
	}
	return s.line(&s.build, "boxfile_dir "+target+" "+tree, "boxfile_do mount -i -t tmpfs -o "+with+` tmpfs "$boxfile_to"`)
}

// File is written in place where the tree is ours and as read-only as the file.
func (s *script) File(f *plan.File) error {
	tree, options := s.tree(f.Target), "''"
	cover := s.cover(f.Target)
	inPlace := tree == "own" && f.ReadOnly == s.sealed[cover] && (!f.ReadOnly || cover == "/")
	if !inPlace {
		options = "nosuid,nodev"
		if f.ReadOnly {
			options = "ro,nosuid,nodev"
		}
	}
	return s.line(&s.build, fmt.Sprintf("boxfile_file %s %s %s %s %s", s.path(f.Target), tree, s.q(f.Perms), options, s.q(f.Content)))
}

// cover is the target of the mount that holds a path.
func (s *script) cover(target string) string {
	for p := parent(target); ; p = parent(p) {
		if _, ok := s.trees[p]; ok || p == "/" {
			return p
		}
	}
}

func parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "/"
}

func (s *script) Symlink(l *plan.Symlink) error {
	if s.tree(l.Target) != "own" {
		s.refuse("a link cannot be made in a tree of the host: %s", literal(l.Target))
	}
	return s.line(&s.build, "boxfile_dir "+s.path(parent(l.Target))+" own", "boxfile_link "+s.path(l.Link)+" "+s.path(l.Target[strings.LastIndexByte(l.Target, '/')+1:]))
}

func (s *script) Dir(d *plan.Dir) error {
	if s.tree(d.Target) != "own" {
		s.refuse("a directory cannot be made in a tree of the host: %s", literal(d.Target))
	}
	return s.line(&s.build, "boxfile_dir "+s.path(d.Target)+" own", "boxfile_do chmod "+s.q(d.Perms)+` "$boxfile_to"`)
}

func (s *script) Dev(d *plan.Dev) error {
	lines := []string{"boxfile_dir /dev " + s.tree("/dev"), `boxfile_do mount -i -t tmpfs -o nosuid,noexec,nodev,mode=0755 tmpfs "$boxfile_to"`}
	for _, l := range [...][2]string{{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}} {
		lines = append(lines, "boxfile_do ln -s "+l[0]+` "$boxfile_to/`+l[1]+`"`)
	}
	for _, n := range d.Nodes {
		lines = append(lines, fmt.Sprintf("boxfile_bind %s %s own ''", s.path("/dev/"+n), s.path("/dev/"+n)))
	}
	s.trees["/dev"] = true
	lines = append(lines, "boxfile_dir /dev/pts own", `boxfile_do mount -i -t devpts -o nosuid,noexec,newinstance,mode=0620,ptmxmode=0666 devpts "$boxfile_to"`,
		"boxfile_dir /dev/shm own", fmt.Sprintf(`boxfile_do mount -i -t tmpfs -o nosuid,noexec,nodev,mode=1777,size=%d tmpfs "$boxfile_to"`, d.ShmSize))
	s.line(&s.seal, "boxfile_at /dev", `boxfile_do mount -i -o remount,bind,ro,nosuid,noexec,nodev "$boxfile_to"`)
	return s.line(&s.build, lines...)
}

func (s *script) Device(d *plan.Device) error {
	return s.line(&s.build, fmt.Sprintf("boxfile_bind %s %s own ''", s.path(d.Path), s.path(d.Path)))
}

// Mask has the shell find what a pattern stands for: in /sys, which is the host's and the box's alike.
func (s *script) Mask(m *plan.Mask) error {
	var lines []string
	for _, p := range m.Paths {
		if !m.Pattern(p) {
			lines = append(lines, s.guarded("boxfile_mask", p, m.Optional))
			continue
		}
		parts := strings.Split(p, "*")
		for i := range parts {
			parts[i] = s.path(parts[i])
		}
		lines = append(lines, "for boxfile_match in "+strings.Join(parts, "*")+`; do boxfile_mask "$boxfile_match" skip; done`)
	}
	return s.line(&s.guard, lines...)
}

func (s *script) Readonly(r *plan.Readonly) error {
	lines := make([]string, len(r.Paths))
	for i, p := range r.Paths {
		lines[i] = s.guarded("boxfile_readonly", p, r.Optional)
	}
	return s.line(&s.guard, lines...)
}

func (s *script) guarded(function, path string, optional bool) string {
	missing := "refuse"
	if optional {
		missing = "skip"
	}
	return function + " " + s.path(path) + " " + missing
}

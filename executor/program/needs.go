//go:build linux

package program

import (
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
)

// NeedsOf is what Lower will want to know of a host. folder is the absolute
// path of the Boxfile's folder.
func NeedsOf(p *plan.Plan, folder string) host.Needs {
	n := host.Needs{Folder: folder}
	for _, s := range p.Steps {
		switch s := s.(type) { // a few kinds only: what a new kind needs shows in its lowering's tests
		case *plan.CreateSource:
			n.Follow = append(n.Follow, s.Path)
		case *plan.Rootfs:
			if s.Source != "" {
				n.Follow = append(n.Follow, s.Source)
			}
		case *plan.System:
			n.Itself = append(n.Itself, s.Path)
		case *plan.Mount:
			if s.Source != "" {
				n.Follow = append(n.Follow, s.Source)
			}
			n.Follow = append(n.Follow, s.Lower...)
		case *plan.Device:
			n.Follow = append(n.Follow, s.Path)
		case *plan.Mask:
			for _, p := range s.Paths {
				switch {
				case s.Pattern(p):
					n.Patterns = append(n.Patterns, p)
				case s.Optional:
					n.Itself = append(n.Itself, p)
				}
			}
		case *plan.Readonly:
			if s.Optional {
				n.Itself = append(n.Itself, s.Paths...)
			}
		case *plan.Env:
			switch s.Pass {
			case "always":
				n.Env = append(n.Env, s.Name)
			case "tty":
				n.EnvTTY = append(n.EnvTTY, s.Name)
			}
		case *plan.TTY:
			n.TTY = true
		case *plan.IO:
			n.Disks = append(n.Disks, s.Device)
		case *plan.Cgroup:
			for _, c := range controllersOf(p) {
				n.Controllers = append(n.Controllers, c)
				if v1 := nameV1(c); v1 != c {
					n.Controllers = append(n.Controllers, v1)
				}
			}
			n.Cgroups = true
		case *plan.Join:
			n.Namespaces = append(n.Namespaces, s.Path)
		case *plan.Landlock:
			n.Landlock = true
		case *plan.Outbound:
			n.Outbound = true
		case *plan.IDMapRanges:
			n.SubIDs = true
		}
	}
	return n
}

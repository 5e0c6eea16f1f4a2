package program

import (
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
)

// A rehearsal executes nothing, makes no source and keeps nothing; its steps are the plan's own.
func TestARehearsalMakesNothingThatStays(t *testing.T) {
	p := &plan.Plan{Name: "x"}
	for _, s := range []plan.Step{
		&plan.CreateSource{Path: "/new", Type: "dir"}, &plan.CreateSource{Path: "/new.txt", Type: "file"}, &plan.CreateSource{Path: "/there", Type: "dir"}, &plan.Keep{Dir: "/kept"},
		&plan.Unshare{Namespaces: []string{"user", "mount", "pid"}}, &plan.IDMap{}, &plan.Propagation{Mode: "private"},
		&plan.Rootfs{Type: "tmpfs", Write: "keep", Keep: "/kept"}, &plan.System{Path: "/usr", Write: "keep", Keep: "/kept"},
		&plan.Mount{Type: "bind", Source: "/new", Target: "/a"}, &plan.Mount{Type: "bind", Source: "/new.txt", Target: "/b"}, &plan.Mount{Type: "bind", Source: "/there", Target: "/c"},
		&plan.PivotRoot{}, &plan.Init{}, &plan.Env{Name: "PATH", Value: []plan.EnvPart{{Text: "/usr/bin:/bin"}}}, &plan.Exec{Args: []string{"true"}},
	} {
		p.Add(s, plan.Position{})
	}
	f := host.Facts{Kernel: host.Version{Major: 6, Minor: 1}, UID: 1000, GID: 1000, NoFile: 1024, Folder: "/", Paths: map[string]host.Path{"/there": {Type: host.Directory}, "/usr": {Type: host.Directory}}}
	prog, err := Rehearse(p, f)
	if err != nil {
		t.Fatal(err)
	}
	if prog.Plan != p {
		t.Error("messages are about another plan")
	}
	for _, h := range prog.Host {
		if !h.Rehearsed || len(h.Dirs) > 0 {
			t.Errorf("done on the host: %s", h)
		}
	}
	looks, opens := 0, 0
	for _, o := range append(prog.Enter, prog.Command...) {
		if o.Call == callExecve {
			t.Errorf("it executes: %s", &o)
		}
		if o.Call == callFaccessat {
			looks++
		}
		for _, a := range o.Args {
			if a.Text == "/new" || a.Text == "/new.txt" || a.Text == "/kept" {
				t.Errorf("it needs what is not made: %s", &o)
			}
			if a.Text == "/there" {
				opens++
			}
		}
	}
	if looks != 2 || opens != 1 {
		t.Errorf("the command is looked for %d times, /there is opened %d times", looks, opens)
	}
	again, err := Lower(p, f)
	if err != nil || !again.Command[len(again.Command)-1].Executes() || again.Command[len(again.Command)-1].Call.Name != "execve" {
		t.Errorf("the plan was changed by its rehearsal: %v", err)
	}
}

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

// A filter is put in force after the question whether the command is there: it need not let that be asked.
func TestARehearsalAsksBeforeAFilterRefuses(t *testing.T) {
	none := &plan.Seccomp{Otherwise: &plan.SeccompAction{Action: "errno", Errno: 1}, Rules: []plan.SeccompRule{{Calls: []string{"write", "exit_group", "execve"}}}}
	for _, more := range [][]plan.Step{{&plan.NoNewPrivs{}, none}, {none}} {
		p := &plan.Plan{Name: "x"}
		for _, s := range append(more, &plan.Env{Name: "PATH", Value: []plan.EnvPart{{Text: "/usr/bin:/bin"}}}, &plan.Exec{Args: []string{"true"}}) {
			p.Add(s, plan.Position{})
		}
		prog := &Program{Plan: p, Command: []Op{{Call: callUmask}, {Call: callSeccomp}, {Call: callExecve, Args: []Arg{text("/usr/bin/true")}, Try: true}, {Call: callExecve, Args: []Arg{text("/bin/true")}, Try: true}}}
		prog.endBeforeCommand()
		names := ""
		for i := range prog.Command {
			names += " " + prog.Command[i].Call.Name
		}
		want := " umask faccessat faccessat seccomp"
		if len(more) == 1 {
			want = " umask seccomp"
		}
		if names != want {
			t.Errorf("%s, not%s", names, want)
		}
		if len(more) == 2 && (prog.Command[1].Then != 1 || prog.Command[2].Then != 0 || !prog.Command[1].Try || prog.Command[2].Try) {
			t.Errorf("%+v", prog.Command)
		}
	}
}

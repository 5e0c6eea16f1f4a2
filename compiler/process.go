package compiler

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// defaultLimits hold unless the file says otherwise. nproc counts the processes
// of the box's own user namespace, so that a fork bomb ends in the box; nofile is
// the kernel's own default, in place of whatever boxfile was started with.
var defaultLimits = [...]struct {
	name       string
	soft, hard uint64
	atMost     bool
}{{"core", 0, 0, false}, {"nofile", 1024, schema.Unlimited, true}, {"nproc", 2048, 2048, true}}

// process adds the command's limits, its umask, its directory and init.
func (c *compilation) process() {
	b := c.box
	limit := func(r schema.Rlimit) {
		c.add(&plan.Rlimit{Name: r.Name.Value, Soft: bound(r.Soft.Value), Hard: bound(r.Hard.Value)}, r.Pos, "rlimits."+r.Name.Value)
	}
	others := sorted(b.Rlimits, func(r schema.Rlimit) string { return r.Name.Value })
	for _, d := range defaultLimits { // they are first, from wherever they come
		i := slices.IndexFunc(others, func(r schema.Rlimit) bool { return r.Name.Value == d.name })
		if i < 0 {
			c.add(&plan.Rlimit{Name: d.name, Soft: bound(d.soft), Hard: bound(d.hard), AtMost: d.atMost}, schema.Pos{}, "rlimits."+d.name)
			continue
		}
		limit(others[i])
		others = slices.Delete(others, i, i+1)
	}
	for _, r := range others {
		limit(r)
	}
	c.add(&plan.Umask{Mask: octal(b.Umask.Value)}, b.Umask.Pos, "umask")
	c.add(&plan.Workdir{Path: b.Workdir.Value}, b.Workdir.Pos, "workdir")
	if b.TTY.Value != "false" {
		c.add(&plan.TTY{Required: b.TTY.Value == "true"}, b.TTY.Pos, "tty")
	}
	if b.Init.Value {
		c.add(&plan.Init{}, b.Init.Pos, "init")
	}
}

// sorted is the entries of a map of the file by name: whoever moves its keys has changed nothing.
func sorted[E any](in []E, name func(E) string) []E {
	out := slices.Clone(in)
	slices.SortFunc(out, func(a, b E) int { return strings.Compare(name(a), name(b)) })
	return out
}

func bound(n uint64) *uint64 {
	if n == schema.Unlimited {
		return nil
	}
	return &n
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// defaultPath is where programs are looked for, as Debian's login sets it for root.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment adds the variables. Nothing else of the caller's environment enters the box.
func (c *compilation) environment() {
	b := c.box
	home := "/"
	if b.User.UID == 0 {
		home = "/root"
	}
	set := map[string]bool{}
	var steps []variable
	for _, e := range b.Env {
		set[e.Name.Value] = true
		parts := make([]plan.EnvPart, len(e.Value))
		for i, p := range e.Value {
			parts[i] = plan.EnvPart(p)
		}
		steps = append(steps, variable{&plan.Env{Name: e.Name.Value, Value: parts}, e.Name.Pos, "env." + e.Name.Value})
	}
	for i, e := range b.EnvPass {
		if set[e.Value] {
			c.refuse(e.Pos, "remove one of the two", "%s is both in env and in env_pass", e.Value)
		}
		set[e.Value] = true
		steps = append(steps, variable{&plan.Env{Name: e.Value, Pass: "always"}, e.Pos, fmt.Sprintf("env_pass[%d]", i)})
	}
	for _, d := range [...]plan.Env{{Name: "PATH", Value: []plan.EnvPart{{Text: defaultPath}}}, {Name: "HOME", Value: []plan.EnvPart{{Text: home}}}, {Name: "TERM", Pass: "tty"}} {
		if d.Name == "TERM" && b.TTY.Value == "false" {
			continue
		}
		if !set[d.Name] {
			steps = append(steps, variable{&d, schema.Pos{}, "env." + d.Name})
		}
	}
	slices.SortStableFunc(steps, func(a, b variable) int {
		return cmp.Or(a.rank()-b.rank(), strings.Compare(a.step.Name, b.step.Name))
	})
	for _, s := range steps {
		c.add(s.step, s.at, s.key)
	}
}

// variable is a step of the environment on its way into the order of names, in which
// those that every box has are first, from wherever they come.
type variable struct {
	step *plan.Env
	at   schema.Pos
	key  string
}

func (v variable) rank() int {
	first := [...]string{"PATH", "HOME", "TERM"}
	if i := slices.Index(first[:], v.step.Name); i >= 0 {
		return i
	}
	return len(first)
}

// command adds what runs.
func (c *compilation) command() {
	b := c.box
	if b.Shell.IsSet() {
		c.add(&plan.Exec{Args: []string{"/bin/sh", "-c", b.Shell.Value}}, b.Shell.Pos, "shell")
		return
	}
	args := make([]string, len(b.Command.Args))
	for i, a := range b.Command.Args {
		args[i] = a.Value
	}
	c.add(&plan.Exec{Args: args}, b.Command.Pos, "command")
}

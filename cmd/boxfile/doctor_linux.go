package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/executor/doctor"
	"github.com/boxfile/boxfile/executor/host"
	"github.com/boxfile/boxfile/schema"
)

// newDiagnosis begins one with what is told of the machine.
func newDiagnosis() (*diagnosis, error) {
	f, err := host.Probe(host.Needs{Landlock: true})
	if err != nil {
		return nil, cannotLook(err)
	}
	m := machine{Kernel: f.Kernel.String(), UID: f.UID, Landlock: f.Landlock, Filter: host.This().Filtered(), AppArmor: unlessEmpty(host.This().Confined())}
	return &diagnosis{Version: doctorVersion, Works: true, Machine: m}, nil
}

func cannotLook(err error) error {
	return &problem{text: "cannot look at this machine: " + err.Error()}
}

// examine says what of a compiled Boxfile works here.
func examine(c *compiled) ([]doctor.Check, error) {
	folder, err := filepath.Abs(c.source.folder)
	if err != nil {
		return nil, &problem{text: "cannot tell the folder this runs in: " + reason(err)}
	}
	checks, err := doctor.This().Examine(c.plan, folder, c.secrets)
	if err != nil {
		return nil, cannotLook(err)
	}
	return checks, nil
}

// diagnose is doctor with a file.
func diagnose(c *compiled) (*diagnosis, error) {
	d, err := newDiagnosis()
	if err != nil {
		return nil, err
	}
	checks, err := examine(c)
	if err != nil {
		return nil, err
	}
	d.File = &c.source.name
	d.add(c, true, checks...)
	return d, nil
}

// keys are lines of a Boxfile.
type keys struct {
	name   string // as people are told of it
	part   string // of a check
	rootfs string // more of the map rootfs
	rest   string
}

// Boxfiles that doctor tries where none is named: a default box, what makes one
// possible that is not, and what more a box can have, each by itself.
var (
	weaker = [...]keys{
		{"namespaces.user: host", "namespaces", "", "namespaces: {user: host}\n"}, // which needs root
		{"rootfs.enter: chroot", "rootfs.enter", ", enter: chroot", ""},
		{"proc: host-ro", "proc", "", "proc: host-ro\n"},
	}
	options = [...]keys{
		{"rootfs.write: discard", "overlay", ", write: discard", ""},
		{"idmap: subuid", "idmap", "", "idmap: subuid\n"},
		{"security.landlock", "security.landlock", "", "security: {landlock: true}\n"},
		{"ports", "ports", "", "ports: [{host: 0, box: 80}]\n"},
		{"ports below 1024", "ports", "", "ports: [{host: 1, box: 80}]\n"},
		{"network: outbound", "network", "", "network: outbound\n"},
		{"", "resources", "", "resources: {memory: 64M, memory_high: 32M, swap: 16M, oom: box, cpus: 1, cpu_weight: 50, cpuset: \"0\", pids: 64, io: [{device: /, read_bps: 1G}]}\n"},
	}
)

// with is the checks of a Boxfile that has these keys as well as others.
func (k keys) with(more keys) ([]doctor.Check, error) {
	text := "boxfile: 1\nname: doctor\nshell: \"true\"\nrootfs: {host: true" + k.rootfs + more.rootfs + "}\n" + k.rest + more.rest
	src := &source{name: "doctor.yaml", folder: "/", data: []byte(text)}
	b, err := parse(src, nil)
	if err != nil {
		return nil, err
	}
	p, err := compiler.Compile(b, src.other)
	if err != nil {
		return nil, err
	}
	return examine(&compiled{source: src, plan: p})
}

// diagnoseMachine is doctor without a file.
func diagnoseMachine() (*diagnosis, error) {
	d, err := newDiagnosis()
	if err != nil {
		return nil, err
	}
	base, only, err := d.smallest()
	if err != nil || base == nil {
		return d, err
	}
	d.Strongest = &strongest{Only: only, Can: []string{}, Not: []string{}}
	for _, o := range options {
		checks, err := base.with(o)
		if list := schema.Diagnostics(err); len(list) > 0 { // beside what is needed here the language does not allow it
			checks, err = []doctor.Check{{Part: o.part, Answer: doctor.Fails, Step: -1, Found: list[0].Message}}, nil
		}
		if err != nil {
			return nil, err
		}
		checks = slices.DeleteFunc(checks, func(c doctor.Check) bool {
			return c.Part != o.part && !strings.HasPrefix(c.Part, o.part+".")
		})
		for i := range checks {
			c := &checks[i]
			if o.name != "" {
				c.Part = o.name
			}
			if c.Answer == doctor.Works {
				d.Strongest.Can = append(d.Strongest.Can, c.Part)
			} else {
				d.Strongest.Not = append(d.Strongest.Not, c.Part)
			}
		}
		d.add(nil, false, checks...)
	}
	return d, nil
}

// smallest adds the checks of a default box, and returns the least that has to be
// added for a box to work, or nil where none does.
func (d *diagnosis) smallest() (base *keys, only []string, err error) {
	base, only = &keys{}, []string{}
	checks, err := base.with(keys{})
	if err != nil {
		return nil, nil, err
	}
	needed := checks
	for {
		bad := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Answer == doctor.Fails })
		if bad < 0 {
			break
		}
		w := slices.IndexFunc(weaker[:], func(w keys) bool {
			return w.part == checks[bad].Part && !slices.Contains(only, w.name) && (w.part != "namespaces" || d.Machine.UID == 0)
		})
		if w < 0 {
			base = nil
			break
		}
		base.rootfs, base.rest, only = base.rootfs+weaker[w].rootfs, base.rest+weaker[w].rest, append(only, weaker[w].name)
		if checks, err = base.with(keys{}); err != nil {
			return nil, nil, err
		}
		fillIn(needed, checks)
	}
	needed = slices.DeleteFunc(needed, func(c doctor.Check) bool { return c.Answer == doctor.NotNeeded })
	d.add(nil, true, needed...)
	return base, only, nil
}

// fillIn marks what was not tried as working where it does in a box that came further.
func fillIn(checks, from []doctor.Check) {
	for i := range checks {
		for _, f := range from {
			if checks[i].Answer == doctor.NotTried && f.Answer == doctor.Works && f.Part == checks[i].Part {
				checks[i] = f
			}
		}
	}
}

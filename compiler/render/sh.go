package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Sh writes the plan as a POSIX shell script that does the same with
// util-linux, for root or for an ordinary user. It is for reading and comparing:
// its own comments say what a script cannot promise. A plan that util-linux
// cannot carry out becomes a script that says so and exits with 125. The error
// is about operands that no script can hold.
func Sh(w io.Writer, p *plan.Plan) error {
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	s := &script{name: p.Name, trees: map[string]bool{}, sealed: map[string]bool{}, init: slices.ContainsFunc(p.Steps, func(s plan.Step) bool { _, ok := s.(*plan.Init); return ok })}
	for i, step := range p.Steps {
		s.at = fmt.Sprintf("# %d %s: %s  (%s)", i+1, plan.InfoOf(step).Name, Words(step), provenance(p, i))
		if err := step.Accept(s); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, plan.InfoOf(step).Name, err)
		}
	}
	s.check()
	var b strings.Builder
	fmt.Fprintf(&b, header, literal(p.Name), literal(p.File), literal(digest))
	if len(s.refused) > 0 {
		for _, r := range s.refused {
			fmt.Fprintf(&b, "printf 'boxfile: %%s\\n' %s >&2\n", word(r))
		}
		b.WriteString("exit 125\n")
	} else {
		s.write(&b)
	}
	if s.err != nil {
		return s.err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

const header = `#!/bin/sh
# The box %s of %s,
# plan %s, with util-linux.
#
# Usage: sh THIS_FILE [BOXFILE_DIR]     relative paths begin at BOXFILE_DIR (.)
#
# Needs util-linux, iproute2, hostname, coreutils, sed, awk and ldd. What boxfile does and
# a script cannot:
#   - hold on to what it looked at: a tree that changes meanwhile can mislead it
#     (boxfile resolves each path once, in the kernel, and keeps it open);
#   - give the box a terminal of its own: on one, it has this one, without job control;
#   - signals are not forwarded to the command, and process 1 is a shell;
#   - after kill -9 an empty directory stays in TMPDIR, and the command may go on;
#   - descriptors above 9 can be closed only where bash is installed;
#   - timeout(1) is a process of the box as well;
#   - the tools that drop privileges stay visible in /dev/.boxfile, read-only;
#   - system calls are not filtered (seccomp), which BOXFILE_WITHOUT=seccomp has to agree to;
#   - 126 and 127 are also the exit codes of prlimit and setpriv when they fail.
#
# shellcheck disable=SC2016 # what stands in single quotes is for the box
`

// script is the visitor that collects the parts of a script.
type script struct {
	at      string // comment for the step at hand
	err     error  // first string that cannot be quoted
	refused []string
	init    bool

	closing, host, build, seal, guard, settle, env, pass []string // lines
	flags, fds                                           []string
	limits, setpriv                                      []string
	maps                                                 []string // lines of boxfile_map
	trees                                                map[string]bool
	sealed                                               map[string]bool // trees that become read-only when all is in them
	userNS, chroot, ranges, proc                         bool
	caller                                               *plan.IDMap
	caps                                                 *plan.Capabilities
	user                                                 uint32
	keeps                                                map[string]int
	umask, workdir                                       string
	args                                                 string

	name            string
	limited         bool     // the plan has a cgroup
	needs           []string // controllers of v2
	memory          *uint64
	cgroupNS        bool
	timeout, killed string // words of timeout(1), and the milliseconds after which it kills
}

// word is quote for text of our own.
func word(s string) string {
	q, _ := quote(s)
	return q
}

// q quotes an operand. A line end in one is left to exec and file contents.
func (s *script) q(operand string) string {
	q, err := quote(operand)
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%q: %w", operand, err)
	}
	return q
}

// path quotes a path of the box. Command substitution loses line ends, so a path must not have them.
func (s *script) path(p string) string {
	if strings.Contains(p, "\n") {
		s.refuse("a script cannot handle a line end in the path %s", literal(p))
	}
	return s.q(p)
}

// source quotes a path of the host.
func (s *script) source(p string) string {
	q := s.path(p)
	if strings.HasPrefix(p, "/") {
		return q
	}
	return `"$BOXFILE_DIR"/` + q
}

func (s *script) refuse(format string, args ...any) {
	if why := fmt.Sprintf(format, args...); !slices.Contains(s.refused, why) { // steps of a kind have the same reason
		s.refused = append(s.refused, why)
	}
}

// line adds lines to a part, the step's comment before them.
func (s *script) line(part *[]string, lines ...string) error {
	*part = append(append(*part, s.at), lines...)
	return nil
}

// check refuses what only the plan as a whole shows.
func (s *script) check() {
	if s.workdir == "" || s.args == "" || !s.trees["/dev"] {
		s.refuse("the plan has no command, working directory or /dev")
	}
	if len(s.keeps) > 6 {
		s.refuse("a script cannot lock more than six directories")
	}
	if s.caller == nil || s.caller.UID == 0 && s.caller.GID == 0 {
		s.capabilities(s.user)
		return
	}
	// mount(8) has to be root, so the box's user comes from a second user namespace
	if s.chroot {
		s.refuse("util-linux cannot change the user after chroot under idmap: caller")
	}
	if !s.proc {
		s.refuse("util-linux needs the box's own /proc to change the user under idmap: caller")
	}
	if c := s.caps; c != nil && len(c.Permitted)+len(c.Ambient) > 0 {
		s.refuse("util-linux cannot keep capabilities for a user other than root under idmap: caller")
	}
	s.capabilities(1)
}

// capabilities adds setpriv's words. execve(2) decides the permitted and
// effective sets from the three that setpriv sets, so those have to agree.
func (s *script) capabilities(uid uint32) {
	c := s.caps
	if c == nil {
		return
	}
	given := c.Ambient
	if uid == 0 {
		given = c.Bounding
		if len(c.Inheritable)+len(c.Ambient) > 0 {
			s.refuse("util-linux cannot leave root with other inheritable or ambient capabilities than none")
		}
	}
	if !slices.Equal(c.Permitted, given) || !slices.Equal(c.Effective, given) || !slices.Equal(c.Inheritable, c.Ambient) {
		s.refuse("util-linux cannot set these five sets of capabilities")
	}
	for _, o := range []struct {
		option string
		list   []string
	}{{"--bounding-set", c.Bounding}, {"--inh-caps", c.Inheritable}, {"--ambient-caps", c.Ambient}} {
		v := "-all"
		for _, n := range o.list {
			v += ",+" + strings.ToLower(n)
		}
		s.setpriv = append(s.setpriv, s.q(o.option+"="+v))
	}
}

package seccomp

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// parser reads one profile.
type parser struct {
	errs  *schema.Collector
	caps  []string
	calls []string // of all architectures, sorted
}

// Parse reads a profile in the form of OCI (config-linux, "Seccomp") or Docker, for a
// box with these capabilities (without CAP_). The step has no Profile yet. The error holds every *schema.Diagnostic.
// Keys that would make a filter weaker or different in a way that is not built are errors.
func Parse(file string, text []byte, caps []string) (*plan.Seccomp, error) {
	// Lines of it are not shown: whoever writes a Boxfile names this file, and whoever
	// validates it may have one there that is no profile but full of secrets.
	p := &parser{errs: schema.NewCollector(file, nil), caps: caps, calls: Calls()}
	root, at, err := read(text)
	if err != nil {
		p.errs.Add(at, "", "it is not JSON: %v", err)
		return nil, p.errs.ErrorOrNil()
	}
	s := p.profile(&root)
	if err := p.errs.ErrorOrNil(); err != nil {
		return nil, err
	}
	return s, nil
}

// members hands the values of an object to those who read them.
func (p *parser) members(v *value, what string, known map[string]func(*value), required ...string) {
	if !v.object {
		p.errs.Add(v.at, "", "%s has to be an object", what)
		return
	}
	given := map[string]bool{}
	for i := range v.keys {
		k := &v.keys[i]
		read, ok := known[k.name]
		switch {
		case given[k.name]:
			p.errs.Add(k.at, "keep one of them", "the key %q is there twice", k.name)
		case !ok:
			p.errs.Add(k.at, p.near(k.name, keysOf(known)), "unknown key %q", k.name)
		default:
			read(&k.value)
		}
		given[k.name] = true
	}
	for _, r := range required {
		if !given[r] {
			p.errs.Add(v.at, "", "%s has no %q", what, r)
		}
	}
}

func keysOf(m map[string]func(*value)) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (p *parser) near(word string, known []string) string {
	if n := schema.Nearest(word, known); n != "" {
		return "write " + n
	}
	return ""
}

func (p *parser) items(v *value, what string, each func(*value)) {
	if !v.array {
		p.errs.Add(v.at, "", "%s has to be a list", what)
		return
	}
	for i := range v.items {
		each(&v.items[i])
	}
}

func (p *parser) text(v *value, what string) string {
	s, ok := v.scalar.(string)
	if !ok {
		p.errs.Add(v.at, "", "%s has to be a string", what)
	}
	return s
}

func (p *parser) number(v *value, what string, most uint64) uint64 {
	n, ok := v.scalar.(json.Number)
	if ok {
		if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil && u <= most {
			return u
		}
	}
	p.errs.Add(v.at, "", "%s has to be a whole number from 0 to %d", what, most)
	return 0
}

// Calls are the names of the system calls of all architectures, sorted.
func Calls() []string { return strings.Fields(callNames) }

const eperm = 1 // what an errno is that no one has written

func (p *parser) profile(v *value) *plan.Seccomp {
	s := &plan.Seccomp{Otherwise: &plan.SeccompAction{}}
	errno := uint64(eperm)
	p.members(v, "a profile", map[string]func(*value){
		"defaultAction":    func(v *value) { s.Otherwise.Action = p.action(v) },
		"defaultErrnoRet":  func(v *value) { errno = p.number(v, "defaultErrnoRet", maxErrno) },
		"defaultErrno":     ignored, // its name; the number is defaultErrnoRet
		"comment":          ignored,
		"architectures":    p.architectures,
		"archMap":          ignored, // foreign calls end the process, whatever it says
		"flags":            p.flags,
		"listenerPath":     p.notBuilt("listenerPath"),
		"listenerMetadata": p.notBuilt("listenerMetadata"),
		"syscalls": func(v *value) {
			p.items(v, "syscalls", func(v *value) {
				if r, ok := p.rule(v); ok {
					s.Rules = append(s.Rules, r)
				}
			})
		},
	}, "defaultAction")
	if s.Otherwise.Action == "errno" {
		s.Otherwise.Errno = uint16(errno)
	}
	return s
}

const maxErrno = 4095 // MAX_ERRNO of the kernel

func ignored(*value) {}

func (p *parser) notBuilt(what string) func(*value) {
	return func(v *value) { p.errs.Add(v.at, "remove it", "%s is not supported", what) }
}

// flags of seccomp(2) would weaken the filter (SPEC_ALLOW) or need a listener.
func (p *parser) flags(v *value) {
	p.items(v, "flags", func(v *value) {
		p.errs.Add(v.at, "remove it", "flag %q is not supported", p.text(v, "a flag"))
	})
}

// arches are the names of libseccomp for the architectures that boxfile runs on.
var arches = words{{"SCMP_ARCH_X86_64", "amd64"}, {"SCMP_ARCH_AARCH64", "arm64"}, {"amd64", "amd64"}, {"x86_64", "amd64"}, {"arm64", "arm64"}, {"aarch64", "arm64"}}

// words says what words of profiles are in a plan. It is constant data: nothing is made at start.
type words []struct{ word, is string }

// of is what a word is, or "".
func (w words) of(word string) string {
	for _, one := range w {
		if one.word == word {
			return one.is
		}
	}
	return ""
}

// architectures has to hold one of those, because calls of all others end the process.
func (p *parser) architectures(v *value) {
	ours := false
	p.items(v, "architectures", func(v *value) {
		name := p.text(v, "an architecture")
		ours = ours || arches.of(name) != ""
	})
	if !ours && v.array {
		p.errs.Add(v.at, "add SCMP_ARCH_X86_64 or SCMP_ARCH_AARCH64", "it is for none of the architectures that boxes run on")
	}
}

var actions = words{{"SCMP_ACT_ALLOW", "allow"}, {"SCMP_ACT_ERRNO", "errno"}, {"SCMP_ACT_LOG", "log"}, {"SCMP_ACT_TRAP", "trap"}, {"SCMP_ACT_KILL", "kill_thread"},
	{"SCMP_ACT_KILL_THREAD", "kill_thread"}, {"SCMP_ACT_KILL_PROCESS", "kill_process"}}

func (p *parser) action(v *value) string {
	name := p.text(v, "an action")
	a := actions.of(name)
	switch {
	case a != "":
	case name == "SCMP_ACT_TRACE" || name == "SCMP_ACT_NOTIFY":
		p.errs.Add(v.at, "", "%s needs a program beside the box, which is not supported", name)
	default:
		p.errs.Add(v.at, "write one of SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_LOG, SCMP_ACT_TRAP, SCMP_ACT_KILL_THREAD, SCMP_ACT_KILL_PROCESS", "unknown action %q", name)
	}
	return a
}

// rule reads one rule. ok is that it is for this box.
func (p *parser) rule(v *value) (r plan.SeccompRule, ok bool) {
	errno := uint64(eperm)
	in, out := condition{fits: true}, condition{}
	var argsAt schema.Pos
	p.members(v, "a rule", map[string]func(*value){
		"names":    func(v *value) { p.items(v, "names", func(v *value) { r.Calls = p.call(v, r.Calls) }) },
		"name":     func(v *value) { r.Calls = p.call(v, r.Calls) },
		"action":   func(v *value) { r.Action = p.action(v) },
		"errnoRet": func(v *value) { errno = p.number(v, "errnoRet", maxErrno) },
		"errno":    ignored,
		"comment":  ignored,
		"args": func(v *value) {
			argsAt = v.at
			if v.scalar == nil && !v.array && !v.object { // null, as Docker has it
				return
			}
			p.items(v, "args", func(v *value) { r.Args = append(r.Args, p.arg(v)) })
		},
		"includes": func(v *value) { in = p.condition(v, true) },
		"excludes": func(v *value) { out = p.condition(v, false) },
	}, "action")
	if len(r.Calls) == 0 && v.object {
		p.errs.Add(v.at, "", "a rule names no system call")
	}
	if len(r.Args) > maxArgs {
		p.errs.Add(argsAt, "", "there are more than %d conditions", maxArgs)
	}
	if r.Action == "errno" {
		r.Errno = uint16(errno)
	}
	slices.Sort(r.Calls)
	r.Calls = slices.Compact(r.Calls)
	for _, a := range goarches {
		if (in.arches == nil || slices.Contains(in.arches, a)) && !slices.Contains(out.arches, a) {
			r.Arches = append(r.Arches, a)
		}
	}
	fits := in.fits && !out.fits && len(r.Arches) > 0
	if len(r.Arches) == len(goarches) {
		r.Arches = nil
	}
	return r, fits
}

// goarches are those that boxfile runs on.
var goarches = [...]string{"amd64", "arm64"}

// AllowsKeys reports whether a profile lets the kernel be asked for keys, keyrings(7),
// on some machine.
func AllowsKeys(s *plan.Seccomp) bool {
	for _, a := range goarches {
		for _, call := range [...]string{"keyctl", "request_key", "add_key"} {
			if s.Allows(call, a) {
				return true
			}
		}
	}
	return false
}

const maxArgs = 12

func (p *parser) call(v *value, calls []string) []string {
	name := p.text(v, "the name of a system call")
	if _, known := slices.BinarySearch(p.calls, name); name != "" && !known {
		p.errs.Add(v.at, p.near(name, p.calls), "there is no system call %q", name)
	}
	return append(calls, name)
}

// condition is Docker's includes and excludes.
type condition struct {
	fits   bool
	arches []string
}

// condition reads when a rule is in force. All parts of includes have to fit, any of excludes.
func (p *parser) condition(v *value, all bool) condition {
	c := condition{}
	parts := []bool{}
	p.members(v, "a condition", map[string]func(*value){
		"caps": func(v *value) {
			has := all
			p.items(v, "caps", func(v *value) {
				one := slices.Contains(p.caps, strings.TrimPrefix(p.text(v, "a capability"), "CAP_"))
				if all {
					has = has && one
				} else {
					has = has || one
				}
			})
			parts = append(parts, has)
		},
		"arches": func(v *value) {
			p.items(v, "arches", func(v *value) {
				if a := arches.of(p.text(v, "an architecture")); a != "" && !slices.Contains(c.arches, a) {
					c.arches = append(c.arches, a)
				}
			})
			if all { // excludes are told apart by the machine
				parts = append(parts, len(c.arches) > 0)
			}
		},
		"minKernel": func(v *value) { parts = append(parts, p.oldKernel(v)) },
	})
	switch {
	case all:
		c.fits = !slices.Contains(parts, false)
	default:
		c.fits = slices.Contains(parts, true)
	}
	return c
}

// oldKernel is whether every kernel that boxes run on is as new as that.
func (p *parser) oldKernel(v *value) bool {
	text := p.text(v, "minKernel")
	major, minor, ok := strings.Cut(text, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	const leastMajor, leastMinor = 5, 12
	if !ok || err1 != nil || err2 != nil || a > leastMajor || a == leastMajor && b > leastMinor {
		p.errs.Add(v.at, "remove the condition or the rule", "minKernel %q is not supported: boxes run on Linux %d.%d and newer, and plans do not depend on the machine", text, leastMajor, leastMinor)
	}
	return true
}

var compares = words{{"SCMP_CMP_NE", "!="}, {"SCMP_CMP_LT", "<"}, {"SCMP_CMP_LE", "<="}, {"SCMP_CMP_EQ", "=="}, {"SCMP_CMP_GE", ">="}, {"SCMP_CMP_GT", ">"}, {"SCMP_CMP_MASKED_EQ", "=="}}

func (p *parser) arg(v *value) plan.SeccompArg {
	var a plan.SeccompArg
	var one, two uint64
	masked := false
	p.members(v, "a condition", map[string]func(*value){
		"index":    func(v *value) { a.Index = uint8(p.number(v, "index", 5)) },
		"value":    func(v *value) { one = p.number(v, "value", 1<<64-1) },
		"valueTwo": func(v *value) { two = p.number(v, "valueTwo", 1<<64-1) },
		"op": func(v *value) {
			name := p.text(v, "op")
			if a.Op = compares.of(name); a.Op == "" {
				p.errs.Add(v.at, "write one of SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ", "unknown op %q", name)
			}
			masked = name == "SCMP_CMP_MASKED_EQ"
		},
	}, "index", "value", "op")
	a.Value = one
	if masked {
		a.Mask, a.Value = &one, two
	}
	return a
}

package executor_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/explain"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// meeting holds what explain says against what was found.
type meeting struct {
	t     *testing.T
	dir   string
	plan  *plan.Plan
	base  map[string]string // calls, without a filter
	env   []string          // the caller's
	found *found
	leads map[string]string // what answers at ports of this machine: "tcp 127.0.0.1:8080"
}

// words are the questions to explain.
func (m *meeting) words(q questions) []string {
	var out []string
	for _, p := range q.Paths {
		out = append(out, "path:"+p)
	}
	for _, n := range q.Names {
		out = append(out, "cap:"+n)
	}
	for _, a := range attempts() {
		if a.nr < 1000 {
			out = append(out, "call:"+attemptedCall(a))
		}
	}
	for _, e := range append(m.found.Env, "NOSUCH=", "LANG=", "TERM=") {
		if name, _, _ := strings.Cut(e, "="); name != modeEnv {
			out = append(out, "env:"+name)
		}
	}
	for _, s := range m.plan.Steps {
		switch s := s.(type) {
		case *plan.Env:
			out = append(out, "env:"+s.Name)
		case *plan.Publish:
			for i := range s.Count {
				out = append(out, fmt.Sprintf("port:%d", s.Host+i), fmt.Sprintf(":%d/%s", s.Host+i, s.Protocol), fmt.Sprintf("port:%d", s.Box+i))
			}
			out = append(out, fmt.Sprintf("port:%d", s.Host-1))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// disagrees says in what an answer is not what was found, or "".
func (m *meeting) disagrees(a *explain.Answer) string {
	if s := unsaid(a); s != "" {
		return s
	}
	switch {
	case a.Path != nil:
		return m.path(a.Path)
	case a.Capability != nil:
		if got := m.found.Capabilities[a.Capability.Name]; !slices.Equal(sortedCopy(got), sortedCopy(a.Capability.Sets)) {
			return fmt.Sprintf("it is in %q, not %q", got, a.Capability.Sets)
		}
	case a.Call != nil:
		return m.call(a.Call)
	case a.Variable != nil:
		return m.variable(a)
	case a.Port != nil:
		return m.port(a.Port)
	}
	return ""
}

// unsaid is what the sentence leaves out, or says though it is not claimed. Answers that
// were turned round have none.
func unsaid(a *explain.Answer) string {
	said, _, _ := strings.Cut(a.Sentence, "; where ") // what is so on other machines
	has := func(words string, claimed bool) string {
		if said != "" && strings.Contains(said, words) != claimed {
			return fmt.Sprintf("the words %q are wrong, or missing", words)
		}
		return ""
	}
	switch {
	case a.Path != nil && a.Path.There == explain.No:
		return has(": not there", true) + has("writable", false)
	case a.Path != nil && a.Path.Kind == "device":
		return has("this machine's device", true)
	case a.Path != nil && a.Path.Kind == "link":
		return has(": a link to ", true)
	case a.Path != nil:
		return has(": not there", false) + has(": hidden", a.Path.Masked) + has("; read-only", a.Path.ReadOnly) + has("; "+strings.Join(a.Path.Options, ", "), len(a.Path.Options) > 0 || strings.Contains(said, "; ")) +
			has("; writable", !a.Path.ReadOnly && !a.Path.Masked && !a.Path.Files)
	case a.Capability != nil:
		return has("none of the five sets", len(a.Capability.Sets) == 0) + has("the command has CAP_", slices.Contains(a.Capability.Sets, "effective"))
	case a.Call != nil && a.Call.Filter:
		rules := a.Call.Meets[runtime.GOARCH]
		return has("passes the filter", slices.ContainsFunc(rules, func(r plan.SeccompRule) bool { return r.Passes() }))
	case a.Variable != nil:
		return has(" is not set in the box", a.Variable.Step < 0)
	case a.Port != nil && !a.Port.Shared:
		return has(" leads to port ", len(a.Port.Leads) > 0)
	}
	return ""
}

func sortedCopy(list []string) []string { return slices.Sorted(slices.Values(list)) }

// void is whether an answer says nothing of this machine, or this user could not look.
func (m *meeting) void(p *explain.Path) bool {
	for _, s := range p.Systems {
		if st, err := os.Lstat(s); err != nil || st.Mode()&os.ModeSymlink != 0 {
			return true
		}
	}
	for _, s := range p.Sources {
		if _, err := os.Stat(m.hostPath(s)); err != nil {
			return true
		}
	}
	f, ok := m.found.Paths[p.Path]
	return !ok || f.Lstat == int(unix.EACCES)
}

func (m *meeting) hostPath(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(m.dir, p)
}

func (m *meeting) path(p *explain.Path) string {
	if m.void(p) {
		return ""
	}
	f := m.found.Paths[p.Path]
	there := f.Lstat == 0 && f.Kind != "link" || f.Kind == "link" && p.Kind == "link"
	switch p.There {
	case explain.Yes, explain.No:
		if there != (p.There == explain.Yes) {
			return fmt.Sprintf("lstat gives %d, kind %q", f.Lstat, f.Kind)
		}
	default:
		if p.Host != "" && m.single(p) {
			if _, err := os.Stat(m.hostPath(p.Host)); (err == nil) != there && !os.IsPermission(err) {
				return fmt.Sprintf("on this machine stat of %s gives %v, in the box lstat gives %d", p.Host, err, f.Lstat)
			}
		}
	}
	if !there {
		return m.unmade(p, f)
	}
	switch {
	case p.Masked:
		return m.masked(f)
	case f.Kind == "device" && f.Null && p.Kind != "device":
		return "it is /dev/null"
	case p.Kind != "" && p.Kind != f.Kind:
		return "it is a " + f.Kind
	case p.Written && f.Content != p.Content:
		return fmt.Sprintf("it holds %q", f.Content)
	case p.Kind == "device" || p.Kind == "link" || f.Kind == "device" || f.Kind == "other":
		return ""
	}
	return m.mount(p, f)
}

// unmade is what is wrong with the answer for a path that is not there.
func (m *meeting) unmade(p *explain.Path, f foundPath) string {
	if f.Tried && p.There == explain.No && !p.Masked && p.Exact {
		if f.Write == int(unix.EROFS) && !p.ReadOnly || f.Write == 0 && (p.ReadOnly || p.Walled) {
			return fmt.Sprintf("making it gives %d", f.Write)
		}
	}
	return ""
}

func (m *meeting) masked(f foundPath) string {
	if f.Kind == "directory" && f.Entries == 0 && f.Write != 0 || f.Null {
		return ""
	}
	return fmt.Sprintf("it is a %s with %d entries, and writing gives %d", f.Kind, f.Entries, f.Write)
}

// mount compares the options of the mount, and what comes of writing.
func (m *meeting) mount(p *explain.Path, f foundPath) string {
	ro := slices.Contains(f.Options, "ro")
	if p.Files && f.Kind == "file" {
		q := *p
		q.ReadOnly = true
		p = &q
	}
	options := without(f.Options, "ro")
	for _, o := range p.Options {
		if !slices.Contains(options, o) {
			return fmt.Sprintf("it is mounted with %q", f.Options)
		}
	}
	switch {
	case p.Exact && !slices.Equal(options, sortedCopy(p.Options)):
		return fmt.Sprintf("it is mounted with %q", f.Options)
	case p.ReadOnly && !ro, p.Exact && ro != p.ReadOnly:
		return fmt.Sprintf("it is mounted with %q, and writing gives %d", f.Options, f.Write)
	case !p.ReadOnly && !p.Exact && p.Host != "" && ro && !m.hostReadOnly(p):
		return fmt.Sprintf("it is mounted with %q, and writing gives %d", f.Options, f.Write)
	case f.Tried && f.Write == 0 && (p.ReadOnly || p.Walled && (!p.BestEffort || landlocked())):
		return "it can be written"
	case f.Tried && f.Write == int(unix.EROFS) && !p.ReadOnly && p.Exact:
		return "it is read-only"
	case f.Tried && f.Write == 0 && f.Kind == "directory" && p.Exact && (f.Access == int(unix.EACCES)) != slices.Contains(p.Options, "noexec"):
		return fmt.Sprintf("executing what is in it gives %d", f.Access)
	}
	return ""
}

func (m *meeting) hostReadOnly(p *explain.Path) bool {
	var st unix.Statfs_t
	return unix.Statfs(m.hostPath(p.Host), &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// single is whether what shows at a path comes from one place of this machine alone.
func (m *meeting) single(p *explain.Path) bool {
	for _, s := range m.plan.Steps {
		switch s := s.(type) {
		case *plan.Mount:
			if plan.Within(p.Real, s.Target) && s.Type == "overlay" {
				return false
			}
		case *plan.Rootfs:
			if s.Write != "none" {
				return false
			}
		}
	}
	return true
}

func landlocked() bool {
	f, err := host.Probe(host.Needs{Landlock: true})
	return err == nil && f.Landlock > 0
}

func (m *meeting) call(c *explain.Call) string {
	for _, a := range attempts() {
		if attemptedCall(a) != c.Name {
			continue
		}
		got, want := m.found.Calls[a.name], m.base[a.name]
		if c.Filter {
			r := fits(c.Meets[runtime.GOARCH], a)
			switch {
			case r.Action == "errno":
				want = strconv.Itoa(int(r.Errno))
			case !r.Passes():
				want = "signal: bad system call"
				if r.Action == "trap" {
					want = "exit status 2" // Go's runtime prints it and ends
				}
			case m.mayDiffer(a):
				continue
			}
		}
		if got != want && !strings.HasPrefix(got, want+" ") {
			return fmt.Sprintf("%s gives %s, not %s", a.name, got, want)
		}
	}
	return ""
}

// mayDiffer is whether the kernel's own answer to an attempt depends on the box's rights.
func (m *meeting) mayDiffer(a attempt) bool {
	return m.base[a.name] == strconv.Itoa(int(unix.EPERM)) || slices.ContainsFunc(m.plan.Steps, func(s plan.Step) bool {
		c, ok := s.(*plan.Capabilities)
		return ok && len(c.Bounding) > 0
	})
}

func (m *meeting) variable(a *explain.Answer) string {
	v := a.Variable
	value, set := "", false
	for _, e := range m.found.Env {
		if rest, ok := strings.CutPrefix(e, v.Name+"="); ok {
			value, set = rest, true
		}
	}
	want := v.Step >= 0
	if want && !v.Known { // the caller's
		pass := m.plan.Steps[v.Step].(*plan.Env).Pass
		want = pass == "always" && slices.ContainsFunc(m.env, func(e string) bool { return strings.HasPrefix(e, v.Name+"=") })
	}
	if set != want || v.Known && value != v.Value {
		return fmt.Sprintf("%s is set: %v, to %q", v.Name, set, value)
	}
	return ""
}

// visit connects to every published port, and to one beside each.
func (m *meeting) visit() {
	m.leads = map[string]string{}
	for _, s := range m.plan.Steps {
		p, ok := s.(*plan.Publish)
		if !ok {
			continue
		}
		for i := -1; i < int(p.Count); i++ {
			if i < 0 && m.publishes(p.Host-1) {
				continue
			}
			to := strings.Replace(p.Address, "0.0.0.0", "127.0.0.1", 1)
			at := net.JoinHostPort(p.Address, strconv.Itoa(int(p.Host)+i))
			m.leads[p.Protocol+" "+at] = greeting(p.Protocol, net.JoinHostPort(to, strconv.Itoa(int(p.Host)+i)))
		}
	}
}

func (m *meeting) publishes(number uint16) bool {
	return slices.ContainsFunc(m.plan.Steps, func(s plan.Step) bool {
		p, ok := s.(*plan.Publish)
		return ok && number >= p.Host && number-p.Host < p.Count
	})
}

// greeting is what a port of this machine says.
func greeting(protocol, at string) string {
	c, err := net.DialTimeout(protocol, at, 30*time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if protocol == "udp" {
		if _, err := c.Write([]byte("?")); err != nil {
			return ""
		}
		buf := make([]byte, 64)
		n, _ := c.Read(buf) // nobody there: refused
		return string(buf[:n])
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

func (m *meeting) port(p *explain.Port) string {
	want := map[string]string{}
	for _, l := range p.Leads {
		want[l.Protocol+" "+net.JoinHostPort(l.Address, strconv.Itoa(int(l.Host)))] = fmt.Sprintf("%s %d", l.Protocol, l.Box)
	}
	for at, got := range m.leads {
		protocol, _, _ := strings.Cut(at, " ")
		asked := strings.HasSuffix(at, ":"+strconv.Itoa(int(p.Number))) && (p.Protocol == "" || p.Protocol == protocol)
		if (want[at] != "" || asked) && got != want[at] {
			return fmt.Sprintf("port %s says %q, not %q", at, got, want[at])
		}
		delete(want, at)
	}
	for at := range want {
		return at + " leads nowhere"
	}
	return ""
}

package executor_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler"
	"github.com/boxfile/boxfile/compiler/explain"
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// What boxfile explain says of a box is what a process finds in it: in every example,
// and in the hard files of compiler/explain. Every answer turned round is noticed.
func TestAnswersAreTrue(t *testing.T) {
	files, _ := filepath.Glob("../examples/*.yaml")
	hard, _ := filepath.Glob("../compiler/explain/testdata/*.yaml")
	if len(files) < 30 || len(hard) < 12 {
		t.Fatalf("%d examples, %d hard files", len(files), len(hard))
	}
	var total tally
	each(t, func(t *testing.T, b *box) {
		for _, tree := range []string{"../examples", "../compiler/explain/testdata"} {
			if err := os.CopyFS(b.dir, os.DirFS(tree)); err != nil {
				t.Fatal(err)
			}
		}
		b.furnish()
		base := b.unfiltered()
		for _, file := range slices.Concat(files, hard) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
				own := *b
				own.t = t
				own.interview(compiled(t, own.path(filepath.Base(file))), base, &total)
			})
		}
	})
	t.Logf("%d boxes, %d answers, %d of them turned round", total.boxes, total.answers, total.turned)
	if total.turned < 200*total.boxes {
		t.Error("that is too little to mean something")
	}
}

type tally struct{ boxes, answers, turned int }

// furnish makes what examples and hard files want beside them.
func (b *box) furnish() {
	b.t.Helper()
	const make = `cd "$0" && mkdir -p rootfs/bin rootfs/dev rootfs/proc rootfs/etc rootfs/srv/data && touch rootfs/probe rootfs/etc/hosts
mkdir -p tree/sub/in tree/rw other/deep && echo tree > tree/file && echo other > other/file && echo sub > tree/sub/file && mkdir -p hidden/a/b && echo a > hidden/a/file`
	if out, err := exec.Command("sh", "-c", make, b.dir).CombinedOutput(); err != nil {
		b.t.Fatalf("%v: %s", err, out)
	}
	b.own()
}

// compiled is the plan of a file, without what ends a box or bounds its resources, of
// which nothing is asked, and with ports that are free here.
func compiled(t *testing.T, file string) *plan.Plan {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]string{}
	if strings.Contains(string(text), "secret: true") {
		inputs["TOKEN"] = "s3cret"
	}
	doc, err := schema.Parse(filepath.Base(file), text, inputs)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compiler.Compile(doc, func(path string) (string, []byte, error) {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), path))
		return path, text, err
	})
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	out := &plan.Plan{Name: p.Name, File: p.File}
	for i, s := range p.Steps {
		switch s := s.(type) {
		case *plan.Cgroup, *plan.Limit, *plan.CPUSet, *plan.IO, *plan.OOM, *plan.CgroupFile, *plan.Timeout:
			continue
		case *plan.Publish:
			s.Host = freePorts(t, s)
		case *plan.Env:
			if slices.ContainsFunc(s.Value, func(p plan.EnvPart) bool { return p.Secret != "" }) {
				continue // it has no value here
			}
		}
		out.Add(s, p.Positions[i])
	}
	return out
}

// freePorts finds as many ports in a row as the step wants, below those that the kernel gives out.
func freePorts(t *testing.T, s *plan.Publish) uint16 {
	t.Helper()
	for first := 20000 + os.Getpid()%1000*8; first < 32000; first += int(s.Count) {
		free := true
		for i := range int(s.Count) {
			at := net.JoinHostPort(s.Address, strconv.Itoa(first+i))
			l, err := net.Listen("tcp", at)
			u, err2 := net.ListenPacket("udp", at)
			if err == nil {
				_ = l.Close()
			}
			if err2 == nil {
				_ = u.Close()
			}
			free = free && err == nil && err2 == nil && !taken[first+i]
		}
		if free {
			for i := range int(s.Count) {
				taken[first+i] = true
			}
			return uint16(first)
		}
	}
	t.Skip("no ports are free at " + s.Address)
	return 0
}

var taken = map[int]bool{} //nolint:gochecknoglobals // the ports of earlier boxes, which may still be closing

// unfiltered is what attempts at system calls give without a filter.
func (b *box) unfiltered() map[string]string {
	b.t.Helper()
	f, _, err := b.ask(fullPlan(b.t, "answers").without("seccomp").plan(), questions{}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return f.Calls
}

// peopled is the plan with the probe as its command.
func peopled(t *testing.T, p *plan.Plan) *plan.Plan {
	t.Helper()
	out := &plan.Plan{Name: p.Name, File: p.File}
	for _, s := range p.Steps {
		switch s.(type) {
		case *plan.PivotRoot, *plan.Chroot:
			out.Add(&plan.Mount{Type: "bind", Source: probeCopy(t), Target: "/probe", ReadOnly: true, Options: bindOptions}, plan.Position{})
		case *plan.Exec:
			out.Add(&plan.Env{Name: modeEnv, Value: []plan.EnvPart{{Text: "probe"}}}, plan.Position{})
			s = &plan.Exec{Args: []string{"/probe", "answers"}}
		}
		out.Add(s, plan.Position{})
	}
	return out
}

// ask runs a box and has the probe answer. While it lives, outside looks at its ports.
func (b *box) ask(p *plan.Plan, q questions, outside func()) (*found, string, error) {
	b.t.Helper()
	cmd := b.command(p)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	timer := time.AfterFunc(bound, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	text, _ := json.Marshal(q)
	_, _ = in.Write(append(text, '\n'))
	line, _ := bufio.NewReader(stdout).ReadBytes('\n')
	var f found
	failed := json.Unmarshal(line, &f)
	if failed == nil && outside != nil {
		outside()
	}
	_ = in.Close()
	_, _ = io.Copy(io.Discard, stdout)
	err = cmd.Wait()
	if failed != nil || err != nil {
		return nil, errs.String(), fmt.Errorf("%w: %s", errors.Join(failed, err), errs.String())
	}
	return &f, errs.String(), nil
}

// interview asks the plan and the box the same questions.
func (b *box) interview(p *plan.Plan, base map[string]string, total *tally) {
	b.t.Helper()
	m := &meeting{t: b.t, dir: b.dir, plan: p, base: base, env: append([]string{"PATH=" + os.Getenv("PATH")}, b.env...)}
	q := questions{Paths: pathsOf(p), Names: strings.Fields(capabilitiesByNumber), Ports: m.ports(), Deadly: m.deadly()}
	f, said, err := b.ask(peopled(b.t, p), q, func() { m.visit() })
	if err != nil {
		if (strings.Contains(said, "REFUSED") || strings.Contains(said, "newuidmap")) && mayBeRefused(p) {
			b.t.Skip("this machine lacks what the box needs: " + said)
		}
		if (b.user != nil || os.Getuid() != 0) && strings.Contains(said, "permission denied") && strings.Contains(said, "mkdirat") {
			b.t.Skip("only root can make something below directories of root's: " + said)
		}
		b.t.Fatal(err)
	}
	m.found = f
	for _, word := range m.words(q) {
		a, err := explain.Ask(p, word)
		if err != nil {
			b.t.Errorf("%s: %v", word, err)
			continue
		}
		if said := m.disagrees(a); said != "" {
			b.t.Errorf("%s: %s\n  explain says: %s", word, said, a.Sentence)
			continue
		}
		total.answers++
		for what, turned := range m.turned(a) {
			total.turned++
			if m.disagrees(turned) == "" {
				b.t.Errorf("%s: nobody notices that %s is turned round\n  explain says: %s", word, what, a.Sentence)
			}
		}
	}
	total.boxes++
}

// mayBeRefused is whether a machine can lack what the plan needs: subordinate ids, a
// helper for the way out, Landlock, /dev/kmsg, or the box whose namespaces are joined.
func mayBeRefused(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s plan.Step) bool {
		switch s.(type) {
		case *plan.IDMapRanges, *plan.Outbound, *plan.Landlock, *plan.Device, *plan.Join:
			return true
		}
		return false
	})
}

// pathsOf are the paths that a plan speaks of, what is above them, and something below.
func pathsOf(p *plan.Plan) []string {
	out := []string{"/", "/etc", "/usr", "/bin/sh", "/usr/bin/env", "/usr/bin/nosuch", "/nosuch", "/nosuch/below", "/tmp", "/var/tmp", "/home", "/root", "/etc/hosts", "/etc/passwd", "/etc/shadow",
		"/etc/ssl/certs", "/dev", "/dev/fd", "/dev/stdin", "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/null", "/dev/tty", "/dev/sda", "/dev/nosuch", "/proc", "/proc/1/status", "/proc/sys/kernel/hostname", "/proc/kcore", "/sys", "/sys/kernel", "/run", "/srv",
		"/../etc/hosts", "/etc/../etc/group"}
	add := func(p string) {
		for ; p != "/"; p = path.Dir(p) {
			out = append(out, p)
		}
	}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case *plan.System:
			out = append(out, s.Path)
		case *plan.Mount:
			add(s.Target)
			out = append(out, s.Target+"/nosuch", s.Target+"/file", s.Target+"/sub", s.Target+"/a/b")
		case *plan.File:
			add(s.Target)
			out = append(out, s.Target+"/below")
		case *plan.Symlink:
			add(s.Target)
			out = append(out, s.Target+"/env", s.Target+"/file", s.Target+"/..")
		case *plan.Dir:
			add(s.Target)
			out = append(out, s.Target+"/nosuch")
		case *plan.Mask:
			out = append(out, s.Paths...)
			out = append(out, s.Paths[0]+"/below")
		case *plan.Readonly:
			out = append(out, s.Paths...)
			out = append(out, s.Paths[0]+"/nosuch", s.Paths[0]+"/file")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

const capabilitiesByNumber = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD
LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE`

// ports are those of the box that this machine's lead to.
func (m *meeting) ports() []string {
	var out []string
	for _, s := range m.plan.Steps {
		if p, ok := s.(*plan.Publish); ok {
			for i := range p.Count {
				out = append(out, fmt.Sprintf("%s %d", p.Protocol, p.Box+i))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// deadly are the attempts that the plan's filter answers with more than an errno.
func (m *meeting) deadly() []int {
	var out []int
	own := slices.ContainsFunc(m.plan.Steps, func(s plan.Step) bool {
		f, ok := s.(*plan.Seccomp)
		return ok && f.Profile != "default" // which gives nothing but errors
	})
	for i, a := range attempts() {
		if !own {
			break
		}
		if r := m.met(a); r != nil && !r.Passes() && r.Action != "errno" {
			out = append(out, i)
		}
	}
	return out
}

// met is the rule that an attempt meets by what explain says of its call; nil where
// there is no filter, or no such call.
func (m *meeting) met(a attempt) *plan.SeccompRule {
	answer, err := explain.Ask(m.plan, "call:"+attemptedCall(a))
	if err != nil || !answer.Call.Filter {
		return nil
	}
	return fits(answer.Call.Meets[runtime.GOARCH], a)
}

func fits(rules []plan.SeccompRule, a attempt) *plan.SeccompRule {
	for i := range rules {
		if !slices.ContainsFunc(rules[i].Args, func(g plan.SeccompArg) bool { return !holds(g, uint64(a.args[g.Index])) }) {
			return &rules[i]
		}
	}
	return nil
}

func holds(g plan.SeccompArg, n uint64) bool {
	if g.Mask != nil {
		n &= *g.Mask
	}
	switch g.Op {
	case "==":
		return n == g.Value
	case "!=":
		return n != g.Value
	case "<":
		return n < g.Value
	case "<=":
		return n <= g.Value
	case ">":
		return n > g.Value
	}
	return n >= g.Value
}

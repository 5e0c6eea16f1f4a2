package executor_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/executor/program"
)

// The host side makes exactly the cgroups that its printed ops say, writes to
// them exactly what these say, and removes them again.
func TestTraceLimits(t *testing.T) {
	needStrace(t)
	steps := append(memoryLimits(64<<20), limit("cpus", 50000), limit("pids", 50))
	b := newBox(t)
	b.needLimits(limited(t, steps, "exit", "0"))
	p := limited(t, steps, "exit", "0")
	if os.Getuid() != 0 {
		p.without("init")
	}
	prog, trace := b.trace(p)
	did := hostSide(prog, trace)
	err := matchHost(prog, did.changes)
	for again := 0; err != nil && again < 5; again++ { // a box of another test took the common folder away in between
		prog, trace = b.trace(p)
		did = hostSide(prog, trace)
		err = matchHost(prog, did.changes)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := matchAllFrom(prog, trace, did.tasks(prog)); err != nil {
		t.Fatal(err)
	}
	for i := range prog.Host { // the check itself can fail
		h := &prog.Host[i]
		old := *h
		switch h.Kind {
		case program.EndWhenAsked:
			continue // nobody asks
		case program.SetLimit:
			h.Value += "1"
		case program.MakeCgroup:
			c := *h.Cgroup
			c.Parent += "x"
			h.Cgroup = &c
		}
		if matchHost(prog, did.changes) == nil {
			t.Errorf("a change goes unnoticed: %s is now %s", old, *h)
		}
		*h = old
	}
	did.changes = append(did.changes, `write "1" to /sys/fs/cgroup/other`)
	if matchHost(prog, did.changes) == nil {
		t.Error("a write of nobody's goes unnoticed")
	}
}

// hostCalls is what boxfile itself did on the host.
type hostCalls struct {
	changes []string          // to cgroups, in order
	opened  map[string]string // the descriptors of files, by path
	opens   [][2]string       // paths and descriptors, in order
}

// tasks are the descriptors that the child joins its cgroups by.
func (d *hostCalls) tasks(prog *program.Program) map[program.Reg]int64 {
	regs := map[program.Reg]int64{}
	for i := range prog.Host {
		c := prog.Host[i].Cgroup
		if c == nil {
			continue
		}
		for path, fd := range d.opened {
			if strings.HasPrefix(path, c.Parent+"/boxfile/") && strings.HasSuffix(path, "/tasks") && c.Tasks != 0 {
				regs[c.Tasks], _ = strconv.ParseInt(fd, 10, 64)
			}
		}
		for i := 1; i < len(d.opens) && c.Box != 0; i++ { // what a box ends by is opened one after the other
			limit, dir := d.opens[i-1], d.opens[i]
			if strings.TrimSuffix(limit[0], "/pids.max") == strings.TrimSuffix(dir[0], "/box") {
				regs[c.Max], _ = strconv.ParseInt(limit[1], 10, 64)
				regs[c.Box], _ = strconv.ParseInt(dir[1], 10, 64)
			}
		}
	}
	return regs
}

var boxID = regexp.MustCompile(`-[0-9a-f]{8}(/|$)`)

// hostSide replays the calls of all processes but the box's.
func hostSide(prog *program.Program, trace program.Trace) *hostCalls {
	one, command, _ := boxSide(prog, trace)
	var all []program.Traced
	for _, calls := range trace {
		if len(calls) > 0 && (len(one) == 0 || &calls[0] != &one[0]) && (len(command) == 0 || &calls[0] != &command[0]) {
			all = append(all, calls...)
		}
	}
	slices.SortFunc(all, func(a, b program.Traced) int { return a.Line - b.Line })
	d := &hostCalls{opened: map[string]string{}}
	paths := map[string]string{}
	for _, c := range all {
		shared := c.Name == "unlinkat" && strings.HasSuffix(untraced(c.Args[1]), "/boxfile") // boxes of other tests may be in there
		if c.Errno != 0 && c.Name != "mkdirat" && c.Name != "write" && !shared {             // these count as asked for
			continue
		}
		switch c.Name {
		case "openat":
			p := untraced(c.Args[1])
			if !strings.HasPrefix(p, "/") {
				p = paths[c.Args[0]] + "/" + p
			}
			fd := strconv.FormatInt(c.Result, 10)
			paths[fd] = p
			d.opens = append(d.opens, [2]string{p, fd})
			if d.opened[p] == "" { // what is opened again is to end the box
				d.opened[p] = fd
			}
		case "mkdirat":
			d.changed("make " + untraced(c.Args[1]))
		case "unlinkat":
			if dir := untraced(c.Args[1]); shared || strings.Contains(dir, "/"+prog.Plan.Name+"-") { // else it is swept
				d.changed("remove " + dir)
			}
		case "write":
			if strings.HasPrefix(paths[c.Args[0]], "/sys/fs/cgroup/") {
				d.changed("write " + strconv.Quote(untraced(c.Args[1])) + " to " + paths[c.Args[0]])
			}
		}
	}
	return d
}

func (d *hostCalls) changed(what string) {
	if strings.Contains(what, "/sys/fs/cgroup/") {
		d.changes = append(d.changes, boxID.ReplaceAllString(what, "-ID$1"))
	}
}

// untraced is a string that strace -xx has printed.
func untraced(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Trim(s, `"`), `\x`, ""))
	if err != nil {
		return s
	}
	return string(b)
}

// matchHost compares what was done with the host ops.
func matchHost(prog *program.Program, did []string) error {
	var want, last []string
	dirs := map[int]string{}
	for i := range prog.Host {
		h := &prog.Host[i]
		c := h.Cgroup
		switch h.Kind {
		case program.SetLimit:
			want = append(want, fmt.Sprintf("write %q to %s/%s", h.Value, dirs[h.Group], h.Path))
		case program.MakeCgroup:
			above := c.Parent + "/boxfile"
			dirs[i] = above + "/" + c.Name + "-ID"
			want = append(want, "make "+above, "make "+dirs[i])
			for _, p := range c.Prepare {
				want = append(want, fmt.Sprintf("write %q to %s/%s", p[1], above, p[0]))
			}
			undo := []string{"remove " + dirs[i] + "/box", "remove " + dirs[i], "remove " + above}
			if c.Version == 2 {
				if len(c.Missing) > 0 {
					want = append(want, fmt.Sprintf("write %q to %s/cgroup.subtree_control", "+"+strings.Join(c.Missing, " +"), c.Parent))
					undo = append(undo, fmt.Sprintf("write %q to %s/cgroup.subtree_control", "-"+strings.Join(c.Missing, " -"), c.Parent))
				}
				want = append(want, fmt.Sprintf("write %q to %s/cgroup.subtree_control", "+"+strings.Join(c.Controllers, " +"), above))
			}
			want = append(want, "make "+dirs[i]+"/box")
			if prog.Ends && c.Version == 2 {
				undo = append([]string{fmt.Sprintf("write %q to %s/cgroup.kill", "1", dirs[i])}, undo...)
			}
			last = append(undo, last...)
		}
	}
	want = append(want, last...)
	for i := range max(len(want), len(did)) {
		w, d := at(want, i), at(did, i)
		if w != d {
			return &program.Mismatch{Op: w, Call: d, Cause: fmt.Sprintf("change %d of the host side", i+1)}
		}
	}
	return nil
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}

// The host side listens exactly where its printed ops say, before it forks, and binds nothing else.
func TestTracePorts(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	p := portPlan(t).without("init")
	prog, trace := b.trace(p)
	one, _, _ := boxSide(prog, trace)
	var binds []program.Traced
	for _, calls := range trace {
		for i := range calls {
			if c := &calls[i]; c.Name == "bind" && &calls[0] != &one[0] && c.Line < one[0].Line {
				binds = append(binds, *c)
			}
		}
	}
	slices.SortFunc(binds, func(a, b program.Traced) int { return a.Line - b.Line })
	var did []string
	for i := range binds {
		did = append(did, boundTo(binds[i].Args[1]))
	}
	want := []string{`0x2 "127.0.0.1" 0`, `0xa "::1" 0`, `0xa "::1" 0`, `0xa "::1" 0`}
	if !slices.Equal(did, want) {
		t.Errorf("bound %q, not %q", did, want)
	}
	n := 0
	for i := range prog.Host {
		if h := &prog.Host[i]; h.Kind == program.Listen {
			n += h.Ports.Count
		}
	}
	if n != len(want) {
		t.Errorf("the program listens %d times", n)
	}
}

// boundTo is family, address and port of a traced sockaddr.
func boundTo(s string) string {
	family, port, ip := "", "", []byte{}
	for _, part := range strings.Split(strings.Trim(s, "{}"), ", ") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "sa_family":
			family = value
		case "sin_port", "sin6_port":
			port = untraced(value)
		case "sin_addr", "sin6_addr":
			ip = []byte(untraced(value))
		}
	}
	a, _ := netip.AddrFromSlice(ip)
	return fmt.Sprintf("%s %q %d", family, a, int(port[0])<<8|int(port[1]))
}

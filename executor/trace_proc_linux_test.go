package executor_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// What boxfile writes below /proc goes to the kernel (CVE-2025-52881): all of it is opened
// before the box's root is entered, by the host's /proc or from the /proc that was
// made for the box, which nothing is mounted on yet; none by a path of the box.
func TestTraceProcWrites(t *testing.T) {
	needStrace(t)
	const setting = "made:sys/user/max_cgroup_namespaces"
	// Links and files of a hostile rootfs wait where a path of the box would lead.
	hostile := func(b *box, p *planner) *planner {
		b.root("canary", "proc/self/uid_map", "proc/self/gid_map", "proc/self/setgroups", "proc/sys/user/max_cgroup_namespaces")
		return p.without("init").replace(&plan.Rootfs{Type: "dir", Source: "./root", ReadOnly: true, Options: []string{"nodev", "nosuid"}, Write: "none"}).without("file")
	}
	type idCase struct {
		plan *planner
		want []string
	}
	cases := map[string]idCase{
		"the caller's own id": {fullPlan(t, "exit", "0"), []string{"/proc/self/setgroups", "/proc/self/uid_map", "/proc/self/gid_map", setting}},
	}
	if os.Getuid() == 0 {
		r := []plan.IDRange{{Box: 0, Host: 0, Size: 1}, {Box: 1, Host: 100000, Size: 10}}
		p := fullPlan(t, "exit", "0").without("idmap").before("close_fds", &plan.IDMapRanges{Mode: "ranges", UIDs: r, GIDs: r})
		cases["ranges of ids"] = idCase{p, []string{"/proc/PID/uid_map", "/proc/PID/gid_map", setting}}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			prog, trace := b.trace(hostile(b, c.plan))
			got := procWrites(t, prog, trace)
			if !slices.Equal(got, c.want) {
				t.Errorf("opened for writing: %q, not %q", got, c.want)
			}
		})
	}
}

var processID = regexp.MustCompile(`^/proc/[0-9]+/`)

// procWrites is what was opened for writing by paths of /proc, of whatever process, in order.
func procWrites(t *testing.T, prog *program.Program, trace program.Trace) []string {
	t.Helper()
	one, _, err := boxSide(prog, trace)
	if err != nil {
		t.Fatal(err)
	}
	enters := 0
	made := map[string]bool{} // descriptors of the /proc made for the box
	context := ""
	for i := range one {
		switch c := &one[i]; c.Name {
		case "fsopen":
			context = untraced(c.Args[0])
		case "fsmount":
			if context == "proc" {
				made[strconv.FormatInt(c.Result, 10)] = true
			}
		case "pivot_root":
			enters = c.Line
		}
	}
	if enters == 0 || len(made) != 1 {
		t.Fatalf("the root is entered in line %d, and %d times a /proc is made", enters, len(made))
	}
	var all []program.Traced
	for _, calls := range trace {
		all = append(all, calls...)
	}
	slices.SortFunc(all, func(a, b program.Traced) int { return a.Line - b.Line })
	var got []string
	for _, c := range all {
		if c.Name != "openat" && c.Name != "openat2" || c.Errno != 0 || c.Args[1] == "" {
			continue
		}
		text := c.Args[2]
		if c.Name == "openat2" {
			text = strings.TrimPrefix(strings.Split(strings.Trim(text, "{}"), ",")[0], "flags=")
		}
		flags, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			t.Fatalf("%s: %v", c.Text, err)
		}
		if flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC|unix.O_CREAT) == 0 || flags&unix.O_PATH != 0 {
			continue
		}
		path := untraced(c.Args[1])
		switch {
		case made[c.Args[0]]:
			path = "made:" + path
		case strings.HasPrefix(path, "/proc"):
			path = processID.ReplaceAllString(path, "/proc/PID/")
		case !strings.Contains(path, "uid_map") && !strings.Contains(path, "gid_map") && !strings.Contains(path, "setgroups") && !strings.Contains(path, "sys/"):
			continue
		}
		if c.Line > enters {
			t.Errorf("opened for writing in the box: %s", c.Text)
		}
		got = append(got, path)
	}
	return got
}

// Helpers get numbers and words of boxfile's own: nothing that the file, the plan or the
// folder says is an argument, where it could be taken for an option.
func TestHelpersGetNoWordsOfOthers(t *testing.T) {
	hostileWord := "--netns=/proc/1/ns/net"
	p := outbound(t, hostileWord).before("close_fds", &plan.CreateSource{Path: "./" + hostileWord, Type: "dir"}).replace(&plan.Hostname{Name: hostileWord}).
		replace(&plan.Env{Name: hostileWord, Value: []plan.EnvPart{{Text: hostileWord}}})
	p.name = hostileWord
	known := regexp.MustCompile(`^(-[fq4IangmtuTUP]|--(config-net|no-map-gw|dns-forward|runas|configure|disable-host-loopback|enable-seccomp|mtu=65520|ready-fd=3|exit-fd=4)|tap0|none|[0-9.]+|/proc/self/fd/1)$`)
	for _, helper := range []string{"pasta", "slirp4netns"} {
		t.Setenv("BOXFILE_TEST_HELPER", map[string]string{"pasta": "/usr/bin/pasta", "slirp4netns": "slirp4netns"}[helper])
		prog, err := lower(p.plan(), newBox(t).dir)
		if err != nil {
			skip(t, fmt.Sprintf("no way out: %v", err))
		}
		for i := range prog.Host {
			h := &prog.Host[i]
			if h.Kind != program.Attach {
				continue
			}
			if len(h.Helper.Args) < 5 {
				t.Errorf("%s: %q", helper, h.Helper.Args)
			}
			for _, a := range h.Helper.Args {
				if a != program.PID && !known.MatchString(a) {
					t.Errorf("%s gets %q", h.Helper.Path, a)
				}
			}
		}
	}
}

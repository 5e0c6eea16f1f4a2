package program

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "rewrite the golden programs")

// callers are who runs the examples' plans in these tests, on a machine that does not exist.
func callers(p *plan.Plan) map[string]host.Facts {
	out := map[string]host.Facts{}
	for name, uid := range map[string]int{"root": 0, "user": 1234} {
		f := host.Facts{Kernel: host.Version{Major: 6, Minor: 1}, UID: uid, GID: uid, Folder: "/home/me/project", NoFile: 1 << 20, NProc: 4096, Landlock: 7, Paths: map[string]host.Path{}, Outbound: host.Outbound{Pasta: "/usr/bin/pasta"},
			SubUIDs: []host.Range{{First: 100000, Size: 65536}}, SubGIDs: []host.Range{{First: 100000, Size: 65536}}, IDTools: host.IDTools{UID: "/usr/bin/newuidmap", GID: "/usr/bin/newgidmap"}}
		f.Caller.Secrets = map[string]string{"TOKEN": "t0psecret"}
		n := NeedsOf(p, f.Folder)
		for _, path := range n.Follow {
			f.Paths[path] = host.Path{Type: host.Directory}
			if strings.HasPrefix(path, "/dev/") {
				f.Paths[path] = host.Path{Type: host.Device}
			}
		}
		for _, path := range n.Itself {
			f.Paths[path] = itself(path)
		}
		f.Namespaces = map[string]host.Namespace{}
		for _, s := range p.Steps {
			if j, ok := s.(*plan.Join); ok {
				for _, v := range namespaceWords {
					if v.Name == j.Namespace {
						f.Namespaces[j.Path] = host.Namespace{Type: v.Num, Below: j.Namespace != "user" && uid != 0}
					}
				}
			}
		}
		if !n.Cgroups {
			out[name] = f
			continue
		}
		f.PageSize, f.Disks = 4096, map[string]host.Disk{}
		for _, d := range n.Disks {
			f.Disks[d] = host.Disk{Major: 8}
		}
		f.Cgroups = cgroupsV1(uid == 0)
		out[name+"-v1"] = f
		f.Cgroups = cgroupsV2(session(true), slice(true, "memory", "pids"))
		if uid != 0 {
			f.Cgroups = cgroupsV2(appScope(false), appSlice())
		}
		out[name+"-v2"] = f
	}
	return out
}

// itself is a path of a machine with a merged /usr.
func itself(path string) host.Path {
	switch path {
	case "/bin", "/sbin", "/lib", "/lib64":
		return host.Path{Type: host.Link, Link: "usr" + path}
	case "/lib32", "/libx32", "/etc/pki", "/etc/crypto-policies", "/proc/latency_stats", "/proc/sched_debug", "/proc/timer_stats":
		return host.Path{}
	case "/etc/ssl/openssl.cnf", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/nsswitch.conf", "/proc/interrupts", "/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger":
		return host.Path{Type: host.File}
	case "/etc/localtime":
		return host.Path{Type: host.Link, Link: "/usr/share/zoneinfo/Etc/UTC"}
	}
	return host.Path{Type: host.Directory}
}

func goldenPlans(t *testing.T) map[string]*plan.Plan {
	t.Helper()
	files, err := filepath.Glob("../../compiler/render/testdata/golden/*.json")
	if err != nil || len(files) < 12 {
		t.Fatal(len(files), err)
	}
	out := map[string]*plan.Plan{}
	for _, f := range files {
		r, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Decode(r)
		_ = r.Close()
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = p
	}
	return out
}

// The programs of every example, for root and for an ordinary user, are those in testdata.
func TestGoldenPrograms(t *testing.T) {
	want := map[string]bool{}
	for name, p := range goldenPlans(t) {
		for who, facts := range callers(p) {
			file := filepath.Join("testdata", name+"."+who+".txt")
			want[file] = true
			prog, err := Lower(p, facts)
			var buf bytes.Buffer
			if err != nil {
				buf.WriteString("refused: " + err.Error() + "\n")
			} else if err := prog.WriteText(&buf); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(buf.String(), "t0psecret") {
				t.Errorf("%s shows a secret", file)
			}
			if *update {
				if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := os.ReadFile(file); !bytes.Equal(got, buf.Bytes()) {
				t.Errorf("%s is not the program of today; look at it with -update and git diff", file)
			}
		}
	}
	files, _ := filepath.Glob("testdata/*.txt")
	for _, f := range files {
		if !want[f] {
			t.Errorf("%s belongs to no example", f)
		}
	}
}

// The order that security rests on, in every program: sources are opened before
// the box is entered, targets are resolved inside it, generated trees are sealed
// after they are filled, and execve is the last of all.
func TestOrder(t *testing.T) {
	for name, p := range goldenPlans(t) {
		for who, facts := range callers(p) {
			prog, err := Lower(p, facts)
			if err != nil {
				continue
			}
			t.Run(name+" "+who, func(t *testing.T) { checkOrder(t, prog) })
		}
	}
}

func checkOrder(t *testing.T, p *Program) {
	entered, created, sealed := false, false, false
	for i := range p.Enter {
		o := &p.Enter[i]
		inBox := resolves(o, unix.RESOLVE_IN_ROOT)
		switch {
		case o.Call == callPivotRoot || o.Call == callChroot:
			entered = true
		case entered && (o.Call == callFsopen || o.Call == callOpenat2 && !inBox):
			t.Errorf("op %d looks at the host after the box was entered: %s", i, o)
		case !entered && inBox:
			t.Errorf("op %d resolves a path of the box before it was entered: %s", i, o)
		case o.Call == callOpenat2 && !resolves(o, unix.RESOLVE_NO_MAGICLINKS) && !resolves(o, unix.RESOLVE_NO_SYMLINKS):
			t.Errorf("op %d follows magic links: %s", i, o)
		case o.Call == callMkdirat || o.Call == callMknodat || o.Call == callSymlinkat:
			created = true
			if sealed {
				t.Errorf("op %d makes something in a sealed tree: %s", i, o)
			}
		case entered && created && o.Call == callMountSetattr && o.Args[0].Reg == p.rootReg():
			sealed = true
		}
	}
	if !entered {
		t.Error("the box is never entered")
	}
	if last := p.Command[len(p.Command)-1]; last.Call != callExecve {
		t.Errorf("the last op of the command is %s", &last)
	}
	drop := slices.IndexFunc(p.Command, func(o Op) bool { return o.Call == callCapset })
	uid := slices.IndexFunc(p.Command, func(o Op) bool { return o.Call == callSetresuid })
	if drop < 0 || uid > drop {
		t.Errorf("capabilities are set by op %d, the user by op %d", drop, uid)
	}
	if p.Stage != nil && (p.Stage[0].Call != callPrctl || p.Stage[0].Args[0].Num != unix.PR_SET_PDEATHSIG) {
		t.Errorf("the first op of the process before process 1 is %s", &p.Stage[0])
	}
	if first := p.Enter[0]; first.Call != callPrctl || first.Args[0].Num != unix.PR_SET_PDEATHSIG {
		t.Errorf("the first op is %s", &first)
	}
}

func resolves(o *Op, flag uint64) bool {
	if o.Call != callOpenat2 {
		return false
	}
	for _, f := range o.Args[2].More.Fields {
		if f.Name == "resolve" {
			return f.Num&flag != 0
		}
	}
	return false
}

// rootReg is the register of the root that is entered.
func (p *Program) rootReg() Reg {
	for i := range p.Enter {
		if i+1 < len(p.Enter) && p.Enter[i].Call == callFchdir && (p.Enter[i+1].Call == callPivotRoot || p.Enter[i+1].Call == callChroot) {
			return p.Enter[i].Args[0].Reg
		}
	}
	return 0
}

// What a machine cannot do is refused before anything is done, and names what is missing.
func TestRefusals(t *testing.T) {
	plans := goldenPlans(t)
	for name, c := range map[string]struct {
		plan   string
		change func(*host.Facts)
		want   string
	}{
		"old kernel":     {"hello", func(f *host.Facts) { f.Kernel = host.Version{Major: 5, Minor: 4} }, "kernel 5.4 is too old"},
		"no subuids":     {"subuid", func(f *host.Facts) { f.SubUIDs = nil }, "needs subordinate uids"},
		"no newuidmap":   {"subuid", func(f *host.Facts) { f.IDTools = host.IDTools{} }, "cannot map more than your own id"},
		"few open files": {"hello", func(f *host.Facts) { f.NoFile = 20 }, "open files at once"},
		"no rootfs":      {"chroot", func(f *host.Facts) { f.Paths["./rootfs"] = host.Path{} }, "./rootfs does not exist"},
		"rootfs a file":  {"chroot", func(f *host.Facts) { f.Paths["./rootfs"] = host.Path{Type: host.File} }, "not a directory"},
		"no nosymfollow": {"kept", func(f *host.Facts) { f.Kernel = host.Version{Major: 5, Minor: 13} }, "a kept directory needs Linux 5.14"},
		"a socket":       {"devices", func(f *host.Facts) { f.Paths["/dev/kmsg"] = host.Path{Type: host.Other} }, "/dev/kmsg is no device"},
		"no device":      {"devices", func(f *host.Facts) { f.Paths["/dev/kmsg"] = host.Path{Type: host.File} }, "/dev/kmsg is no device"},
		"secret unset":   {"inputs", func(f *host.Facts) { f.Caller.Secrets = nil }, "secret input TOKEN has no value"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plans[c.plan]
			facts := callers(p)["user"]
			c.change(&facts)
			if _, err := Lower(p, facts); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

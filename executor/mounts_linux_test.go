package executor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// dirPlan is fullPlan with a directory as the root.
func dirPlan(t *testing.T, write, keep string, args ...string) *planner {
	t.Helper()
	p := fullPlan(t, args...).replace(&plan.Rootfs{Type: "dir", Source: "./root", ReadOnly: write == "none", Options: []string{"nodev", "nosuid"}, Write: write, Keep: keep})
	if keep != "" {
		p.before("close_fds", &plan.Keep{Dir: keep})
	}
	return p.without("file")
}

// root makes the rootfs that dirPlan uses: mount points and little else.
func (b *box) root(names ...string) {
	b.t.Helper()
	for _, n := range append([]string{"proc/", "dev/", "tmp/", "probe", "etc/"}, names...) {
		b.file("root/"+n, "")
	}
}

// file makes a file, or a directory where the name ends with a slash, owned by the box's user.
func (b *box) file(name, content string) {
	b.t.Helper()
	p := b.path(name)
	dir := filepath.Dir(p)
	if strings.HasSuffix(name, "/") {
		dir = p
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if !strings.HasSuffix(name, "/") {
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.own()
}

func (b *box) own() {
	if b.user == nil {
		return
	}
	_ = filepath.Walk(b.dir, func(p string, _ os.FileInfo, err error) error {
		if err == nil {
			err = os.Lchown(p, int(b.user.Uid), int(b.user.Gid))
		}
		return err
	})
}

func (b *box) link(text, name string) {
	b.t.Helper()
	if err := os.Symlink(text, b.path(name)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) want(p *planner, code int, output string) {
	b.t.Helper()
	r := b.run(p.plan())
	if r.code != code || !strings.Contains(r.stdout+r.stderr, output) {
		b.t.Errorf("exit %d, want %d and %q\n%s%s", r.code, code, output, r.stdout, r.stderr)
	}
}

// A file that says that it can be written can be, also where what is around it cannot.
func TestFileMode(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for _, in := range []string{"/etc", "/memory"} {
			for name, code := range map[string]int{"rw": 0, "ro": 1} {
				p := fullPlan(t, "write", in+"/"+name).before("pivot_root",
					&plan.Mount{Type: "tmpfs", Target: "/memory", ReadOnly: true, Options: bindOptions, Perms: "0755"},
					&plan.File{Target: in + "/rw", Content: "x", Perms: "0644"}, &plan.File{Target: in + "/ro", Content: "x", Perms: "0644", ReadOnly: true})
				b.want(p, code, map[int]string{0: "", 1: "read-only file system"}[code])
			}
		}
	})
}

var bindOptions = []string{"nodev", "nosuid"}

// What is written to a root goes nowhere, into memory, or into the kept directory.
func TestRootfsWrite(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.root("etc/motd")
		b.want(dirPlan(t, "none", "", "write", "/new"), 1, "read-only file system")
		b.want(dirPlan(t, "discard", "", "write", "/new"), 0, "")
		b.want(dirPlan(t, "discard", "", "read", "/new"), 1, "no such file")
		b.want(dirPlan(t, "keep", "./kept", "write", "/new"), 0, "")
		b.want(dirPlan(t, "keep", "./kept", "read", "/new"), 0, "written")
		if _, err := os.Stat(b.path("root/new")); err == nil {
			t.Error("the rootfs itself was written to")
		}
	})
}

// A root that is generated keeps what was written to it, run after run.
func TestKeptGenerated(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		p := func(args ...string) *planner {
			return fullPlan(t, args...).replace(&plan.Rootfs{Type: "tmpfs", Options: []string{"nodev", "nosuid"}, Write: "keep", Keep: "./kept"}).
				before("close_fds", &plan.Keep{Dir: "./kept"}).before("pivot_root", &plan.Symlink{Target: "/link", Link: "etc"}, &plan.Dir{Target: "/mnt", Perms: "0755"},
				&plan.Mount{Type: "mqueue", Target: "/mnt", Options: bindOptions})
		}
		b.want(p("write", "/link/new"), 0, "")
		b.want(p("read", "/etc/new"), 0, "written")
	})
}

// A target that is missing is made in memory or in the kept directory, and is an error in a read-only root.
func TestMissingTarget(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.root()
		b.file("data/hello", "from the host\n")
		m := &plan.Mount{Type: "bind", Source: "./data", Target: "/srv/data", ReadOnly: true, Options: bindOptions}
		b.want(dirPlan(t, "none", "", "read", "/srv/data/hello").before("pivot_root", m), 125, "rootfs.write: discard")
		b.want(dirPlan(t, "discard", "", "read", "/srv/data/hello").before("pivot_root", m), 0, "from the host")
		b.want(fullPlan(t, "read", "/srv/data/hello").before("pivot_root", m), 0, "from the host")
		if _, err := os.Stat(b.path("root/srv")); err == nil {
			t.Error("a mount point was made in the rootfs")
		}
	})
}

// Binds are read-only with everything below them; rw is rw; optional ones may be missing, others not.
func TestBind(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("data/", "")
		bind := func(mode bool) *plan.Mount {
			return &plan.Mount{Type: "bind", Source: "./data", Target: "/data", ReadOnly: mode, Options: bindOptions}
		}
		b.want(fullPlan(t, "write", "/data/x").before("pivot_root", bind(true)), 1, "read-only file system")
		b.want(fullPlan(t, "write", "/data/x").before("pivot_root", bind(false)), 0, "")
		if got, _ := os.ReadFile(b.path("data/x")); string(got) != "written\n" {
			t.Errorf("the host reads %q", got)
		}
		missing := &plan.Mount{Type: "bind", Source: "./missing", Target: "/data", Options: bindOptions}
		b.want(fullPlan(t, "exit", "0").before("pivot_root", missing), 125, "./missing does not exist")
		missing.Optional = true
		b.want(fullPlan(t, "exit", "0").before("pivot_root", missing), 0, "")
		b.want(fullPlan(t, "exit", "0").before("pivot_root", &plan.Mount{Type: "bind", Source: "./data/x", Target: "/tmp", Options: bindOptions}), 125, "directory")
	})
}

// A source that is a link out of the Boxfile's folder is refused (CVE-2024-42472); one inside, or named whole, is followed.
func TestSourceLinks(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("real/hello", "inside\n")
		b.link("real", "inside")
		b.link("/etc", "outside")
		mount := func(source string) *plan.Mount {
			return &plan.Mount{Type: "bind", Source: source, Target: "/data", ReadOnly: true, Options: bindOptions}
		}
		b.want(fullPlan(t, "read", "/data/hello").before("pivot_root", mount("./inside")), 0, "inside")
		b.want(fullPlan(t, "read", "/data/hello").before("pivot_root", mount("./outside")), 125, "leads out of the Boxfile's folder")
		b.want(fullPlan(t, "read", "/data/hello").before("pivot_root", mount(b.path("inside"))), 0, "inside")
	})
}

// A missing source is made where the file says, by the caller, and nowhere a link leads out to.
func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("sub/", "")
		b.file("../outside/", "")
		made := func(source string) *planner {
			return fullPlan(t, "write", "/data/x").before("close_fds", &plan.CreateSource{Path: source, Type: "dir"}).
				before("pivot_root", &plan.Mount{Type: "bind", Source: source, Target: "/data", Options: bindOptions})
		}
		b.want(made("./sub/new"), 0, "")
		if got, _ := os.ReadFile(b.path("sub/new/x")); string(got) != "written\n" {
			t.Errorf("the host reads %q", got)
		}
		b.link("../outside", "sub/out")
		b.want(made("./sub/out/new"), 125, `"step":"create_source"`)
		if _, err := os.Stat(b.path("../outside/new")); err == nil {
			t.Error("a directory was made outside")
		}
		b.want(made("./none/new"), 125, "its parent directory does not exist")
	})
}

// Links in a hostile rootfs lead back into the box: nothing is mounted on, made in, or taken from the host (CVE-2021-30465, CVE-2026-87766).
func TestTargetLinks(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.root("canary/")
		b.file("canary/secret", "the host's\n")
		b.file("data/hello", "mounted\n")
		if err := os.RemoveAll(b.path("root/etc")); err != nil {
			t.Fatal(err)
		}
		b.link(b.path("canary"), "root/etc")
		b.link("../../../../../../../../canary", "root/up")
		m := &plan.Mount{Type: "bind", Source: "./data", Target: "/up", ReadOnly: true, Options: bindOptions}
		b.want(dirPlan(t, "none", "", "read", "/canary/hello").before("pivot_root", m), 0, "mounted")
		for _, write := range []string{"none", "discard"} {
			p := dirPlan(t, write, "", "exit", "0").before("pivot_root", &plan.File{Target: "/etc/hosts", Content: "x", Perms: "0644", ReadOnly: true})
			b.want(p, 125, "")
		}
		if list, _ := os.ReadDir(b.path("canary")); len(list) != 1 {
			t.Errorf("the canary has changed: %v", list)
		}
	})
}

// Files, links and directories are what the file says, in generated and in foreign trees.
func TestGenerated(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.root("etc/conf")
		file := &plan.File{Target: "/etc/conf", Content: "generated\n", Perms: "0640", ReadOnly: true}
		b.want(dirPlan(t, "none", "", "read", "/etc/conf").before("pivot_root", file), 0, "generated")
		b.want(dirPlan(t, "none", "", "write", "/etc/conf").before("pivot_root", file), 1, "read-only file system")
		b.want(fullPlan(t, "stat", "/etc/conf").before("pivot_root", file), 0, "100640 0 0")
		b.want(fullPlan(t, "stat", "/a/b").before("pivot_root", &plan.Dir{Target: "/a/b", Perms: "1700"}), 0, "41700 0 0")
		b.want(fullPlan(t, "read", "/a/b").before("pivot_root", &plan.Symlink{Target: "/a/b", Link: "../etc/hosts"}), 0, "127.0.0.1")
		b.want(fullPlan(t, "read", "/tmp/sub/f").before("pivot_root", &plan.File{Target: "/tmp/sub/f", Content: "in a tmpfs\n", Perms: "0644"}), 0, "in a tmpfs")
		b.want(dirPlan(t, "none", "", "exit", "0").before("pivot_root", &plan.Symlink{Target: "/new", Link: "x"}), 125, "rootfs.write: discard")
	})
}

// Masked paths read as nothing, read-only paths cannot be written, whatever they are.
func TestMaskReadonly(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("data/secret", "hidden\n")
		b.file("data/dir/inner", "hidden too\n")
		bind := &plan.Mount{Type: "bind", Source: "./data", Target: "/data", Options: bindOptions}
		masked := func(args ...string) *planner {
			return fullPlan(t, args...).before("pivot_root", bind).before("mask", &plan.Mask{Paths: []string{"/data/secret", "/data/dir"}})
		}
		b.want(masked("read", "/data/dir/inner"), 1, "no such file")
		if r := b.run(masked("read", "/data/secret").plan()); r.code != 0 || r.stdout != "" {
			t.Errorf("exit %d, read %q", r.code, r.stdout)
		}
		b.want(fullPlan(t, "write", "/data/new").before("pivot_root", bind).before("readonly", &plan.Readonly{Paths: []string{"/data"}}), 1, "read-only file system")
		b.want(fullPlan(t, "exit", "0").before("mask", &plan.Mask{Paths: []string{"/missing"}}), 125, "/missing")
		b.want(fullPlan(t, "write", "/proc/sys/kernel/hostname"), 1, "read-only file system")
	})
}

// A mask whose path has a * covers all that fit it, as the thermal_throttle of each CPU.
func TestMaskPattern(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		sys := &plan.Mount{Type: "sysfs", Target: "/sys", ReadOnly: true, Options: []string{"nodev", "noexec", "nosuid"}}
		files := mustGlob("/sys/devices/system/cpu/cpu[0-9]*/topology/core_id")
		if len(files) == 0 {
			skip(t, "this machine's /sys has no topology of CPUs")
		}
		for _, cpu := range files[:min(len(files), 4)] {
			read := func() *planner { return fullPlan(t, "read", cpu).before("pivot_root", sys) }
			b.want(read(), 0, "\n")
			b.want(read().before("mask", &plan.Mask{Paths: []string{"/sys/devices/system/cpu/cpu*/topology", "/sys/nosuch*"}, Optional: true}), 1, "no such file")
		}
	})
}

// An overlay shows its layers topmost first.
func TestOverlay(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("low, with: odd\\name/a", "low a\n")
		b.file("low, with: odd\\name/b", "low b\n")
		b.file("high/a", "high a\n")
		m := &plan.Mount{Type: "overlay", Lower: []string{"./high", "./low, with: odd\\name"}, Target: "/data", Write: "none", ReadOnly: true, Options: bindOptions}
		b.want(fullPlan(t, "read", "/data/a").before("pivot_root", m), 0, "high a")
		b.want(fullPlan(t, "read", "/data/b").before("pivot_root", m), 0, "low b")
		b.want(fullPlan(t, "write", "/data/a").before("pivot_root", m), 1, "read-only file system")
		one := *m
		one.Lower, one.Write, one.ReadOnly = m.Lower[:1], "discard", false
		b.want(fullPlan(t, "write", "/data/a").before("pivot_root", &one), 0, "")
		if got, _ := os.ReadFile(b.path("high/a")); string(got) != "high a\n" {
			t.Errorf("the layer was written to: %q", got)
		}
	})
}

// The rootfs can be entered by chroot where the file says so.
func TestChroot(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.root("etc/motd")
		p := dirPlan(t, "none", "", "facts").before("pivot_root", &plan.Chroot{}).without("pivot_root")
		f := b.facts(p.plan())
		if f.Cwd != "/" || f.PID != 2 {
			t.Errorf("cwd %q, pid %d", f.Cwd, f.PID)
		}
	})
}

// A kept directory is one box's at a time, and nobody else's.
func TestKeep(t *testing.T) {
	b := newBox(t)
	b.root()
	if err := os.Mkdir(b.path("kept"), 0o700); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(b.path("kept"), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	b.want(dirPlan(t, "keep", "./kept", "exit", "0"), 125, "another box is using it")
	if err := unix.Flock(fd, unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	b.want(dirPlan(t, "keep", "./kept", "exit", "0"), 0, "")
	if err := os.Chmod(b.path("kept"), 0o777); err != nil {
		t.Fatal(err)
	}
	b.want(dirPlan(t, "keep", "./kept", "exit", "0"), 125, "another user")
	b.link("kept", "link")
	b.want(dirPlan(t, "keep", "./link", "exit", "0"), 125, "real path")
	if os.Getuid() == 0 { // root is not led into a directory of somebody else's (CVE-2021-26910)
		if err := os.Chmod(b.path("kept"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(b.path("kept"), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		b.want(dirPlan(t, "keep", "./kept", "exit", "0"), 125, "another user")
	}
}

// A directory as standard input would be a way out.
func TestStandardDescriptors(t *testing.T) {
	b := newBox(t)
	cmd := b.command(fullPlan(t, "exit", "0").plan())
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd.Stdin = dir
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 125 || !strings.Contains(string(out), "descriptor 0 is a directory") {
		t.Errorf("exit %d: %s", cmd.ProcessState.ExitCode(), out)
	}
	cmd = b.command(fullPlan(t, "facts").plan())
	var extra []*os.File
	for range 40 { // inherited descriptors without close-on-exec
		f, err := os.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		extra = append(extra, f)
	}
	cmd.ExtraFiles = extra
	out, _ = cmd.Output()
	if strings.Contains(string(out), `"3":"/`) || strings.Contains(string(out), `"20":"/`) {
		t.Errorf("descriptors of the caller's are in the box: %s", out)
	}
}

// What the file puts below a directory of rootfs: host is seen there, or the box is refused: never hidden below it.
func TestBelowSystem(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.file("data/hello", "from the folder\n")
		on := func(write string, entry plan.Step, args ...string) *planner {
			p := fullPlan(t, args...)
			if write == "keep" {
				p.before("close_fds", &plan.Keep{Dir: "./kept"})
			}
			return p.before("pivot_root", &plan.System{Path: "/usr", Write: write, Keep: map[string]string{"keep": "./kept"}[write]}, entry)
		}
		file := func(target string) plan.Step {
			return &plan.File{Target: target, Content: "mine\n", Perms: "0644", ReadOnly: true}
		}
		bind := &plan.Mount{Type: "bind", Source: "./data", Target: "/usr/new/data", ReadOnly: true, Options: bindOptions}
		link, dir := &plan.Symlink{Target: "/usr/new/link", Link: "/probe"}, &plan.Dir{Target: "/usr/new/dir", Perms: "0711"}
		b.want(on("none", file("/usr/bin/env"), "read", "/usr/bin/env"), 0, "mine")
		b.want(on("none", file("/usr/new/file"), "read", "/usr/new/file"), 125, "rootfs.write: discard")
		b.want(on("none", bind, "read", "/usr/new/data/hello"), 125, "rootfs.write: discard")
		b.want(on("none", link, "stat", "/usr/new/link"), 125, "belongs to the host")
		b.want(on("none", dir, "stat", "/usr/new/dir"), 125, "belongs to the host")
		b.want(on("none", &plan.Dir{Target: "/usr", Perms: "0700"}, "stat", "/usr"), 125, "is mounted there")
		for _, write := range []string{"discard", "keep", "keep"} { // a second run finds what the first has kept
			b.want(on(write, file("/usr/bin/env"), "read", "/usr/bin/env"), 0, "mine")
			b.want(on(write, file("/usr/new/file"), "read", "/usr/new/file"), 0, "mine")
			b.want(on(write, bind, "read", "/usr/new/data/hello"), 0, "from the folder")
			b.want(on(write, link, "stat", "/usr/new/link"), 0, "100")
			b.want(on(write, dir, "stat", "/usr/new/dir"), 0, "40711")
			b.want(on(write, &plan.Dir{Target: "/usr", Perms: "0700"}, "stat", "/usr"), 125, "is mounted there")
		}
		if _, err := os.Lstat("/usr/new"); err == nil {
			t.Error("the host's /usr was written to")
		}
	})
}

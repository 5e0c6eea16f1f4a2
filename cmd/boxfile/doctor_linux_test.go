package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
	"github.com/boxfile/boxfile/executor/doctor"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// patient is a machine that doctor looks at, as one user: namespaces that a test
// makes are the circumstances.
type patient struct {
	t    *testing.T
	dir  string
	user bool // an ordinary user, where the tester is root
}

// eachPatient runs a test for the tester, and for an ordinary user where that is root.
func eachPatient(t *testing.T, test func(p *patient)) {
	t.Helper()
	for _, user := range []bool{false, true} {
		if user && os.Getuid() != 0 {
			continue
		}
		t.Run(map[bool]string{false: "self", true: "ordinary"}[user], func(t *testing.T) {
			dir, err := os.MkdirTemp(bin, "doctor-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			test(&patient{t, dir, user})
		})
	}
}

// script runs a shell script as the tester: in it "$AS" becomes the user, "$DOCTOR" is
// boxfile doctor --json, and "$FILTER" executes its words under a filter. Nothing may be left of it.
func (p *patient) script(text string) *diagnosis {
	p.t.Helper()
	as := ""
	if p.user {
		words, err := ordinaryCommand(nil)
		if err != nil {
			fixture.Skip(p.t, err.Error())
		}
		as = strings.Join(words, " ") + " "
	}
	before := p.traces()
	cmd := exec.Command("sh", "-ec", text)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "AS="+as, "DOCTOR="+filepath.Join(bin, "boxfile")+" doctor --json", "FILTER="+p.filter())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, 5*time.Second
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	timer := time.AfterFunc(bound, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	_ = cmd.Wait() // the exit code says it
	d := &diagnosis{}
	if err := json.Unmarshal(out.Bytes(), d); err != nil {
		p.t.Fatalf("exit %d, %v\n%s%s", cmd.ProcessState.ExitCode(), err, &out, &errs)
	}
	if want := map[bool]int{true: exitOK, false: exitWrong}[d.Works]; cmd.ProcessState.ExitCode() != want {
		p.t.Errorf("exit %d, and works is %v", cmd.ProcessState.ExitCode(), d.Works)
	}
	if after := p.traces(); after != before {
		p.t.Errorf("left behind; before:\n%s\nafter:\n%s", before, after)
	}
	return d
}

// traces is what a box may leave: mounts, files beside the Boxfile, cgroups of
// doctor's boxes, processes that have the folder of this test in their words.
func (p *patient) traces() string {
	out := mounts(p.t)
	_ = filepath.WalkDir(p.dir, func(path string, _ fs.DirEntry, _ error) error {
		out += path + "\n"
		return nil
	})
	for _, pattern := range []string{"/sys/fs/cgroup/boxfile/doctor-*", "/sys/fs/cgroup/*/boxfile/doctor-*", "/sys/fs/cgroup/*/*/boxfile/doctor-*"} {
		found, _ := filepath.Glob(pattern)
		out += strings.Join(found, "\n")
	}
	r := run{t: p.t, dir: p.dir}
	return out + r.processes()
}

// file writes a Boxfile beside the others.
func (p *patient) file(text string) string {
	p.t.Helper()
	name := filepath.Join(p.dir, "box.yaml")
	if err := os.WriteFile(name, []byte("boxfile: 1\nname: doctor\n"+text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// check finds the check of this name, and holds the answer, the beginning of the cause and a part of the fix against it.
func (p *patient) check(d *diagnosis, name string, answer doctor.Answer, cause, fix string) {
	p.t.Helper()
	at := slices.IndexFunc(d.Checks, func(c checkLine) bool { return c.Name == name })
	if at < 0 {
		p.t.Fatalf("no check %s in %+v", name, d.Checks)
	}
	c := &d.Checks[at]
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	if c.Answer != answer || !strings.HasPrefix(text(c.Cause), cause) || !strings.Contains(text(c.Fix), fix) {
		p.t.Errorf("%s: %s, %s\n  cause: %s\n  fix: %s\n  detail: %s", c.Name, c.Answer, c.Found, text(c.Cause), text(c.Fix), text(c.Detail))
	}
}

// filter is the test binary at a place that every user can read.
func (p *patient) filter() string {
	p.t.Helper()
	to := filepath.Join(bin, "filter")
	if _, err := os.Stat(to); err == nil {
		return to
	}
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		p.t.Fatal(err)
	}
	return to
}

// noNamespaces is a script that looks from where no user namespace can be made.
const noNamespaces = "$AS unshare -Ur sh -ec 'echo 0 > /proc/sys/user/max_user_namespaces; $DOCTOR'"

// doctor --json is what its schema says, whether all works or nothing does.
func TestDoctorSchema(t *testing.T) {
	schema, err := jsonschema.CompileString("doctor.schema.json", string(doctorSchema))
	if err != nil {
		t.Fatal(err)
	}
	eachPatient(t, func(p *patient) {
		p.file("mounts: [./nosuch:/src]\ncommand: [ls]")
		for _, script := range []string{"$AS $DOCTOR", "$AS $DOCTOR box.yaml", noNamespaces} {
			b, err := json.Marshal(p.script(script))
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				p.t.Errorf("%s: %#v", script, err)
			}
		}
	})
}

// Without a file a default box is tried, and what more there can be.
func TestDoctorWithoutAFile(t *testing.T) {
	eachPatient(t, func(p *patient) {
		d := p.script("$AS $DOCTOR")
		if !d.Works || d.Strongest == nil || len(d.Strongest.Only) > 0 || !slices.Contains(d.Strongest.Can, "ports") {
			p.t.Fatalf("%+v", d)
		}
		for _, c := range d.Checks {
			if c.Answer != doctor.Works && (c.Needed || c.Cause == nil && c.Fix == nil) {
				p.t.Errorf("%+v", c)
			}
		}
		low := map[bool]doctor.Answer{true: doctor.Works, false: doctor.Fails}[os.Getuid() == 0 && !p.user]
		p.check(d, "ports below 1024", low, "", "")
	})
}

// What forbids namespaces is named.
func TestDoctorNamesWhatForbidsNamespaces(t *testing.T) {
	eachPatient(t, func(p *patient) {
		d := p.script(noNamespaces)
		p.check(d, "namespaces", doctor.Fails, "user.max_user_namespaces is 0", "sysctl user.max_user_namespaces=")
		if d.Works || d.Strongest != nil {
			p.t.Errorf("some box works: %+v", d.Strongest)
		}
		d = p.script(strings.ReplaceAll(noNamespaces, "max_user", "max_net"))
		p.check(d, "namespaces", doctor.Fails, "user.max_net_namespaces is 0", "sysctl user.max_net_namespaces=")
	})
}

// The filter of an outer container is named, with the call that it refuses where that can be told.
func TestDoctorNamesAFilter(t *testing.T) {
	eachPatient(t, func(p *patient) {
		for _, tt := range []struct{ filter, part, cause, fix string }{
			{"clone3=ENOSYS", "namespaces", "a seccomp filter refuses clone3 (", "seccomp=unconfined"},
			{"clone3=EPERM", "namespaces", "a seccomp filter refuses clone3 (", "seccomp=unconfined"},
			{"mount_setattr=EPERM,unshare=EPERM", "namespaces", "a seccomp filter refuses mount_setattr (", "allows mount_setattr"},
			{"fsopen=EPERM", "rootfs", "boxfile runs under a seccomp filter (", "allows fsopen"},
		} {
			d := p.script("BOXFILE_TEST_FILTER=" + tt.filter + " $AS $FILTER $DOCTOR")
			p.check(d, tt.part, doctor.Fails, tt.cause, tt.fix)
			if !d.Machine.Filter {
				p.t.Errorf("%s: the filter is not told", tt.filter)
			}
		}
	})
}

// A /proc with hidden parts allows no new one, but a box with the machine's own.
func TestDoctorNamesAHiddenProc(t *testing.T) {
	eachPatient(t, func(p *patient) {
		d := p.script("$AS unshare -Urmpf --mount-proc sh -ec 'mount --bind /dev/null /proc/cmdline; $DOCTOR'")
		p.check(d, "proc", doctor.Fails, "parts of this system's own /proc are hidden (/proc/cmdline)", "proc: host-ro")
		p.check(d, "security", doctor.Works, "", "")
		if d.Works || d.Strongest == nil || !slices.Equal(d.Strongest.Only, []string{"proc: host-ro"}) {
			p.t.Errorf("%+v", d.Strongest)
		}
	})
}

// Limits need hierarchies that can be written to.
func TestDoctorNamesReadOnlyCgroups(t *testing.T) {
	eachPatient(t, func(p *patient) {
		p.file("resources: {pids: 64}\nshell: \"true\"")
		d := p.script(`$AS unshare -Urm sh -ec 'for d in $(awk "\$3 ~ /^cgroup2?$/ {print \$2}" /proc/mounts); do mount -o remount,bind,ro $d; done; $DOCTOR box.yaml'`)
		at := slices.IndexFunc(d.Checks, func(c checkLine) bool { return c.Name == "resources.pids" })
		if at < 0 || d.Checks[at].Cause == nil || !strings.Contains(*d.Checks[at].Cause, "is mounted read-only, as in a container") {
			p.t.Errorf("%+v", d.Checks)
		}
	})
}

// Ranges of ids need tools with a privilege of their own.
func TestDoctorNamesToolsOfIDs(t *testing.T) {
	const tool = "/usr/bin/newuidmap"
	if _, err := os.Stat(tool); err != nil || os.Getuid() != 0 {
		t.Skip("only root can hide " + tool + ", where it is installed")
	}
	eachPatient(t, func(p *patient) {
		if !p.user {
			return // root writes the maps itself
		}
		uid, _ := (&run{t: p.t, user: true}).ids()
		firstSubID(p.t, uid)
		p.file("idmap: subuid\nshell: \"true\"")
		p.check(p.script("$AS $DOCTOR box.yaml"), "idmap", doctor.Works, "", "")
		for mode, cause := range map[os.FileMode]string{0o644: "newuidmap is not installed", 0o755: tool + " is neither setuid root nor has it capabilities"} {
			stub := filepath.Join(p.dir, "stub")
			if err := os.WriteFile(stub, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
				p.t.Fatal(err)
			}
			if err := os.Chmod(stub, mode); err != nil {
				p.t.Fatal(err)
			}
			d := p.script("unshare -m sh -ec 'mount --bind stub " + tool + "; $AS $DOCTOR box.yaml'")
			p.check(d, "idmap", doctor.Fails, cause, "idmap: caller")
		}
	})
}

// A way out needs /dev/net/tun.
func TestDoctorNamesAMissingTun(t *testing.T) {
	there := func(p string) bool { _, err := os.Stat(p); return err == nil }
	if !there("/dev/net") || !there("/usr/bin/pasta") && !there("/usr/bin/slirp4netns") {
		fixture.Skip(t, "/dev/net, or pasta and slirp4netns, are not there")
	}
	eachPatient(t, func(p *patient) {
		p.file("network: outbound\nshell: \"true\"")
		d := p.script("$AS unshare -Urm sh -ec 'mount -t tmpfs none /dev/net; $DOCTOR box.yaml'")
		p.check(d, "network", doctor.Fails, "/dev/net/tun does not exist", "modprobe tun")
	})
}

// In a chroot there is no box at all.
func TestDoctorNamesAChroot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can enter a chroot")
	}
	eachPatient(t, func(p *patient) {
		if p.user {
			return
		}
		for _, dir := range []string{"root", "root/proc"} {
			if err := os.Mkdir(filepath.Join(p.dir, dir), 0o755); err != nil {
				p.t.Fatal(err)
			}
		}
		data, err := os.ReadFile(filepath.Join(bin, "boxfile"))
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.dir, "root", "boxfile"), data, 0o755); err != nil {
			p.t.Fatal(err)
		}
		d := p.script("unshare -m sh -ec 'mount -t proc proc root/proc; exec chroot root /boxfile doctor --json'")
		p.check(d, "namespaces", doctor.Fails, "boxfile runs in a chroot", "run it outside")
	})
}

// With a file everything that is missing is named, with its line; sources are not created and nothing is kept.
func TestDoctorNamesAllThatAFileLacks(t *testing.T) {
	eachPatient(t, func(p *patient) {
		p.file(`rootfs: {host: true, write: {keep: ./kept}}
mounts:
  - ./nosuch:/a
  - ./alsonot:/b
  - {source: ./made, target: /c, create: dir}
devices: [/dev/nosuch]
ports: ["80:80"]
command: [nosuchcommand]
`)
		if p.user { // to keep something, the folder has to be one's own
			words, err := ordinaryCommand(nil)
			if err != nil {
				fixture.Skip(p.t, err.Error())
			}
			if out, err := exec.Command("chown", strings.TrimPrefix(words[1], "--reuid="), p.dir).CombinedOutput(); err != nil {
				p.t.Fatalf("%v: %s", err, out)
			}
		}
		d := p.script("$AS $DOCTOR box.yaml")
		lines := map[int]string{}
		for _, c := range d.Checks {
			if c.Answer == doctor.Fails && c.Step != nil && c.Step.Line != nil {
				lines[*c.Step.Line] = c.Found
			}
		}
		for line, want := range map[int]string{5: "./nosuch does not exist", 6: "./alsonot does not exist", 8: "/dev/nosuch does not exist"} {
			if !strings.HasSuffix(lines[line], want) {
				p.t.Errorf("line %d: %q, not %q", line, lines[line], want)
			}
		}
		p.check(d, "command", doctor.NotTried, "", "")
		p.check(d, "rootfs.enter", doctor.Works, "", "")
		if os.Getuid() != 0 || p.user {
			p.check(d, "ports", doctor.Fails, "net.ipv4.ip_unprivileged_port_start is", "1024")
		}
		p.file("command: [nosuchcommand]")
		p.check(p.script("$AS $DOCTOR box.yaml"), "command", doctor.Fails, "", "check the command")
	})
}

// doctor says whether an example works here, and leaves nothing behind.
func (r *run) doctor() (works bool, said string) {
	r.t.Helper()
	before, files := mounts(r.t), r.files()
	out, code := r.boxfile(nil, r.inputs("doctor")...)
	if code != exitOK && code != exitWrong {
		r.t.Fatalf("doctor: exit %d\n%s", code, out)
	}
	if after := mounts(r.t); after != before {
		r.t.Errorf("doctor has changed the host's mounts\n%s\n%s", before, after)
	}
	for f := range r.files() {
		if !files[f] {
			r.t.Errorf("doctor has left behind: %s", f)
		}
	}
	if p := r.processes(); p != "" {
		r.t.Errorf("doctor has left running: %s", p)
	}
	return code == exitOK, out
}

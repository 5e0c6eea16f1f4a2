package render_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

// hostBox is what a Boxfile with nothing but a command compiles to; change replaces and adds.
func hostBox(command ...string) *plan.Plan {
	p := &plan.Plan{Name: "box", File: "box.yaml"}
	steps := []plan.Step{
		&plan.CloseFDs{}, &plan.Session{}, &plan.Unshare{Namespaces: []string{"user", "mount", "pid", "network", "ipc", "uts", "cgroup"}},
		&plan.IDMap{}, &plan.Propagation{Mode: "private"}, &plan.Rootfs{Type: "tmpfs", ReadOnly: true, Options: []string{"nodev", "nosuid"}, Write: "none"},
	}
	for _, s := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache"} {
		steps = append(steps, &plan.System{Path: s, Write: "none"})
	}
	steps = append(steps, &plan.Mount{Type: "proc", Target: "/proc", Options: []string{"nodev", "noexec", "nosuid"}},
		&plan.Dev{Nodes: []string{"null", "zero", "tty"}, ShmSize: 64 << 20}, &plan.PivotRoot{},
		&plan.Mask{Paths: []string{"/proc/kcore", "/proc/acpi"}, Optional: true}, &plan.Readonly{Paths: []string{"/proc/sys"}, Optional: true},
		&plan.Hostname{Name: "box"}, &plan.Loopback{}, &plan.Rlimit{Name: "nofile", Soft: bound(512), Hard: bound(512), AtMost: true}, &plan.Umask{Mask: "0027"},
		&plan.Groups{Kept: true}, &plan.Workdir{Path: "/usr"}, &plan.Capabilities{}, &plan.NoNewPrivs{}, &plan.Init{},
		&plan.Env{Name: "PATH", Value: []plan.EnvPart{{Text: "/usr/bin:/bin"}}}, &plan.Exec{Args: command})
	for i, s := range steps {
		p.Add(s, plan.Position{Line: i + 1, Col: 1})
	}
	return p
}

// put puts steps before the first one of a kind.
func put(p *plan.Plan, kind string, steps ...plan.Step) *plan.Plan {
	out := &plan.Plan{Name: p.Name, File: p.File}
	for i, s := range p.Steps {
		if plan.InfoOf(s).Name == kind {
			for _, n := range steps {
				out.Add(n, plan.Position{})
			}
			kind = ""
		}
		out.Add(s, p.Positions[i])
	}
	return out
}

type result struct {
	stdout, stderr string
	code           int
}

// needScript skips where this machine cannot run such scripts at all.
func needScript(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"unshare", "setpriv", "prlimit", "ip", "hostname", "ldd", "pivot_root"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	if err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--net", "mount", "-t", "proc", "proc", "/proc").Run(); err != nil {
		t.Skipf("this machine does not let boxes be made: %v", err)
	}
}

// open is a directory that an ordinary user can use as well.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "script")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// script renders a plan and runs it as a user of the host.
func script(t *testing.T, p *plan.Plan, uid uint32, folder string, env ...string) result {
	t.Helper()
	var b bytes.Buffer
	if err := render.Sh(&b, p); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(open(t), "box.sh")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	c := exec.Command("sh", file, folder)
	c.Stdout, c.Stderr, c.Dir = &stdout, &stderr, folder
	c.Env = append([]string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "SECRET=of the caller"}, env...)
	if uid != 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// callers are who the scripts are run as: whoever runs the tests, and for root somebody else as well.
func callers() []uint32 {
	if os.Getuid() == 0 {
		return []uint32{0, 12345}
	}
	return []uint32{0} // no change
}

const questions = `echo "user $(id -u):$(id -g)"; echo "host $(hostname)"; echo "lo$(grep -c : /proc/net/dev)"; echo "dir $(pwd)"
sed -n 's/^\(Cap...\|NoNewPrivs\):[^0-9a-f]*/\1 /p' /proc/self/status; umask; ulimit -n; env | sort | sed 's/^/env /'
ls /proc/self/fd | tr '\n' ' '; ls -d /proc/[0-9]* | wc -l; touch /usr/x 2>/dev/null || echo "usr ro"; touch /x 2>/dev/null || echo "root ro"
echo > /proc/sys/kernel/hostname 2>/dev/null || echo "sys ro"; exit 7`

func TestAScriptMakesTheBoxThatThePlanDescribes(t *testing.T) {
	needScript(t)
	for _, uid := range callers() {
		p := hostBox("sh", "-c", questions)
		p = put(p, "env", &plan.Env{Name: "A", Value: []plan.EnvPart{{Text: "it's \"$HOME\" "}, {Secret: "KEY"}}}, &plan.Env{Name: "LANG", Pass: "always"})
		r := script(t, p, uid, open(t), "BOXFILE_SECRET_KEY=x y", "LANG=C")
		if r.code != 7 {
			t.Fatalf("as %d: exit code %d, want 7\n%s%s", uid, r.code, r.stdout, r.stderr)
		}
		for _, want := range []string{"user 0:0\n", "host box\n", "lo1\n", "dir /usr\n", "CapInh 0000000000000000\n", "CapPrm 0000000000000000\n", "CapEff 0000000000000000\n",
			"CapBnd 0000000000000000\n", "CapAmb 0000000000000000\n", "NoNewPrivs 1\n", "0027\n512\n", "env A=it's \"$HOME\" x y\n", "env LANG=C\n", "usr ro\nroot ro\nsys ro\n"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("as %d: %q is missing in\n%s", uid, want, r.stdout)
			}
		}
		if strings.Contains(r.stdout, "caller") || strings.Contains(r.stdout, "BOXFILE_") || strings.Contains(r.stdout, "OLDPWD") {
			t.Errorf("as %d: something of the caller's is in the environment:\n%s", uid, r.stdout)
		}
	}
}

func TestAScriptLeavesNothingBehind(t *testing.T) {
	needScript(t)
	for _, uid := range callers() {
		tmp := open(t)
		script(t, hostBox("true"), uid, open(t), "TMPDIR="+tmp)
		script(t, hostBox("sh", "-c", "kill -9 $$"), uid, open(t), "TMPDIR="+tmp)
		script(t, put(hostBox("true"), "dev", &plan.Mount{Type: "bind", Source: "./missing", Target: "/m"}), uid, open(t), "TMPDIR="+tmp)
		left, err := os.ReadDir(tmp)
		if err != nil || len(left) > 0 {
			t.Errorf("as %d: %v is left (%v)", uid, left, err)
		}
	}
}

func TestABindOfAScriptIsReadOnlyUnlessItSaysOtherwise(t *testing.T) {
	needScript(t)
	for _, uid := range callers() {
		dir := open(t)
		p := put(hostBox("sh", "-c", "cat /e/*; echo b > /rw/b && ls /rw; touch /e/x 2>/dev/null || echo no"), "dev", &plan.CreateSource{Path: "./it's new", Type: "dir"},
			&plan.Mount{Type: "bind", Source: "./it's new", Target: "/rw", Options: []string{"nodev", "nosuid"}},
			&plan.Mount{Type: "bind", Source: "./it's new", Target: "/e", ReadOnly: true, Options: []string{"nodev", "nosuid"}})
		if err := os.Mkdir(filepath.Join(dir, "it's new"), 0o777); err != nil {
			t.Fatal(err)
		}
		os.Chmod(filepath.Join(dir, "it's new"), 0o777)
		os.WriteFile(filepath.Join(dir, "it's new", "a"), []byte("text\n"), 0o644)
		if r := script(t, p, uid, dir); r.stdout != "text\na\nb\nno\n" || r.code != 0 {
			t.Errorf("as %d: %+v", uid, r)
		}
	}
}

func TestWhatAScriptPutsBelowTheHostsProgramsIsSeen(t *testing.T) {
	needScript(t)
	for _, uid := range callers() {
		file := &plan.File{Target: "/usr/bin/env", Content: "mine\n", Perms: "0644", ReadOnly: true}
		if r := script(t, put(hostBox("cat", "/usr/bin/env"), "mount", file), uid, open(t)); r.stdout != "mine\n" || r.code != 0 {
			t.Errorf("as %d: %+v", uid, r)
		}
		file.Target = "/usr/new"
		if r := script(t, put(hostBox("true"), "mount", file), uid, open(t)); r.code != 125 || !strings.Contains(r.stderr, "/usr/new does not exist in the rootfs") {
			t.Errorf("as %d: %+v", uid, r)
		}
	}
}

func TestAScriptMasksAllThatAPatternStandsFor(t *testing.T) {
	needScript(t)
	sys := &plan.Mount{Type: "sysfs", Target: "/sys", ReadOnly: true, Options: []string{"nodev", "noexec", "nosuid"}}
	p := put(hostBox("sh", "-c", "ls /sys/devices/system/cpu/cpu0/topology | wc -l; ls -d /sys/devices/system/cpu/cpu0"), "dev", sys)
	p = put(p, "mask", &plan.Mask{Paths: []string{"/sys/nosuch*", "/sys/devices/system/cpu/cpu*/topology", "/sys/firmware"}, Optional: true})
	for _, uid := range callers() {
		if r := script(t, p, uid, open(t)); r.stdout != "0\n/sys/devices/system/cpu/cpu0\n" || r.code != 0 {
			t.Errorf("as %d: %+v", uid, r)
		}
	}
}

// A rootfs is hostile until proven otherwise (CVE-2021-30465).
func TestALinkOfTheRootfsDoesNotLeadAScriptOut(t *testing.T) {
	needScript(t)
	dir, outside := open(t), open(t)
	for _, d := range []string{"rootfs", "rootfs/proc"} {
		os.Mkdir(filepath.Join(dir, d), 0o755)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "rootfs/dev")); err != nil {
		t.Fatal(err)
	}
	p := hostBox("true")
	for i, s := range p.Steps {
		if _, ok := s.(*plan.Rootfs); ok {
			p.Steps[i] = &plan.Rootfs{Type: "dir", Source: "./rootfs", Options: []string{"nodev", "nosuid"}, Write: "discard"}
		}
	}
	r := script(t, p, 0, dir)
	if r.code != 125 || !strings.Contains(r.stderr, "leads out of it") {
		t.Errorf("%+v", r)
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("the script wrote %v outside the rootfs", left)
	}
}

func TestAScriptRefusesWhatUtilLinuxCannotExpress(t *testing.T) {
	for want, p := range map[string]*plan.Plan{
		"variable LD_PRELOAD":       put(hostBox("true"), "exec", &plan.Env{Name: "LD_PRELOAD", Value: []plan.EnvPart{{Text: "/evil.so"}}}),
		"five sets of capabilities": put(hostBox("true"), "no_new_privs", &plan.Capabilities{Bounding: []string{"CHOWN"}}),
		"line end in the path":      put(hostBox("true"), "dev", &plan.Mount{Type: "tmpfs", Target: "/a\nb"}),
		"namespace time":            put(hostBox("true"), "idmap", &plan.Unshare{Namespaces: []string{"user", "time"}}),
	} {
		if r := script(t, p, 0, open(t)); r.code != 125 || !strings.Contains(r.stderr, want) || r.stdout != "" {
			t.Errorf("want %q, got %+v", want, r)
		}
	}
	for _, p := range []*plan.Plan{hostBox("a\x00b"), put(hostBox("true"), "dev", &plan.File{Target: "/f", Content: "\x00", Perms: "0644"})} {
		if err := render.Sh(new(bytes.Buffer), p); err == nil || !strings.Contains(err.Error(), "NUL") {
			t.Errorf("a NUL: error %v", err)
		}
	}
}

// The lock is the only thing that keeps two boxes from writing to one directory.
func TestAScriptHoldsTheLockOfWhatItKeeps(t *testing.T) {
	needScript(t)
	dir := open(t)
	if err := os.Mkdir(filepath.Join(dir, "k"), 0o777); err != nil {
		t.Fatal(err)
	}
	d, err := os.Open(filepath.Join(dir, "k"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := put(hostBox("sh", "-c", "touch /d/began; until [ -e /d/end ]; do sleep 0.05; done"), "close_fds", &plan.Keep{Dir: "./k"})
	p = put(p, "dev", &plan.Mount{Type: "bind", Source: "./", Target: "/d", Options: []string{"nodev", "nosuid"}})
	ended := make(chan result)
	go func() { ended <- script(t, p, 0, dir) }()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err = os.Stat(filepath.Join(dir, "began")); err == nil {
			break
		}
	}
	if lock := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil || lock != syscall.EWOULDBLOCK {
		t.Errorf("the box has begun: %v; taking its lock: %v", err, lock)
	}
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := <-ended; r.code != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAScriptSaysWhatItCannotDoWithoutTheSecret(t *testing.T) {
	needScript(t)
	p := put(hostBox("true"), "exec", &plan.Env{Name: "A", Value: []plan.EnvPart{{Secret: "KEY"}}})
	if r := script(t, p, 0, open(t)); r.code != 125 || !strings.Contains(r.stderr, "BOXFILE_SECRET_KEY is not set") {
		t.Errorf("%+v", r)
	}
}

func TestScriptsAreCleanForShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	subuid := put(hostBox("true"), "propagation", &plan.IDMapRanges{Mode: "subuid"})
	limited := put(hostBox("true"), "close_fds", allLimits(true)...)
	for _, p := range []*plan.Plan{hostBox("true"), subuid, limited, put(hostBox("true"), "close_fds", &plan.Keep{Dir: "./k"}), everyKind()} {
		var b bytes.Buffer
		if err := render.Sh(&b, p); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("shellcheck", "-")
		c.Stdin = &b
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// A script has no terminal to give. It refuses where the plan needs one, and says what to do.
func TestAScriptHasNoTerminalOfTheBoxsOwn(t *testing.T) {
	for _, required := range []bool{true, false} {
		var b bytes.Buffer
		if err := render.Sh(&b, put(hostBox("true"), "close_fds", &plan.TTY{Required: required})); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "write tty: auto") != required || strings.HasSuffix(b.String(), "\nexit 125\n") != required {
			t.Errorf("required %v:\n%s", required, b.String())
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// promised is a line of what each example's own comment says that it prints.
var promised = map[string]string{
	"best-effort": "finished", "capabilities": "", "chroot": "bin", "devices": "kmsg", "environment": "PATH=", "files": "", "fork-bomb": "processes: ", "go-build": "hello from builder",
	"clock": " days", "join": "interfaces: lo", "shared-pid": "process 1 is ",
	"hello": "Hello from the box", "host-network": "", "idmap-ranges": "", "inputs": "Hello, box", "kept": "1", "limits": "", "masks": "",
	"network-isolation": "lo", "overlay-discard": "", "own-mounts": "", "process-isolation": "", "readonly-postgres": "1", "rlimits": "", "shell": "", "subuid": "4",
	"timeout": "interrupted", "seccomp": "a socket: Permission denied", "landlock": "writable: /tmp", "inspect": "seccomp         2 (2: filtered)", "outbound": "tap0", "nginx": "", "redis": "", "two-postgres": "", "web": "", "waive": "sees a CPU",
}

// servers are the examples that run until they are ended. TestServers uses them.
var servers = map[string]bool{"nginx": true, "redis": true, "two-postgres": true, "web": true}

// ends are the exit codes of those examples that do not end by themselves.
var ends = map[string]int{"limits": 137, "timeout": 124}

// limited are the examples that need a cgroup, which an ordinary user may not be able to make.
var limited = map[string]bool{"fork-bomb": true, "limits": true, "shared-pid": true, "web": true}

// programs are what an example needs besides the base system.
var programs = map[string]string{"readonly-postgres": "/usr/lib/postgresql", "redis": "/usr/bin/redis-server", "nginx": "/usr/sbin/nginx", "outbound": "/usr/bin/pasta or /usr/bin/slirp4netns", "two-postgres": "/usr/lib/postgresql", "go-build": "/usr/local/go/bin/go", "chroot": "/bin/busybox", "web": "/bin/busybox"}

// run is one example in the hands of one user.
type run struct {
	t    *testing.T
	dir  string
	name string
	user bool // an ordinary user, where the tester is root
}

// root reports whether root runs the example.
func (r *run) root() bool { return os.Getuid() == 0 && !r.user }

// Every example runs as root and as an ordinary user, does what its comment
// says, and leaves nothing behind. doctor has said before whether it will.
func TestExamples(t *testing.T) {
	eachExample(t, func(r *run) {
		works, said := r.doctor()
		if servers[r.name] {
			if !works && !(limited[r.name] && !r.root()) { // TestServers has them run
				r.t.Error(said)
			}
			return
		}
		before := mounts(r.t)
		files := r.files()
		out, code := r.boxfile(nil, r.inputs("up")...)
		if r.name == "timeout" && !strings.Contains(out, promised[r.name]) { // a slow machine wants longer than a second until the trap is set
			r.replace("timeout: 1s ", "timeout: 20s ")
			out, code = r.boxfile(nil, r.inputs("up")...)
		}
		if works != (code < exitCannot || code > 127) {
			r.t.Errorf("doctor has said otherwise\n%s%s", said, out)
		}
		if r.name == "subuid" && strings.Contains(out, "/etc/subuid has no line") && code == exitCannot {
			return // the refusal is the promise to one who has no subordinate ids
		}
		if limited[r.name] && !r.root() && code == exitCannot && strings.Contains(out, "cgroup") {
			return // so is this one, to one to whom no cgroup is delegated
		}
		if r.name == "outbound" && code == exitCannot && strings.Contains(out, "/dev/net/tun") {
			return // and this one, where the device is root's alone, or is not there
		}
		if code != ends[r.name] || !strings.Contains(out, promised[r.name]) {
			r.t.Fatalf("exit %d\n%s", code, out)
		}
		if after := mounts(r.t); after != before {
			r.t.Errorf("the host's mounts have changed\n%s\n%s", before, after)
		}
		for f := range r.files() {
			top, _, _ := strings.Cut(f, "/")
			if !files[f] && !strings.Contains(" cache kept pgdata ", " "+top+" ") {
				r.t.Errorf("left behind: %s", f)
			}
		}
		fixture.Eventually(r.t, "nothing of the box left", func() bool { return r.processes() == "" })
	})
}

// The script that plan -o sh prints ends as the box does.
func TestScriptsEndAlike(t *testing.T) {
	eachExample(t, func(r *run) {
		script, code := r.boxfile(nil, r.inputs("plan", "-o", "sh")...)
		if code != 0 {
			r.t.Fatal(script)
		}
		if r.name == "outbound" {
			if !strings.Contains(script, "a script cannot connect the box to other networks") {
				r.t.Error("the script does not refuse the way out")
			}
			return
		}
		if servers[r.name] {
			if !strings.Contains(script, "a script cannot publish ports") || !strings.Contains(script, "exit 125") {
				r.t.Error("the script does not refuse ports")
			}
			return
		}
		if r.name == "landlock" {
			if !strings.Contains(script, "a script cannot use Landlock") {
				r.t.Error("the script does not refuse to go without Landlock")
			}
			return
		}
		if why := map[string]string{"join": "cannot join the namespace", "clock": "cannot set the clocks", "shared-pid": "cannot end a box that shares"}[r.name]; why != "" {
			if !strings.Contains(script, "a script "+why) {
				r.t.Errorf("the script does not say that it %s", why)
			}
			return
		}
		if r.name == "seccomp" {
			if !strings.Contains(script, "a script cannot join a session keyring") {
				r.t.Error("the script does not refuse to go without a keyring")
			}
			return
		}
		if r.name == "go-build" { // it takes long, and has no step that others do not have
			return
		}
		box, code := r.boxfile(nil, r.inputs("up")...)
		file := filepath.Join(r.dir, "script.sh")
		if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
			r.t.Fatal(err)
		}
		out, sh := r.command([]string{"BOXFILE_SECRET_TOKEN=t0ken", "BOXFILE_WITHOUT=seccomp"}, "sh", file, r.dir)
		if code == exitCannot && sh != 0 {
			return // both refuse
		}
		if limited[r.name] && !r.root() && sh == exitCannot && strings.Contains(out, "cannot enforce") {
			return // a script does not ask systemd for a scope
		}
		if sh != code {
			r.t.Errorf("the script ends with %d, the box with %d\n%s\n%s", sh, code, out, box)
		}
	})
}

// The plan has the same bytes for everybody, everywhere.
func TestExamplePlansAreTheSame(t *testing.T) {
	eachExample(t, func(r *run) {
		golden, err := os.ReadFile(filepath.Join("..", "..", "compiler", "render", "testdata", "golden", r.name+".json"))
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(string(golden), "inputs") || r.name == "idmap-ranges" {
			return
		}
		out, code := r.boxfile([]string{"TZ=Asia/Seoul", "LANG=C"}, "plan", "-o", "json", filepath.Join(r.dir, r.name+".yaml"))
		if code != 0 || out != string(golden) {
			r.t.Errorf("exit %d, and another plan than the golden one", code)
		}
	})
}

// eachExample tests all of them, or those that are named.
func eachExample(t *testing.T, test func(r *run), only ...string) {
	t.Helper()
	list, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(list) != len(promised) {
		t.Fatalf("%d examples, %d are promised something: %v", len(list), len(promised), err)
	}
	for _, file := range list {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		for _, user := range []bool{false, true} {
			if user && os.Getuid() != 0 {
				continue
			}
			who := map[bool]string{false: "self", true: "ordinary"}[user]
			t.Run(name+" "+who, func(t *testing.T) {
				there := func(p string) bool { _, err := os.Stat(p); return err == nil }
				if p := programs[name]; p != "" && !slices.ContainsFunc(strings.Split(p, " or "), there) {
					fixture.Skip(t, p+" is not there")
				}
				test(&run{t: t, dir: exampleFolder(t, name, user), name: name, user: user})
			})
		}
	}
}

// exampleFolder is a copy of examples/ that belongs to who runs it, with the
// busybox root that chroot.yaml's comment tells how to make.
func exampleFolder(t *testing.T, name string, user bool) string {
	t.Helper()
	dir, err := os.MkdirTemp(bin, "examples-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("rm", "-rf", dir).Run() }) // overlays keep folders without permissions
	if err := os.CopyFS(dir, os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	if name == "chroot" {
		cmd := exec.Command("sh", "-c", "mkdir -p rootfs/bin rootfs/dev rootfs/proc && cp /bin/busybox rootfs/bin/sh")
		cmd.Dir = dir
		_ = cmd.Run() // without busybox the example is skipped
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if u, err := fixture.Ordinary(); user && err == nil {
		if out, err := exec.Command("chown", "-R", u.Uid+":"+u.Gid, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return dir
}

// replace changes what the example says.
func (r *run) replace(from, to string) {
	r.t.Helper()
	file := filepath.Join(r.dir, r.name+".yaml")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), from) {
		r.t.Fatalf("%q is not in the example: %v", from, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// inputs is a verb's words for this example, with the inputs that it needs.
func (r *run) inputs(words ...string) []string {
	switch r.name {
	case "inputs":
		words = append(words, "--input", "TOKEN=t0ken")
	case "join":
		words = append(words, "--input", "PID="+r.other())
	case "idmap-ranges":
		if uid, gid := r.ids(); uid != "0" {
			words = append(words, "--input", "UID="+uid, "--input", "GID="+gid, "--input", "FIRST="+firstSubID(r.t, uid))
		}
	}
	return append(words, filepath.Join(r.dir, r.name+".yaml"))
}

// other starts a process in namespaces of its own, as join.yaml's comment tells how, and returns its id.
func (r *run) other() string {
	r.t.Helper()
	all := []string{"unshare", "-Urnui", "-T", "--fork", "--kill-child", "sh", "-c", "echo $$; exec cat"}
	if r.user {
		var err error
		if all, err = ordinaryCommand(all); err != nil {
			fixture.Skip(r.t, err.Error())
		}
	}
	return startUntil(r.t, exec.Command(all[0], all[1:]...))
}

// startUntil starts a program that lives until the test ends, and returns the first line that it says.
func startUntil(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Dir = "/"
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := cmp.Or(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // it reads the end
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (r *run) ids() (uid, gid string) {
	if u, err := fixture.Ordinary(); r.user && err == nil {
		return u.Uid, u.Gid
	}
	return strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
}

func firstSubID(t *testing.T, uid string) string {
	t.Helper()
	name, _ := exec.Command("id", "-un", uid).Output()
	b, _ := os.ReadFile("/etc/subuid")
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) == 3 && (f[0] == strings.TrimSpace(string(name)) || f[0] == uid) {
			return f[1]
		}
	}
	fixture.Skip(t, "user "+uid+" has no line in /etc/subuid")
	return ""
}

func (r *run) boxfile(env []string, words ...string) (string, int) {
	return r.command(env, filepath.Join(bin, "boxfile"), words...)
}

// bound is what no command takes: a build of Go's library takes 15 s.
const bound = 10 * time.Minute

// command runs words as the run's user, in a process group that does not outlive its bound.
func (r *run) command(env []string, name string, words ...string) (string, int) {
	r.t.Helper()
	all := append([]string{name}, words...)
	if r.user {
		var err error
		if all, err = ordinaryCommand(all); err != nil {
			fixture.Skip(r.t, err.Error())
		}
	}
	cmd := exec.Command(all[0], all[1:]...)
	cmd.Dir, cmd.Env = "/", append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 5*time.Second
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	timer := time.AfterFunc(bound, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	_ = cmd.Wait() // the exit code says it
	return out.String(), cmd.ProcessState.ExitCode()
}

func mounts(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files is what is in the folder, by path.
func (r *run) files() map[string]bool {
	out := map[string]bool{}
	_ = filepath.WalkDir(r.dir, func(p string, _ fs.DirEntry, err error) error {
		if err == nil {
			rel, _ := filepath.Rel(r.dir, p)
			out[rel] = true
		}
		return nil
	})
	return out
}

// processes is those that have the folder in their command line.
func (r *run) processes() string {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range list {
		if b, _ := os.ReadFile(f); bytes.Contains(b, []byte(r.dir)) {
			return strings.ReplaceAll(string(b), "\x00", " ")
		}
	}
	return ""
}

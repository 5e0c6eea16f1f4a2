//go:build linux

package escape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
)

// trial is one row in one configuration: a folder for Boxfiles and a canary beside it.
type trial struct {
	t        *testing.T
	config   config
	caller   *syscall.Credential
	base     string // holds dir and canary
	dir      string // the Boxfile's folder, the caller's own
	canary   *canary
	doors    *doors
	mutate   func(*box) // weakens every box of a mutant
	problems []string
}

// box is what up runs: lines of a Boxfile, and how boxfile itself is started.
type box struct {
	yaml    string
	file    string     // the Boxfile's name; default: box.yaml
	args    []string   // the whole command; default: the probe with the words of up
	files   []*os.File // descriptors that boxfile inherits, from 3 on
	stdin   *os.File
	env     []string
	prefix  []string // a program to run boxfile under
	groups  []uint32 // supplementary groups of the caller
	outside bool     // a mutant: the command runs with no box at all
	program string   // another boxfile than the suite's
}

type result struct {
	box            string // its lines of the Boxfile
	code           int
	stdout, stderr string
	took           time.Duration
}

// rootYAML is the tree that rootfs makes, and nothing else.
const rootYAML = "rootfs: {dir: ./root}\n"

func newTrial(t *testing.T, c config) *trial {
	t.Helper()
	x := &trial{t: t, config: c, caller: c.credential(t), base: filepath.Join(shared.dir, strconv.FormatInt(shared.trials.Add(1), 10))}
	x.dir = filepath.Join(x.base, "work")
	t.Cleanup(func() { _ = os.RemoveAll(x.base) }) // in the suite's folder either way
	for _, d := range []string{x.base, x.dir} {
		x.must(os.Mkdir(d, 0o755))
	}
	x.rootfs("root")
	x.canary = x.newCanary()
	var err error
	x.doors, err = openDoors(x.base)
	x.must(err)
	t.Cleanup(x.doors.shut)
	return x
}

// fail notes what the attack has reached, or what an honest user could not do.
// A row reports it as its failure; a mutant has to have some.
func (x *trial) fail(format string, args ...any) {
	if p := fmt.Sprintf(format, args...); !slices.Contains(x.problems, p) {
		x.problems = append(x.problems, p)
	}
}

// must is for what the test itself does.
func (x *trial) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// needRoot skips an attack whose host side an ordinary user cannot play.
func (x *trial) needRoot(what string) {
	x.t.Helper()
	if os.Getuid() != 0 {
		x.t.Skip("only root can " + what)
	}
}

func (x *trial) path(parts ...string) string {
	return filepath.Join(append([]string{x.dir}, parts...)...)
}

// rootfs makes a tree with the mount points of a box, and the probe.
func (x *trial) rootfs(name string) {
	x.t.Helper()
	for _, d := range []string{"proc", "dev", "etc", "tmp", "mnt"} {
		x.must(os.MkdirAll(x.path(name, d), 0o755))
	}
	x.must(os.Link(shared.probe, x.path(name, probeName)))
	x.own()
}

// file makes a file, or a directory where the name ends with a slash.
func (x *trial) file(name, content string) {
	x.t.Helper()
	if strings.HasSuffix(name, "/") {
		x.must(os.MkdirAll(x.path(name), 0o755))
	} else {
		x.must(os.MkdirAll(filepath.Dir(x.path(name)), 0o755))
		x.must(os.WriteFile(x.path(name), []byte(content), 0o755))
	}
	x.own()
}

// link makes a symlink in place of whatever is there.
func (x *trial) link(text, name string) {
	x.t.Helper()
	x.must(os.RemoveAll(x.path(name)))
	x.must(os.Symlink(text, x.path(name)))
	x.own()
}

// own gives the folder to the caller. The probe is shared, and stays the tester's.
func (x *trial) own() { x.ownTree(x.dir) }

func (x *trial) ownTree(dir string) {
	if x.caller == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() != probeName {
			err = os.Lchown(p, int(x.caller.Uid), int(x.caller.Gid))
		}
		return err
	})
}

// write makes the Boxfile of b, and returns its path.
func (x *trial) write(b *box, words []string) string {
	x.t.Helper()
	if len(b.args) == 0 {
		b.args = append([]string{"/" + probeName}, words...)
	}
	if x.mutate != nil {
		x.mutate(b)
	}
	text := "boxfile: 1\n" + b.yaml
	lines := map[string]string{"name": boxName()}
	command, err := json.Marshal(b.args)
	x.must(err)
	lines["command"] = string(plan.EscapeJSON(command)) // as a Boxfile has to have it
	for k, v := range x.config.lines {
		lines[k] = v
		if k == "security" { // the row's own stays beside it
			text = strings.Replace(text, "security: {", "security: {"+strings.Trim(v, "{}")+", ", 1)
		}
	}
	for k, v := range lines {
		if !strings.Contains("\n"+text, "\n"+k+":") {
			text += k + ": " + v + "\n"
		}
	}
	if b.file == "" {
		b.file = "box.yaml"
	}
	x.must(os.WriteFile(x.path(b.file), []byte(text), 0o644))
	return x.path(b.file)
}

// boxName tells this suite's boxes from others of the machine.
func boxName() string { return fmt.Sprintf("escape-%d", os.Getpid()) }

// up runs a box with the probe and these words as its command.
func (x *trial) up(b box, words ...string) result {
	x.t.Helper()
	file := x.write(&b, words)
	if b.program == "" {
		b.program = shared.boxfile
	}
	if !b.outside {
		return x.run(b, b.program, "up", file)
	}
	if b.args[0] == "/"+probeName {
		b.args[0] = shared.probe
	}
	return x.run(b, b.args...)
}

// limit is how long a box of the suite may take, on a slow machine too; none has work for
// a second. What is held up takes all of it.
const limit = time.Minute

// run runs a program as the caller, and looks for the secret in what it prints.
func (x *trial) run(b box, words ...string) result {
	x.t.Helper()
	words = slices.Concat(b.prefix, words)
	cmd := exec.Command(words[0], words[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Dir = &out, &errs, b.files, x.dir
	if b.stdin != nil {
		cmd.Stdin = b.stdin
	}
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, b.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: x.credential(b.groups)}
	cmd.WaitDelay = 2 * time.Second
	begin := time.Now()
	x.start(cmd)
	defer shared.running.Delete(cmd.Process.Pid)
	timer := time.AfterFunc(limit, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	_ = cmd.Wait()
	if !timer.Stop() {
		x.fail("it did not end within %v: %q", limit, words)
	}
	r := result{b.yaml, cmd.ProcessState.ExitCode(), out.String(), errs.String(), time.Since(begin)}
	if strings.Contains(r.stdout+r.stderr, x.canary.secret) {
		x.fail("the host's secret was read: %q", words)
	}
	return r
}

// start notes the process as one that this trial waits for.
func (x *trial) start(cmd *exec.Cmd) {
	x.t.Helper()
	x.must(cmd.Start())
	shared.running.Store(cmd.Process.Pid, true)
}

func (x *trial) credential(groups []uint32) *syscall.Credential {
	if x.caller == nil && (groups == nil || os.Getuid() != 0) {
		return nil
	}
	c := syscall.Credential{}
	if x.caller != nil {
		c = *x.caller
	}
	c.Groups = groups
	return &c
}

// look runs the probe and returns what it saw; a box that does not start is a problem.
func (x *trial) look(b box) seen {
	x.t.Helper()
	var s seen
	r := x.up(b, "look")
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil || r.code != 0 {
		x.fail("no box: exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	return s
}

// works demands that the box ends with 0 and prints the text.
func (x *trial) works(r result, text string) {
	if r.code != 0 || !strings.Contains(r.stdout, text) {
		x.fail("an honest box does not work: exit %d, want 0 and %q\n%s%s", r.code, text, r.stdout, r.stderr)
	}
}

// refused demands that boxfile says no, before anything runs.
func (x *trial) refused(r result, what string) {
	if r.code != 1 && r.code != 125 {
		x.fail("%s is not refused: exit %d\n%s%s", what, r.code, r.stdout, r.stderr)
	}
}

// held demands that an attack of the probe was made to its end and reached nothing.
func (x *trial) held(r result) {
	if !strings.Contains(r.stdout, attackEnd) {
		x.fail("the attack was not made: exit %d\n%s%swith\n%s", r.code, r.stdout, r.stderr, r.box)
	}
	for line := range strings.Lines(r.stdout) {
		if strings.HasPrefix(line, reachedMark) {
			x.fail("%s\nwith\n%s", strings.TrimSpace(line), r.box)
		}
	}
}

// heldOrRefused is for attacks by the shape of a rootfs, where a box that does not start is safe too.
func (x *trial) heldOrRefused(r result) {
	if r.code != 125 {
		x.held(r)
	}
}

// withHostUser adds each Boxfile once more for the host's own user namespace, which only root can have.
func (x *trial) withHostUser(yamls ...string) []string {
	if x.caller != nil || os.Getuid() != 0 {
		return yamls
	}
	all := yamls
	for _, yaml := range yamls {
		if !strings.Contains(yaml, "capabilities") && !strings.Contains(yaml, "namespaces") { // those would be the host's own
			all = append(all, yaml+"namespaces: {user: host}\n")
		}
	}
	return all
}

// starts is how often a race is run: n times, or a few where tests shall be short.
func (x *trial) starts(n int) int {
	if testing.Short() {
		return max(n/40, 1)
	}
	return n
}

// some is the whole list, or n of it where tests shall be short; every
// configuration has others.
func some[T any](x *trial, list []T, n int) []T {
	if !testing.Short() || len(list) <= n {
		return list
	}
	var few []T
	offset := slices.IndexFunc(configs(), func(c config) bool { return c.name == x.config.name })
	for i := range n {
		few = append(few, list[(i*len(list)/n+offset)%len(list)])
	}
	return few
}

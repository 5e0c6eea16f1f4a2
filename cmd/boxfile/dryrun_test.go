//go:build linux

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// everything is a Boxfile that asks the host for all it can be asked for.
const everything = `boxfile: 1
name: everything
rootfs: {host: true, write: {keep: ./kept}}
mounts:
  - {source: ./made, target: /mnt, mode: rw, create: dir}
  - {type: tmpfs, target: /tmp}
  - {type: file, target: /etc/motd, content: hello}
command: [/bin/true]
`

// forbidden are the traces of acting: namespaces, mounts, changed files and
// ids, sockets, other programs. Threads of the Go runtime are clones too, but
// without CLONE_NEW flags and with CLONE_THREAD.
var forbidden = []*regexp.Regexp{
	regexp.MustCompile(`clone.*CLONE_NEW`),
	regexp.MustCompile(`\b(unshare|setns|mount|umount2|pivot_root|chroot|fsopen|fsmount|open_tree|move_mount|mount_setattr)\(`),
	regexp.MustCompile(`\b(mkdir|mkdirat|mknod|mknodat|symlink|symlinkat|link|linkat|rename|renameat|renameat2|unlink|unlinkat|rmdir|truncate|ftruncate)\(`),
	regexp.MustCompile(`\b(chmod|fchmod|fchmodat|chown|fchown|lchown|fchownat|setxattr|utimensat)\(`),
	regexp.MustCompile(`\bopen(at|at2)?\(.*(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE)`),
	regexp.MustCompile(`\b(socket|bind|connect|listen|sendto|sendmsg)\(`),
	regexp.MustCompile(`\b(set[ug]id|setre[ug]id|setres[ug]id|setgroups|capset|sethostname|setsid|kill|ptrace)\(`),
	regexp.MustCompile(`\b(fork|vfork)\(`),
}

// acts returns the lines of a trace that change something.
func acts(trace string) []string {
	var found []string
	execs := 0
	for _, line := range strings.Split(trace, "\n") {
		if strings.Contains(line, "execve(") {
			if execs++; execs > 1 {
				found = append(found, line)
			}
		}
		if strings.Contains(line, "clone") && !strings.Contains(line, "CLONE_THREAD") && !strings.Contains(line, "resumed") {
			found = append(found, line)
		}
		for _, f := range forbidden {
			if f.MatchString(line) {
				found = append(found, line)
			}
		}
	}
	return found
}

func traced(t *testing.T, dir string, args ...string) (trace string, err error) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		fixture.Skip(t, "strace is not installed")
	}
	log := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", append([]string{"-f", "-o", log, filepath.Join(bin, "boxfile")}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "strace: ") && strings.Contains(string(out), "PTRACE") {
		fixture.Skip(t, "this machine does not allow ptrace")
	}
	b, readErr := os.ReadFile(log)
	if readErr != nil {
		t.Fatalf("%v\n%s", readErr, out)
	}
	if err != nil {
		t.Logf("%v\n%s", err, out)
	}
	return string(b), err
}

func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + info.Mode().String() + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Guards docker/compose#14029: a dry run that acted.
func TestADryRunTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Boxfile.yaml"), []byte(everything), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(bin, "boxfile"), "lock", filepath.Join(dir, "Boxfile.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before := tree(t, dir)
	for _, args := range [][]string{
		{"up", "--dry-run"}, {"up", "--dry-run", "-v", "--", "ls"}, {"up", "--dry-run", "--locked"}, {"lock", "--check"}, {"plan"}, {"plan", "-o", "json"}, {"plan", "-o", "sh"},
		{"plan", "-o", "program"}, {"validate", "Boxfile.yaml"}, {"schema"}, {"version"}, {"help"},
	} {
		trace, err := traced(t, dir, args...)
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		if found := acts(trace); len(found) > 0 {
			t.Errorf("boxfile %s acts:\n%s", strings.Join(args, " "), strings.Join(found, "\n"))
		}
	}
	if after := tree(t, dir); before != after {
		t.Errorf("the folder changed from\n%s to\n%s", before, after)
	}
}

// The check of the check: the same look at a real run must see it act.
func TestARealRunIsSeenToAct(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Boxfile.yaml"), []byte(everything), 0o644); err != nil {
		t.Fatal(err)
	}
	trace, _ := traced(t, dir, "up") // under a tracer a box may fail; that it was begun is enough
	found := strings.Join(acts(trace), "\n")
	for _, want := range []string{"CLONE_NEW", "mkdir", "execve("} {
		if !strings.Contains(found, want) {
			t.Errorf("no %s in what a real run does:\n%s", want, found)
		}
	}
}

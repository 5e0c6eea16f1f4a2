package lsns_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/boxfile/boxfile/executor/lsns"
	"golang.org/x/sys/unix"
)

const (
	waitEnv = "BOXFILE_TEST_WAIT" // the name of the box that a process pretends to wait for
	idleEnv = "BOXFILE_TEST_IDLE"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(idleEnv) != "": // what is in the box: it ends with its standard input
		fmt.Println("ready")
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	case os.Getenv(waitEnv) != "":
		os.Exit(wait())
	}
	os.Exit(m.Run())
}

// wait does what boxfile does while a box lives: it says who is in it and waits.
func wait() int {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{idleEnv + "=1"}
	cmd.Stdin = os.Stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWUTS}
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return 1
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return 1
	}
	if _, err := lsns.Mark(os.Getenv(waitEnv), cmd.Process.Pid); err != nil {
		return 1
	}
	fmt.Println(cmd.Process.Pid)
	_ = cmd.Wait()
	return 0
}

// waiter starts such a process, and returns the id of what is in its box.
func waiter(t *testing.T, program, name string) int {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = []string{waitEnv + "=" + name}
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	pid, bad := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || bad != nil {
		t.Fatalf("%q %v: user namespaces are needed", line, err)
	}
	return pid
}

func find(t *testing.T, pid int, typ string) lsns.Namespace {
	t.Helper()
	list, err := lsns.List(pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if n.Type == typ {
			return n
		}
	}
	t.Fatalf("process %d is in no %s namespace", pid, typ)
	return lsns.Namespace{}
}

// A box's own namespaces have its name, and no others, not even those that its processes share.
func TestABoxHasItsName(t *testing.T) {
	pid := waiter(t, "/proc/self/exe", "web")
	for typ, want := range map[string]string{"user": "web", "uts": "web", "pid": "", "net": ""} {
		n := find(t, pid, typ)
		if n.Box != want {
			t.Errorf("the %s namespace is box %q's, not %q's", typ, n.Box, want)
		}
		var st unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/%s", pid, typ), &st); err != nil || st.Ino != n.Inode {
			t.Errorf("%s namespace %d is %d (%v)", typ, n.Inode, st.Ino, err)
		}
	}
	if n := find(t, pid, "user"); n.PID != pid || n.Processes != 1 {
		t.Errorf("%+v", n)
	}
}

// Another program cannot pass for boxfile, whatever it holds.
func TestAnotherProgramIsNotBelieved(t *testing.T) {
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "boxfile")
	if err := os.WriteFile(other, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if n := find(t, waiter(t, other, "fake"), "user"); n.Box != "" {
		t.Errorf("%+v", n)
	}
}

// A process that is not there is an error.
func TestNoSuchProcess(t *testing.T) {
	if _, err := lsns.List(1 << 30); !lsns.NoProcess(err) {
		t.Error(err)
	}
}

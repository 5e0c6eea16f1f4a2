package pty

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A panic of a direction ends the program, with the caller's terminal as it was.
func TestTtyIsGivenBackByAPanicOfTheRelay(t *testing.T) {
	if os.Getenv("BOXFILE_TEST_PANIC") != "" {
		r, err := Start(0, 1, 3)
		if err != nil || !r.held() {
			t.Fatal("the terminal is not held", err)
		}
		r.run(&r.typed, func() { panic("on purpose") })
		select {}
	}
	outer, terminal := open(t)
	master, _ := open(t)
	before := modes(t, terminal)
	go func() { _, _ = io.Copy(io.Discard, outer) }()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "BOXFILE_TEST_PANIC=1")
	var said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = terminal, terminal, &said, []*os.File{master}
	if err := cmd.Run(); err == nil || !strings.Contains(said.String(), "on purpose") {
		t.Errorf("%v: %s", err, &said)
	}
	if after := modes(t, terminal); after != before {
		t.Errorf("the terminal was %s, and is %s", before, after)
	}
}

// open is a new terminal, both ends.
func open(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	return master, slave
}

func modes(t *testing.T, f *os.File) string {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(*m)
}

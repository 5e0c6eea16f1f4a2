package pty

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

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

// Another program that reads what was typed, as a pager in the same pipeline, does not
// have the relay take its own settings for those that were there before.
func TestTtyThatAnotherReads(t *testing.T) {
	outer, terminal := open(t)
	inner, _ := open(t)
	before := modes(t, terminal)
	master, err := unix.FcntlInt(inner.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(int(terminal.Fd()), int(terminal.Fd()), master)
	if err != nil || !r.held() {
		t.Fatal("the terminal is not held", err)
	}
	for range 20 {
		r.mu.Lock() // the relay sees that there is something, and cannot read it yet
		_, err := outer.WriteString("x")
		time.Sleep(time.Millisecond)
		n, _ := unix.Read(int(terminal.Fd()), make([]byte, 16))
		r.mu.Unlock()
		if err != nil || n != 1 {
			t.Fatalf("%d bytes were typed, %v", n, err)
		}
	}
	for !r.held() {
		time.Sleep(time.Millisecond)
	}
	r.Stop(func(time.Duration) bool { return false })
	if after := modes(t, terminal); after != before {
		t.Errorf("the terminal was %s, and is %s", before, after)
	}
}

// A terminal that nobody reads does not keep what has to end: it is given back, and what
// it did not take is lost, or comes once somebody reads it after all.
func TestTtyThatNobodyReads(t *testing.T) {
	outer, terminal := open(t)
	inner, box := open(t)
	before := modes(t, terminal)
	full := fill(t, terminal)
	words := strings.Repeat("the last words ", 500) // the kernel may find room for some of them
	if _, err := box.WriteString(words); err != nil {
		t.Fatal(err)
	}
	box.Close()
	master, err := unix.FcntlInt(inner.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(int(terminal.Fd()), int(terminal.Fd()), master)
	if err != nil || !r.held() {
		t.Fatal("the terminal is not held", err)
	}
	asked := 0
	r.Stop(func(idle time.Duration) bool {
		asked++
		return idle > tick*time.Millisecond
	})
	if asked == 0 {
		t.Error("a terminal that is full has taken more")
	}
	if after := modes(t, terminal); after != before {
		t.Errorf("the terminal was %s, and is %s", before, after)
	}
	said := make([]byte, full+len(words))
	if n, err := io.ReadFull(outer, said); err != nil || string(said[full:]) != words {
		t.Errorf("%d of %d bytes came at last, %v", n, len(said), err)
	}
	<-r.shown.done
	<-r.typed.done
}

// fill writes to a terminal until it takes no more, and returns how much it took.
func fill(t *testing.T, terminal *os.File) (n int) {
	t.Helper()
	fd, err := unix.Open(terminal.Name(), unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		switch m, err := unix.Write(fd, []byte("x")); {
		case errors.Is(err, unix.EAGAIN):
			return n
		case err != nil:
			t.Fatal(err)
		default:
			n += m
		}
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

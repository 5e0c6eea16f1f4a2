package signals

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What catches signals is a process of its own: the test's other goroutines, and
// whoever runs the tests, are none of its business.
func TestMain(m *testing.M) {
	if what := os.Getenv("BOXFILE_TEST_MODE"); what != "" {
		os.Exit(inside(what))
	}
	// Tests that were started with SIGHUP ignored, as by nohup(1), would pass that on.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	os.Exit(m.Run())
}

func as(t *testing.T, what string, under ...string) (string, *os.ProcessState) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(under, self)
	ctx, done := context.WithTimeout(t.Context(), 4*time.Minute)
	defer done()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "BOXFILE_TEST_MODE="+what)
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), cmd.ProcessState
}

func inside(what string) int {
	runtime.LockOSThread() // to the first one: what it sends to itself or to the process has come when the call returns
	say := func(s string) { _, _ = os.Stdout.WriteString(s + " ") }
	list := []unix.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1}
	c, err := Catch(list, []unix.Signal{unix.SIGHUP})
	if err != nil {
		say(err.Error())
		return 1
	}
	kill := func(s unix.Signal) {
		for range 3 {
			_ = unix.Tgkill(unix.Getpid(), unix.Getpid(), s)
			_ = unix.Kill(unix.Getpid(), s)
		}
		for wait := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN}}; s != unix.SIGHUP || what != "ignoring"; {
			if n, _ := unix.Poll(wait, -1); n == 1 {
				break
			}
		}
		got := c.Next()
		for next := got; next != 0; next = c.Next() {
			got = next
		}
		say(unix.SignalName(got))
	}
	switch what {
	case "all":
		for _, s := range list {
			kill(s)
		}
		if _, err := Catch(list, nil); !errors.Is(err, errTwice) {
			say("caught twice")
		}
	case "ignoring":
		kill(unix.SIGHUP)
		kill(unix.SIGTERM)
	case "raise":
		kill(unix.SIGTERM)
		_ = Raise(unix.SIGTERM)
		say("alive")
	case "release":
		_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGHUP)
		if late := c.Release(); !slices.Equal(late, []unix.Signal{unix.SIGHUP}) {
			say(fmt.Sprint(late))
		}
		if c, err = Catch(list, nil); err != nil { // a second box
			say(err.Error())
		}
		kill(unix.SIGUSR1)
		c.Release()
		_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGTERM)
		say("alive")
	}
	return 0
}

// Each signal comes out of the pipe with its number, whichever thread it hit, and nobody can take them twice.
func TestSignalsComeOutOfAPipe(t *testing.T) {
	if out, s := as(t, "all"); out != "SIGTERM SIGHUP SIGUSR1" || !s.Success() {
		t.Errorf("%q, %v", out, s)
	}
}

// One that is to stay ignored does, as under nohup(1).
func TestSignalsStayIgnored(t *testing.T) {
	if out, s := as(t, "ignoring", "sh", "-c", `trap "" HUP; exec "$0"`); out != "signal 0 SIGTERM" && out != "SIGTERM" || !s.Success() {
		t.Errorf("%q, %v", out, s)
	}
}

// A signal that is raised, or comes after the release, does what it always did.
func TestSignalsDoWhatTheyDid(t *testing.T) {
	for what, said := range map[string]string{"raise": "SIGTERM", "release": "SIGUSR1"} {
		out, s := as(t, what)
		status, ok := s.Sys().(interface{ Signaled() bool })
		if out != said || !ok || !status.Signaled() {
			t.Errorf("%s: %q, %v", what, out, s)
		}
	}
}

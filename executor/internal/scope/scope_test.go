//go:build linux

package scope

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func isBusError(err error) bool { return errors.As(err, new(*BusError)) }

func isJobError(err error) bool { return errors.As(err, new(*JobError)) }

func TestWhatGoesWrongIsNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		serve  func(*fake)
		is     func(error) bool // what the error unwraps to
		says   string           // and what is in it
		direct bool
	}{
		{"rejected", func(f *fake) { f.authLine(); f.send([]byte("REJECTED EXTERNAL\r\n")) }, is(ErrRejected), "authentication rejected", true},
		{"another protocol", func(f *fake) { f.authLine(); f.send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, is(ErrProtocol), `"HTTP/1.1 400 Bad Request"`, true},
		{"a line without end", func(f *fake) { f.authLine(); f.send(make([]byte, 1<<20)) }, is(ErrProtocol), "without an end", true},
		{"hangs up", func(f *fake) { f.authLine() }, is(io.ErrUnexpectedEOF), "authentication", true},
		{"hangs up on the call", func(f *fake) { f.opened(true) }, is(io.ErrUnexpectedEOF), "waiting for the reply to StartTransientUnit", true},
		{"hangs up in a message", func(f *fake) { f.opened(true); f.send([]byte("l\x02\x00\x01\x10\x00")) }, is(io.ErrUnexpectedEOF), "receive", true},
		{"hangs up on the job", func(f *fake) { f.reply(f.opened(true), "o", testJob) }, is(io.ErrUnexpectedEOF), "waiting for " + testJob, true},
		{"no manager on the bus", func(f *fake) {
			f.fail(f.opened(false), "org.freedesktop.DBus.Error.ServiceUnknown", "s", "The name is not activatable")
		}, isBusError, "StartTransientUnit: The name is not activatable (org.freedesktop.DBus.Error.ServiceUnknown)", false},
		{"an error without words", func(f *fake) { f.fail(f.opened(true), "org.freedesktop.DBus.Error.AccessDenied", "") }, isBusError, "StartTransientUnit: org.freedesktop.DBus.Error.AccessDenied", true},
		{"an error that is no text", func(f *fake) { f.fail(f.opened(true), "x.Y", "u", uint32(1)) }, isBusError, "StartTransientUnit: x.Y", true},
		{"no more connections", func(f *fake) {
			f.auth()
			f.fail(1, "org.freedesktop.DBus.Error.LimitsExceeded", "s", "too many")
		}, isBusError, "Hello: too many", false},
		{"the job fails", func(f *fake) {
			f.reply(f.opened(true), "o", testJob)
			f.removed(testJob, testUnit, "failed")
		}, isJobError, `ended with "failed"`, true},
		{"a reply of another type", func(f *fake) { f.reply(f.opened(true), "s", testJob) }, is(ErrProtocol), `type "s"`, true},
		{"a reply without a job", func(f *fake) { f.reply(f.opened(true), "o", "") }, is(ErrProtocol), "empty path", true},
		{"a signal of another type", func(f *fake) { f.opened(true); f.signal("JobRemoved", "s", testJob) }, is(ErrProtocol), `type "s"`, true},
		{"a signal cut short", func(f *fake) { f.opened(true); f.signal("JobRemoved", "uoss", uint32(1)) }, is(ErrProtocol), "past the end", true},
		{"no byte order", func(f *fake) {
			f.opened(true)
			f.send([]byte("x\x02\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
		}, is(ErrProtocol), "byte order 'x'", true},
		{"the wrong byte order", func(f *fake) {
			f.opened(true)
			f.send([]byte("B\x02\x00\x01\x10\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
		}, is(ErrProtocol), "268435472 bytes", true},
		{"another version", func(f *fake) {
			f.opened(true)
			f.send([]byte("l\x02\x00\x02\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
		}, is(ErrProtocol), "version 2", true},
		{"a huge body", func(f *fake) {
			f.opened(true)
			f.send([]byte("l\x02\x00\x01\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00"))
		}, is(ErrProtocol), "bytes", true},
		{"a huge header", func(f *fake) {
			f.opened(true)
			f.send([]byte("l\x02\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\xff"))
		}, is(ErrProtocol), "bytes", true},
		{"serial 0", func(f *fake) {
			f.opened(true)
			f.send([]byte("l\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
		}, is(ErrProtocol), "serial 0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ask(t, patience, socket{listen(t, c.serve), c.direct})
			if !c.is(err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "/bus: ") {
				t.Errorf("error %v, want the socket and %q", err, c.says)
			}
		})
	}
}

func TestASilentPeerIsGivenUpAfterTheTimeout(t *testing.T) {
	hold := func(f *fake) { io.Copy(io.Discard, f.conn) } // until the client hangs up
	for _, c := range []struct {
		name, says string
		serve      func(*fake)
	}{
		{"at once", "authentication", hold},
		{"after letting in", "waiting for the reply", func(f *fake) { f.opened(true); hold(f) }},
		{"within a message", "waiting for the reply", func(f *fake) { f.opened(true); f.send([]byte("l\x02")); hold(f) }},
		{"after the reply", "waiting for " + testJob, func(f *fake) { f.reply(f.opened(true), "o", testJob); hold(f) }},
		{"about our job", "waiting for " + testJob, func(f *fake) {
			f.reply(f.opened(true), "o", testJob)
			f.removed("/org/freedesktop/systemd1/job/78", testUnit, "done")
			f.removed(testJob, "other.scope", "done")
			hold(f)
		}},
		{"about our call", "waiting for the reply", func(f *fake) {
			f.opened(true)
			f.reply(0, "o", testJob)
			f.reply(2, "o", testJob)
			f.reply(1<<31, "o", testJob)
			f.fail(1<<32-1, "x.Y", "")
			hold(f)
		}},
		{"while it talks of other things", "waiting for the reply", func(f *fake) {
			f.opened(true)
			b := f.message(kindSignal, replyTo(0), "")
			for _, err := f.conn.Write(b); err == nil; _, err = f.conn.Write(b) {
			}
		}},
		{"while it talks byte by byte", "waiting for the reply", func(f *fake) {
			f.opened(true)
			b := []byte("l\x02\x00\x01\x00\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00")
			for i := 0; ; i++ {
				if _, err := f.conn.Write(b[min(i, 15):min(i+1, 16)]); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for wait := 100 * time.Millisecond; ; wait *= 4 { // until it is enough to get where the silence begins
				begin := time.Now()
				err := ask(t, wait, socket{listen(t, func(f *fake) { f.t = nil; c.serve(f) }), true})
				if took := time.Since(begin); !errors.Is(err, unix.ETIMEDOUT) || took < wait || took > wait+patience {
					t.Fatalf("error %v after %v, want ETIMEDOUT after %v", err, took, wait)
				}
				if strings.Contains(err.Error(), c.says) {
					return
				}
				if wait > patience {
					t.Fatalf("error %v, want one while %s", err, c.says)
				}
			}
		})
	}
}

func TestAListenerThatAcceptsNobodyIsGivenUpToo(t *testing.T) {
	path := filepath.Join(shortDir(t), "bus")
	fd := bind(t, path)
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 { // fill the queue
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(s)
		if unix.Connect(s, &unix.SockaddrUnix{Name: path}) != nil {
			break
		}
	}
	if err := ask(t, 100*time.Millisecond, socket{path, true}); !errors.Is(err, unix.ETIMEDOUT) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ETIMEDOUT and the socket", err)
	}
}

func TestAMissingManagerIsNamedByItsSockets(t *testing.T) {
	dir := shortDir(t)
	absent, stale := filepath.Join(dir, "private"), filepath.Join(dir, "stale")
	bind(t, stale)
	err := ask(t, patience, socket{absent, true}, socket{stale, false})
	for _, want := range []error{unix.ENOENT, unix.ECONNREFUSED} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if want := "connect to " + absent + ": no such file or directory; connect to " + stale + ": connection refused"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	path := listen(t, func(f *fake) {
		f.reply(f.opened(false), "o", testJob)
		f.removed(testJob, testUnit, "done")
	})
	if err := ask(t, patience, socket{absent, true}, socket{path, false}); err != nil {
		t.Errorf("with a bus, and no manager's socket: %v", err)
	}
}

func TestASocketOfAnotherUserIsRefused(t *testing.T) {
	path := filepath.Join(shortDir(t), "bus")
	fd := bind(t, path)
	uid := unix.Geteuid()
	if uid == 0 { // root is always trusted: somebody else has to listen
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // for ever: the thread ends with the goroutine
			_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 12345, ^uintptr(0))
			if errno != 0 {
				done <- errno
				return
			}
			done <- unix.Listen(fd, 1)
		}()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	} else {
		if err := unix.Listen(fd, 1); err != nil {
			t.Fatal(err)
		}
		uid++
	}
	r := request{testUnit, "", uid, []socket{{path, true}}, ""}
	if err := r.do(time.Now().Add(patience)); !errors.Is(err, ErrOwner) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ErrOwner and the socket", err)
	}
}

func TestTheKernelHasTheLastWord(t *testing.T) {
	for text, want := range map[string]error{
		"0::/user.slice/" + testUnit + "\n":                                 nil,
		"1:name=systemd:/x\n0::/../" + testUnit + "\n":                      nil, // from another cgroup namespace
		"0::/user.slice/session-1.scope\n":                                  ErrNotMoved,
		"0::/user.slice/" + testUnit + "/below\n":                           ErrNotMoved,
		"0::/user.slice/x" + testUnit + "\n":                                ErrNotMoved,
		"1:name=systemd:/" + testUnit + "\n":                                ErrNotMoved,
		"":                                                                  ErrNotMoved,
		strings.Repeat("2:cpu:/x\n", 1000) + "0::/a.slice/" + testUnit:      nil,
		strings.Repeat("2:cpu:/x\n", 1<<18) + "0::/a.slice/" + testUnit:     io.ErrShortBuffer,
		"0::/user.slice/" + testUnit + " (deleted)\n":                       ErrNotMoved,
		"0::/user.slice/session-1.scope\n0::/user.slice/" + testUnit + "\n": ErrNotMoved,
	} {
		r := request{unit: testUnit, cgroup: cgroupFile(t, text)}
		if err := r.verify(); !errors.Is(err, want) {
			t.Errorf("%.60q: %v, want %v", text, err, want)
		}
	}
	r := request{unit: testUnit, cgroup: "/nowhere"}
	if err := r.verify(); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func TestAUnitsNameIsItsOwn(t *testing.T) {
	a, err := unitName("hello_1.2-x")
	if err != nil {
		t.Fatal(err)
	}
	b, err := unitName("hello_1.2-x")
	if err != nil {
		t.Fatal(err)
	}
	if a == b || !strings.HasPrefix(a, "boxfile-hello_1.2-x-") || !strings.HasSuffix(a, ".scope") {
		t.Errorf("names %s and %s", a, b)
	}
	for _, name := range []string{"", "a b", "a/b", "../x", "a\n", "ä", "a@b", "a'b", "a\\x2d", "a:b", strings.Repeat("x", 201)} {
		if err := Start(User, name, "", time.Second); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%q: %v, want EINVAL", name, err)
		}
	}
}

func TestADescriptionCannotSayMoreThanItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"the box hello":                 "the box hello",
		"a\n[Scope]\nRuntimeMaxSec=1\n": "a [Scope] RuntimeMaxSec=1",
		"ends with \\":                  "ends with",
		"\x00\x1b[31m\u0085":            "[31m",
		"bad \xff\xfe bytes":            "bad \ufffd\ufffd bytes",
		strings.Repeat("ä", 200):        strings.Repeat("ä", 128),
		strings.Repeat("x", 255) + "ä":  strings.Repeat("x", 255),
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestNoEnvironmentVariableSaysWhereTheManagerIs(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/tmp/mine")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/tmp/mine/bus")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/tmp/mine/bus")
	for _, s := range append(sockets(User, 1000), sockets(System, 0)...) {
		if strings.Contains(s.path, "mine") || !strings.HasPrefix(s.path, "/run/") {
			t.Error(s.path)
		}
	}
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scope")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func bind(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return fd
}

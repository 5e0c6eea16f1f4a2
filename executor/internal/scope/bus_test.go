//go:build linux

package scope

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	testUnit = "boxfile-hello-0badcafe.scope"
	testJob  = "/org/freedesktop/systemd1/job/77"
)

// patience is more than anything here takes, on a slow machine too.
const patience = time.Minute

// fake is the other side of a connection: a bus, or a manager itself.
type fake struct {
	t     *testing.T // nil: the client may give up at any time
	conn  net.Conn
	order binary.ByteOrder // of what it sends
	drip  bool             // a byte at a time
}

func (f *fake) errorf(format string, args ...any) {
	if f.t != nil {
		f.t.Errorf(format, args...)
	}
}

func (f *fake) send(b []byte) {
	step := len(b)
	if f.drip {
		step = 1
	}
	for len(b) > 0 {
		n, err := f.conn.Write(b[:min(step, len(b))])
		if err != nil {
			return // the client has gone, as it should at nonsense
		}
		b = b[n:]
	}
}

func (f *fake) receive(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(f.conn, b); err != nil {
		f.errorf("the client did not send %d bytes: %v", n, err)
	}
	return b
}

// authLine reads the client's authentication.
func (f *fake) authLine() {
	want := "\x00AUTH EXTERNAL " + hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid()))) + "\r\n"
	if got := f.receive(len(want)); string(got) != want {
		f.errorf("authentication: %q, want %q", got, want)
	}
}

// auth lets the client in.
func (f *fake) auth() {
	f.authLine()
	f.send([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
	if got := f.receive(7); string(got) != "BEGIN\r\n" {
		f.errorf("after OK: %q, want BEGIN", got)
	}
}

// call reads a call and checks which one it is.
func (f *fake) call(member string, serial uint32) {
	head := f.receive(fixedSize)
	size, err := messageSize(head)
	if err != nil {
		f.errorf("%v", err)
		return
	}
	m, err := decode(append(head, f.receive(size-fixedSize)...))
	if err != nil || m.kind != kindCall || m.member != member || binary.LittleEndian.Uint32(head[8:]) != serial {
		f.errorf("got %+v, %v; want the call %s with serial %d", m, err, member, serial)
	}
}

// opened lets the client in and reads its calls; the last has the serial that is returned.
func (f *fake) opened(direct bool) uint32 {
	f.auth()
	if direct {
		f.call("StartTransientUnit", 1)
		return 1
	}
	f.call("Hello", 1)
	f.call("AddMatch", 2)
	f.call("StartTransientUnit", 3)
	f.reply(1, "s", ":1.7")
	f.reply(2, "")
	return 3
}

// message writes a message in either order.
func (f *fake) message(kind byte, fields func(*encoder), signature string, args ...any) []byte {
	body, head := &encoder{}, &encoder{}
	for _, a := range args {
		switch a := a.(type) {
		case uint32:
			body.uint32(a)
		case string:
			body.string(a)
		}
	}
	mark := byte('l')
	head.b = append(head.b, mark, kind, 0, 1)
	head.uint32(uint32(len(body.b)))
	head.uint32(9)
	head.array(8, func() {
		fields(head)
		if signature != "" {
			head.field(fieldSignature, "g", signature)
		}
	})
	head.align(8)
	out := append(head.b, body.b...)
	if f.order == binary.BigEndian {
		swap(out, len(head.b), args)
	}
	return out
}

// swap turns a message of little endian, with fields of strings and one number, into big endian.
func swap(b []byte, bodyAt int, args []any) {
	b[0] = 'B'
	flip := func(at int) uint32 {
		v := binary.LittleEndian.Uint32(b[at:])
		binary.BigEndian.PutUint32(b[at:], v)
		return v
	}
	flip(4)
	flip(8)
	end := fixedSize + int(flip(12))
	for at := fixedSize; at < end; {
		at = (at + 7) &^ 7
		kind := b[at+2]
		at += 4
		switch kind {
		case 'g':
			at += int(b[at]) + 2
		case 'u':
			flip(at)
			at += 4
		default:
			at += 4 + int(flip(at)) + 1
		}
	}
	at := bodyAt
	for _, a := range args {
		at = bodyAt + (at-bodyAt+3)&^3
		n := flip(at)
		at += 4
		if _, ok := a.(string); ok {
			at += int(n) + 1
		}
	}
}

func replyTo(serial uint32) func(*encoder) {
	return func(e *encoder) {
		e.align(8)
		e.b = append(e.b, fieldReplyTo)
		e.signature("u")
		e.uint32(serial)
		e.field(7, "s", "org.freedesktop.systemd1") // the sender, which nobody asks for
	}
}

func (f *fake) reply(serial uint32, signature string, args ...any) {
	f.send(f.message(kindReply, replyTo(serial), signature, args...))
}

func (f *fake) fail(serial uint32, name, signature string, args ...any) {
	f.send(f.message(kindError, func(e *encoder) {
		replyTo(serial)(e)
		e.field(fieldErrorName, "s", name)
	}, signature, args...))
}

func (f *fake) signal(member, signature string, args ...any) {
	f.send(f.message(kindSignal, func(e *encoder) {
		e.field(fieldPath, "o", managerPath)
		e.field(fieldInterface, "s", managerInterface)
		e.field(fieldMember, "s", member)
	}, signature, args...))
}

func (f *fake) removed(job, unit, result string) {
	f.signal("JobRemoved", "uoss", uint32(77), job, unit, result)
}

// listen has serve talk to whoever connects, and returns where.
func listen(t *testing.T, serve func(*fake)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scope") // short, for sun_path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return // nobody came
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(2 * patience))
		serve(&fake{t: t, conn: conn, order: binary.LittleEndian})
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return path
}

// cgroupFile is a /proc/self/cgroup.
func cgroupFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cgroup")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask sends the request of these tests to a socket.
func ask(t *testing.T, wait time.Duration, sockets ...socket) error {
	t.Helper()
	r := request{testUnit, "the box hello", unix.Geteuid(), sockets, cgroupFile(t, "0::/user.slice/app.slice/"+testUnit+"\n")}
	return r.do(time.Now().Add(wait))
}

func TestAScopeIsAskedForOverABusOrOfTheManagerItself(t *testing.T) {
	for _, direct := range []bool{true, false} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, drip := range []bool{false, true} {
				t.Run(strings.Join([]string{"direct", strconv.FormatBool(direct), order.String(), "drip", strconv.FormatBool(drip)}, " "), func(t *testing.T) {
					path := listen(t, func(f *fake) {
						f.order, f.drip = order, drip
						serial := f.opened(direct)
						f.signal("UnitNew", "so", testUnit, "/unit")
						f.removed("/org/freedesktop/systemd1/job/76", "other.service", "failed")
						f.reply(serial, "o", testJob)
						f.removed(testJob, testUnit, "done")
					})
					if err := ask(t, patience, socket{path, direct}); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func TestAJobMayEndBeforeItsNameIsKnown(t *testing.T) {
	path := listen(t, func(f *fake) {
		serial := f.opened(true)
		f.removed(testJob, testUnit, "done")
		f.reply(serial, "o", testJob)
	})
	if err := ask(t, patience, socket{path, true}); err != nil {
		t.Error(err)
	}
}

func TestALargeMessageOfOthersIsPassedOver(t *testing.T) {
	path := listen(t, func(f *fake) {
		serial := f.opened(true)
		f.signal("PropertiesChanged", "s", strings.Repeat("x", 1<<20))
		f.reply(serial, "o", testJob)
		f.removed(testJob, testUnit, "done")
	})
	if err := ask(t, patience, socket{path, true}); err != nil {
		t.Error(err)
	}
}

// The body was written by github.com/godbus/dbus/v5 v5.2.4 from the same values.
func TestTheCallHasTheBytesThatAnotherClientSends(t *testing.T) {
	want, err := hex.DecodeString(strings.Join([]string{
		"1c000000626f7866696c652d68656c6c6f2d30626164636166652e73636f706500000000040000006661696c00000000",
		"83000000000000000b0000004465736372697074696f6e00017300000d00000074686520626f782068656c6c6f000000",
		"0400000050494473000261750000000004000000000000000800000044656c6567617465000162000100000000000000",
		"0b000000436f6c6c6563744d6f6465000173000012000000696e6163746976652d6f722d6661696c6564000000000000",
	}, ""))
	if err != nil {
		t.Fatal(err)
	}
	c := startTransientUnit(testUnit, "the box hello")
	b, err := c.encode(3)
	if err != nil {
		t.Fatal(err)
	}
	m, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.body.b, want) {
		t.Errorf("body\n%x, want\n%x", m.body.b, want)
	}
	if m.signature != c.signature || m.iface != managerInterface || m.member != "StartTransientUnit" {
		t.Errorf("header %+v", m)
	}
}

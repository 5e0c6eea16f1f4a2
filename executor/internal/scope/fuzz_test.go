//go:build linux

package scope

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// seeds are what a manager says.
func seeds() [][]byte {
	var all [][]byte
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		f := &fake{order: order}
		all = append(all,
			f.message(kindReply, replyTo(1), "o", testJob),
			f.message(kindError, func(e *encoder) { replyTo(1)(e); e.field(fieldErrorName, "s", "x.Y") }, "s", "no"),
			f.message(kindSignal, func(e *encoder) {
				e.field(fieldInterface, "s", managerInterface)
				e.field(fieldMember, "s", "JobRemoved")
			}, "uoss", uint32(77), testJob, testUnit, "done"))
	}
	return all
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < fixedSize {
			return
		}
		size, err := messageSize(b[:fixedSize])
		if err != nil || size > len(b) {
			return
		}
		if size < fixedSize || size > largest {
			t.Fatalf("size %d", size)
		}
		m, err := decode(b[:size])
		if err != nil {
			return
		}
		job, _ := m.job()
		removed, _ := m.jobRemoved()
		for _, s := range []string{m.iface, m.member, m.errorName, m.signature, m.text(), job, removed.job, removed.unit, removed.result} {
			if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 || len(s) > size {
				t.Fatalf("%q is no string of D-Bus", s)
			}
		}
	})
}

// Whatever comes, the conversation ends: with the scope, or with an error.
func FuzzConversation(f *testing.F) {
	s := seeds()
	f.Add([]byte("OK 0123\r\n" + string(s[0]) + string(s[2])))
	f.Add([]byte("OK 0123\r\n" + string(s[5]) + string(s[3])))
	f.Add([]byte("OK 0123\r\n" + string(s[1])))
	f.Add([]byte("REJECTED EXTERNAL\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		if len(b) > 64<<10 { // fits in the socket's buffer
			b = b[:64<<10]
		}
		if _, err := unix.Write(pair[1], b); err != nil {
			t.Fatal(err)
		}
		if err := unix.Shutdown(pair[1], unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		r := request{unit: testUnit}
		err = r.over(&conn{socket: socket{"fuzz", true}, fd: pair[0], deadline: begin.Add(patience)})
		if took := time.Since(begin); took >= patience {
			t.Fatalf("took %v: %v", took, err)
		}
		if err == nil && !strings.Contains(string(b), "done") {
			t.Fatal("no job was done")
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add("the box hello", testUnit)
	f.Fuzz(func(t *testing.T, description, unit string) {
		for _, c := range []call{startTransientUnit(unit, description), addMatch(unit)} {
			b, err := c.encode(7)
			if err != nil {
				if utf8.ValidString(unit+description) && !strings.ContainsRune(unit+description, 0) {
					t.Fatal(err)
				}
				continue
			}
			size, err := messageSize(b[:fixedSize])
			if err != nil || size != len(b) {
				t.Fatalf("size %d of %d: %v", size, len(b), err)
			}
			m, err := decode(b)
			if err != nil || m.member != c.member || m.signature != c.signature {
				t.Fatalf("%+v, %v", m, err)
			}
		}
	})
}

//go:build linux

package scope

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The D-Bus wire format, as far as a few calls and their answers need it. A
// message is
//
//	byte    order ('l' or 'B'), kind, flags, version 1
//	uint32  size of the body, serial
//	array   of (byte field, variant value), padded to 8
//	body
//
// where every value is aligned to its own size, strings to 4 and structs to 8.

// Kinds of messages.
const (
	kindCall   = 1
	kindReply  = 2
	kindError  = 3
	kindSignal = 4
)

// Header fields, and what stands in them.
const (
	fieldPath        = 1 // o
	fieldInterface   = 2 // s
	fieldMember      = 3 // s
	fieldErrorName   = 4 // s
	fieldReplyTo     = 5 // u
	fieldDestination = 6 // s
	fieldSignature   = 8 // g
)

const (
	fixedSize = 16      // up to and with the size of the array
	largest   = 4 << 20 // of a message here; the specification has 128 MiB
)

// call is a method call.
type call struct {
	destination, path, iface, member string
	signature                        string
	body                             func(*encoder)
}

// encode writes a message in little endian, which every receiver has to
// understand. There are no flags: a bus that has just been started holds the call until the
// manager is there, unless it is told not to start anybody (NO_AUTO_START).
func (c *call) encode(serial uint32) ([]byte, error) {
	body := &encoder{}
	if c.body != nil {
		c.body(body)
	}
	e := &encoder{}
	e.b = append(e.b, 'l', kindCall, 0, 1)
	e.uint32(uint32(len(body.b)))
	e.uint32(serial)
	e.array(8, func() {
		e.field(fieldPath, "o", c.path)
		e.field(fieldInterface, "s", c.iface)
		e.field(fieldMember, "s", c.member)
		e.field(fieldDestination, "s", c.destination)
		if c.signature != "" {
			e.field(fieldSignature, "g", c.signature)
		}
	})
	e.align(8)
	if body.err != nil {
		return nil, body.err
	}
	return append(e.b, body.b...), e.err
}

// encoder writes values one after the other.
type encoder struct {
	b   []byte
	err error // the first
}

func (e *encoder) align(n int) {
	for len(e.b)%n != 0 {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) uint32(v uint32) {
	e.align(4)
	e.b = binary.LittleEndian.AppendUint32(e.b, v)
}

// string writes a string or an object path. What must not be sent is an error
// here; a bus would hang up on it.
func (e *encoder) string(s string) {
	if e.err == nil && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
		e.err = fmt.Errorf("%q cannot be sent: %w", s, ErrProtocol)
	}
	e.uint32(uint32(len(s)))
	e.b = append(append(e.b, s...), 0)
}

func (e *encoder) signature(s string) {
	e.b = append(append(append(e.b, byte(len(s))), s...), 0)
}

// array writes what f writes, whose elements are aligned to n, with its size in
// front. The padding before the first element does not count.
func (e *encoder) array(n int, f func()) {
	e.uint32(0)
	at := len(e.b)
	e.align(n)
	first := len(e.b)
	f()
	binary.LittleEndian.PutUint32(e.b[at-4:], uint32(len(e.b)-first))
}

func (e *encoder) field(code byte, signature, value string) {
	e.align(8)
	e.b = append(e.b, code)
	e.signature(signature)
	if signature == "g" {
		e.signature(value)
		return
	}
	e.string(value)
}

// message is a message that was received.
type message struct {
	kind                                byte
	replyTo                             uint32
	iface, member, errorName, signature string
	body                                decoder
}

// messageSize is the size of a message of which the first fixedSize bytes are known.
func messageSize(head []byte) (int, error) {
	order, err := orderOf(head[0])
	if err != nil {
		return 0, err
	}
	if head[3] != 1 {
		return 0, fmt.Errorf("version %d of the protocol: %w", head[3], ErrProtocol)
	}
	body, fields := uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[12:]))
	size := fixedSize + (fields+7)&^7 + body
	if size > largest {
		return 0, fmt.Errorf("a message of %d bytes: %w", size, ErrProtocol)
	}
	return int(size), nil
}

func orderOf(b byte) (binary.ByteOrder, error) {
	switch b {
	case 'l':
		return binary.LittleEndian, nil
	case 'B':
		return binary.BigEndian, nil
	}
	return nil, fmt.Errorf("byte order %q: %w", b, ErrProtocol)
}

// decode reads a message whose size is that of messageSize.
func decode(b []byte) (*message, error) {
	order, err := orderOf(b[0])
	if err != nil {
		return nil, err
	}
	m := &message{kind: b[1]}
	end := fixedSize + int(order.Uint32(b[12:]))
	d := decoder{b: b[:end], at: fixedSize, order: order}
	for d.err == nil && d.at < end {
		m.field(&d)
	}
	if d.err == nil && order.Uint32(b[8:]) == 0 {
		d.fail("serial 0")
	}
	m.body = decoder{b: b[(end+7)&^7:], order: order}
	return m, d.err
}

// field reads one field of the header; those without a name here are passed over.
func (m *message) field(d *decoder) {
	d.align(8)
	code, signature := d.byte(), d.signature()
	switch signature {
	case "s", "o":
		switch value := d.string(); code {
		case fieldInterface:
			m.iface = value
		case fieldMember:
			m.member = value
		case fieldErrorName:
			m.errorName = value
		}
	case "g":
		if value := d.signature(); code == fieldSignature {
			m.signature = value
		}
	case "u":
		if value := d.uint32(); code == fieldReplyTo {
			m.replyTo = value
		}
	default:
		d.fail(fmt.Sprintf("a header field of type %.20q", signature))
	}
}

// decoder reads values one after the other. After an error all are zero.
type decoder struct {
	b     []byte
	at    int
	order binary.ByteOrder
	err   error // the first
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%s at byte %d: %w", what, d.at, ErrProtocol)
	}
}

// take returns n bytes, or nil.
func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b)-d.at {
		d.fail("a value past the end")
	}
	if d.err != nil {
		return nil
	}
	d.at += n
	return d.b[d.at-n : d.at]
}

func (d *decoder) align(n int) { d.take(-d.at & (n - 1)) }

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	d.align(4)
	if b := d.take(4); b != nil {
		return d.order.Uint32(b)
	}
	return 0
}

func (d *decoder) string() string {
	size := d.uint32()
	if size > largest {
		d.fail("a string past the end")
	}
	return d.text(int(size))
}

func (d *decoder) signature() string { return d.text(int(d.byte())) }

// text returns n bytes that a NUL follows.
func (d *decoder) text(n int) string {
	b := d.take(n + 1)
	if b == nil {
		return ""
	}
	s := string(b[:n])
	if b[n] != 0 || strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		d.fail("a string that is none")
		return ""
	}
	return s
}

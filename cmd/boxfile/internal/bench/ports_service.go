//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What a client asks of the service with its first byte:
//
//	sink     takes all bytes, and answers one
//	source   sends for as many nanoseconds as the next 8 bytes say, and ends
//	echo     answers one byte, and ends
//	idle     answers one byte, and waits for the client to end
const (
	sink   = 'U'
	source = 'D'
	echo   = 'E'
	idle   = 'I'
)

const (
	serveWord  = "serve" // the first argument of this program as a service; the second is where to listen
	pieceBytes = 128 << 10
)

// serve is a service in a network namespace of its own. It ends when whoever
// started it closes its standard input, or dies.
func serve(address string) error {
	_, _ = unix.Setsid() // services have sessions of their own, which share CPUs fairly, sched(7); in a box it has one
	if err := raiseLoopback(); err != nil {
		return err
	}
	door, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // either way it is over
		os.Exit(0)
	}()
	return answerAll(door)
}

func answerAll(door net.Listener) error {
	for {
		c, err := door.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close() //nolint:errcheck // the client has seen what it waits for
			_ = answer(c)   // a client that goes away is the client's business
		}()
	}
}

func answer(c net.Conn) error {
	var asked [1]byte
	if _, err := io.ReadFull(c, asked[:]); err != nil {
		return err
	}
	switch asked[0] {
	case sink:
		return take(c)
	case source:
		return give(c)
	case echo:
		_, err := c.Write(asked[:])
		return err
	case idle:
		if _, err := c.Write(asked[:]); err != nil {
			return err
		}
		_, err := c.Read(asked[:])
		return err
	}
	return fmt.Errorf("service: %q is none of its words", asked)
}

func take(c net.Conn) error {
	piece := make([]byte, pieceBytes)
	for {
		_, err := c.Read(piece)
		if errors.Is(err, io.EOF) {
			_, err = c.Write(piece[:1])
			return err
		}
		if err != nil {
			return err
		}
	}
}

func give(c net.Conn) error {
	var span int64
	if err := binary.Read(c, binary.BigEndian, &span); err != nil {
		return err
	}
	piece := make([]byte, pieceBytes)
	for end := time.Now().Add(time.Duration(span)); time.Now().Before(end); {
		if _, err := c.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// raiseLoopback switches lo on, which is off in a new network namespace.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil || lo.Uint16()&unix.IFF_UP != 0 {
		return err
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

package main

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Looking is harmless: what is no regular file is not even opened.
func TestReadRegularOpensNothingElse(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, pipe, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	if _, err := readRegular(pipe, maxFile); err == nil {
		t.Error("a pipe was read")
	}
	if n, err := unix.Read(fd, make([]byte, 4096)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the pipe was opened: %d bytes of events, %v", n, err)
	}
}

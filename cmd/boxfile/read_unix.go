//go:build unix

package main

import (
	"errors"
	"io/fs"
	"syscall"
)

// readRegular reads a regular file, at most limit bytes of it. It looks before it opens,
// since a Boxfile can name any file as its profile, and to open a device can do something:
// a watchdog starts. It opens without waiting: a pipe with no writer would hold a plain open for ever. The calls are
// bare because os.Open starts the runtime's poller, which is 3 % of an empty
// program's whole life.
func readRegular(name string, limit int) ([]byte, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(name, &st); err != nil {
		return nil, err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, notRegular(name, fileType(uint32(st.Mode))) //nolint:unconvert // 16 bits on darwin
	}
	fd, err := again(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	if err := syscall.Fstat(fd, &st); err != nil { // another by now
		return nil, err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, notRegular(name, fileType(uint32(st.Mode))) //nolint:unconvert // 16 bits on darwin
	}
	data := make([]byte, 0, min(max(int(st.Size), 0), limit)+1)
	for len(data) < limit {
		if len(data) == cap(data) { // it grew meanwhile, or it is of /proc and has no size
			data = append(data, 0)[:len(data)]
		}
		room := data[len(data):min(cap(data), limit)]
		n, err := again(func() (int, error) { return syscall.Read(fd, room) })
		if err != nil || n == 0 {
			return data, err
		}
		data = data[:len(data)+n]
	}
	return data, nil
}

// again repeats a call that a signal interrupts.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

func fileType(mode uint32) fs.FileMode {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		return fs.ModeDir
	case syscall.S_IFIFO:
		return fs.ModeNamedPipe
	}
	return fs.ModeIrregular
}

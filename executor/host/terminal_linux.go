package host

import "golang.org/x/sys/unix"

// fresh is how the kernel sets a new terminal, tty_std_termios of its sources.
var fresh = Modes{
	Input: unix.ICRNL | unix.IXON, Output: unix.OPOST | unix.ONLCR, Control: unix.B38400 | unix.CS8 | unix.CREAD,
	Local: unix.ISIG | unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE | unix.IEXTEN,
	Chars: [...]uint8{unix.VINTR: 'C' & 31, unix.VQUIT: '\\' & 31, unix.VERASE: 0x7f, unix.VKILL: 'U' & 31, unix.VEOF: 'D' & 31, unix.VMIN: 1,
		unix.VSTART: 'Q' & 31, unix.VSTOP: 'S' & 31, unix.VSUSP: 'Z' & 31, unix.VREPRINT: 'R' & 31, unix.VDISCARD: 'O' & 31,
		unix.VWERASE: 'W' & 31, unix.VLNEXT: 'V' & 31, 18: 0},
}

// terminal looks at the standard descriptors. Without one at standard input the
// others do not matter.
func terminal() Terminal {
	var t Terminal
	m, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return t
	}
	t.At[0] = true
	for fd := 1; fd < len(t.At); fd++ {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		t.At[fd] = err == nil
	}
	t.Modes = Modes{Input: m.Iflag, Output: m.Oflag, Control: m.Cflag, Local: m.Lflag, Line: m.Line, Chars: m.Cc}
	// What the terminal is set for while this runs in the background is the shell's reading of its
	// next line: without echo, and a line has no end.
	if group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err == nil && group != unix.Getpgrp() {
		t.Modes = fresh
		t.Modes.Input |= m.Iflag & unix.IUTF8
	}
	if w, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil { // a terminal without a size has 0 of each
		t.Rows, t.Cols, t.XPixel, t.YPixel = w.Row, w.Col, w.Xpixel, w.Ypixel
	}
	return t
}

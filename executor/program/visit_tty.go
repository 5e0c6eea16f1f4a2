//go:build linux

package program

import (
	"fmt"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// Terminal is what boxfile itself does for a box with a terminal of its own: it
// passes what is typed at descriptor In to the box, and what the box says to Out.
type Terminal struct{ In, Out int }

// String says which terminal is relayed.
func (t Terminal) String() string {
	return fmt.Sprintf("relay the terminal at descriptors %d and %d to the box's, raw while boxfile is in the foreground", t.In, t.Out)
}

// TTY opens a terminal of the box's own devpts through the mount itself, and its other
// end through the first: no name is looked up in the box (CVE-2025-52565). It
// begins with the settings and the size of the caller's, of which the box gets nothing else.
func (l *lowering) TTY(s *plan.TTY) error {
	t := &l.facts.Caller.Terminal
	switch {
	case s.Required && !t.At[0]:
		return l.refuse("standard input is no terminal", "run it at a terminal; tty: auto does without one", "the box needs a terminal")
	case !t.At[0], !s.Required && !t.At[1]:
		l.prog.skipped = append(l.prog.skipped, l.step)
		return nil
	case l.ptsFD == 0:
		return l.refuse("", "", "the plan has a terminal and no /dev")
	}
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	master := l.keep(l.op(settle, callOpenat, reg(l.ptsFD), text("ptmx"), named(flags, openFlags), named(0, octal)))
	l.op(settle, callIoctl, reg(master), named(unix.TIOCSPTLCK, ioctls), structure(Field{Name: "lock", Size: 4}))
	own := l.keep(l.op(settle, callIoctl, reg(master), named(unix.TIOCGPTPEER, ioctls), named(flags, openFlags)))
	l.op(settle, callIoctl, reg(own), named(unix.TCSETS, ioctls), modes(&t.Modes))
	l.op(settle, callIoctl, reg(own), named(unix.TIOCSWINSZ, ioctls), structure(Field{Name: "ws_row", Size: 2, Num: uint64(t.Rows)},
		Field{Name: "ws_col", Size: 2, Num: uint64(t.Cols)}, Field{Name: "ws_xpixel", Size: 2, Num: uint64(t.XPixel)}, Field{Name: "ws_ypixel", Size: 2, Num: uint64(t.YPixel)}))
	if l.ranges || !l.userNS { // otherwise the box's user is who makes it
		l.op(settle, callFchownat, reg(own), text(""), num(uint64(l.user.UID)), num(uint64(l.user.GID)), named(unix.AT_EMPTY_PATH, atFlags))
	}
	for fd, is := range t.At {
		if is {
			l.op(settle, callDup3, reg(own), num(uint64(fd)), named(0, openFlags))
		}
	}
	relayed := Terminal{Out: 1}
	if !t.At[1] {
		relayed.Out = 0
	}
	l.host(HostOp{Kind: Relay, Terminal: relayed})
	l.handed(master, TerminalMaster)
	l.hasTTY, l.ttyStep = true, l.step
	return nil
}

// modes is struct termios of ioctl_tty(2).
func modes(m *host.Modes) Arg {
	return structure(Field{Name: "c_iflag", Size: 4, Num: uint64(m.Input)}, Field{Name: "c_oflag", Size: 4, Num: uint64(m.Output)},
		Field{Name: "c_cflag", Size: 4, Num: uint64(m.Control)}, Field{Name: "c_lflag", Size: 4, Num: uint64(m.Local)},
		Field{Name: "c_line", Size: 1, Num: uint64(m.Line)}, Field{Name: "c_cc", Size: len(m.Chars), Text: string(m.Chars[:])})
}

// control makes the box's terminal the controlling one of the command's session.
func (l *lowering) control() {
	if !l.hasTTY {
		return
	}
	defer l.during(l.ttyStep)()
	l.op(begin, callIoctl, num(0), named(unix.TIOCSCTTY, ioctls), num(0))
}

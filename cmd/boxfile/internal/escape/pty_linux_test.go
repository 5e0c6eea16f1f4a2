//go:build linux

package escape

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// onTerminal runs a box on a terminal of its own. It returns what the box printed,
// and what could be read from the terminal afterwards although nobody typed.
func (x *trial) onTerminal(b box, words ...string) (printed, typed string) {
	x.t.Helper()
	file := x.write(&b, words)
	master, slave := x.terminal()
	defer master.Close()
	reader, writer, err := os.Pipe()
	x.must(err)
	defer reader.Close()
	run := []string{shared.boxfile, "up", file}
	if b.outside {
		run = append([]string{shared.probe}, b.args[1:]...)
	}
	cmd := exec.Command(shared.probe, append([]string{"leader"}, run...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = slave, slave, slave, []*os.File{writer}
	cmd.Env, cmd.Dir = []string{"TERM=vt100", "PATH=" + os.Getenv("PATH")}, x.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Credential: x.caller}
	x.start(cmd)
	defer shared.running.Delete(cmd.Process.Pid)
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	slave.Close()
	writer.Close()
	var out bytes.Buffer
	_, _ = io.Copy(&out, master) // ends with EIO, when nobody has the terminal open any more
	_ = cmd.Wait()
	said, _ := io.ReadAll(reader)
	if strings.Contains(out.String(), x.canary.secret) {
		x.fail("the host's secret was read on a terminal")
	}
	typed, ok := strings.CutPrefix(string(said), typedMark)
	if !ok {
		x.fail("the terminal's leader says %q, and the box %q", said, out.String())
	}
	return out.String(), typed
}

// terminal is a new pseudoterminal, pty(7), that hands bytes on as they are.
func (x *trial) terminal() (master, slave *os.File) {
	x.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	x.must(err)
	fd := int(master.Fd())
	x.must(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	x.must(err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	x.must(err)
	raw, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	x.must(err)
	raw.Lflag &^= unix.ICANON | unix.ECHO
	raw.Oflag &^= unix.OPOST
	x.must(unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, raw))
	return master, slave
}

//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Programs that run at a terminal, with @ for the root: one that says as much as it
// can, and one that waits, so that the terminal itself echoes what is typed.
const (
	loud  = "@/bin/busybox cat @/text"
	quiet = "@/bin/busybox cat"
)

// What loud says: so many lines, and last.
const (
	lines = 200000
	line  = "what a build says, line by line, 64 characters wide all the way\n"
	last  = "the end\r\n"
)

// keys is how often a round types one.
const keys = 200

// seat is one way to run a program at a terminal.
type seat struct {
	name string
	args func(program string) []string
	rate figures // bytes a second
	echo figures // microseconds
}

// seats are a terminal without anything between, script(1), and a box with its own.
func seats(dir, boxfile string) (able []*seat, absent []string, err error) {
	root := filepath.Join(dir, "rootfs")
	file := func(program string) string { return filepath.Join(dir, fmt.Sprintf("tty%d.yaml", len(program))) }
	for _, p := range [...]string{loud, quiet} {
		text := fmt.Sprintf("boxfile: 1\nname: bench\nrootfs: {dir: ./rootfs}\ntty: true\nshell: exec %s\n", strings.ReplaceAll(p, "@", ""))
		if err := os.WriteFile(file(p), []byte(text), 0o644); err != nil {
			return nil, nil, err
		}
	}
	if err := os.WriteFile(root+"/text", []byte(strings.Repeat(line, lines)+"the end\n"), 0o644); err != nil {
		return nil, nil, err
	}
	on := func(p string) string { return strings.ReplaceAll(p, "@", root) }
	able = append(able, &seat{name: "no relay", args: func(p string) []string { return strings.Fields(on(p)) }})
	if script, err := exec.LookPath("script"); err == nil {
		able = append(able, &seat{name: "script", args: func(p string) []string { return []string{script, "-qc", "exec " + on(p), "/dev/null"} }})
	} else {
		absent = append(absent, "script: not installed")
	}
	return append(able, &seat{name: "boxfile", args: func(p string) []string { return []string{boxfile, "up", file(p)} }}), absent, nil
}

// ttys measures all seats, one after the other within each round.
func ttys(o options, dir, boxfile string) error {
	all, absent, err := seats(dir, boxfile)
	if err != nil {
		return err
	}
	for range o.ttys {
		for _, s := range all {
			s.rate.add(rate(s.args(loud)))
			s.echo.add(keystroke(s.args(quiet)))
		}
	}
	to := all[min(1, len(all)-1)]
	fmt.Printf("\nterminals: %d rounds in turns, %d keys in each\n\n%-10s %10s %20s %10s %20s\n", o.ttys, keys, "", "MB/s", "of "+to.name, "echo", "of "+to.name)
	for _, s := range all {
		mb, r, ok := column(s.rate, to.rate)
		us, e, ok2 := column(s.echo, to.echo)
		if !ok || !ok2 {
			fmt.Printf("%-10s failed: %v\n", s.name, errors.Join(s.rate.failed, s.echo.failed))
			continue
		}
		fmt.Printf("%-10s %10.1f %20s %7.0f us %20s\n", s.name, mb/1e6, fmt.Sprintf("%.3f (%.2f-%.2f)", r[1], r[0], r[2]), us, fmt.Sprintf("%.3f (%.2f-%.2f)", e[1], e[0], e[2]))
	}
	fmt.Println("echo: from a key to its echo, the median of each round; ratios: median and quartiles over rounds")
	for _, a := range absent {
		fmt.Println("not measured:", a)
	}
	return nil
}

func (f *figures) add(value float64, err error) {
	if err != nil {
		value, f.failed = 0, err
	}
	f.values = append(f.values, value)
}

// rate is how many bytes a second a program gets onto the terminal, from the first one on.
func rate(args []string) (float64, error) {
	master, pid, err := sit(args)
	if err != nil {
		return 0, err
	}
	defer leave(master, pid)
	buf, tail := make([]byte, 64<<10), []byte(nil)
	total, since := 0, time.Time{}
	for {
		n, err := unix.Read(master, buf)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%q came last: %w", tail, err)
		}
		if total == 0 {
			since = time.Now()
		}
		total += n
		tail = append(tail, buf[:n]...)
		tail = tail[max(0, len(tail)-len(last)):]
		if bytes.HasSuffix(tail, []byte(last)) {
			return float64(total) / time.Since(since).Seconds(), nil
		}
	}
}

// keystroke is the median time, in microseconds, until a key is seen.
func keystroke(args []string) (float64, error) {
	master, pid, err := sit(args)
	if err != nil {
		return 0, err
	}
	defer leave(master, pid)
	times := make([]float64, 0, keys)
	var buf [256]byte
	for i := range keys + 1 {
		time.Sleep(2 * time.Millisecond) // as nobody types faster
		since := time.Now()
		if _, err := unix.Write(master, []byte{'a' + byte(i%26)}); err != nil {
			return 0, err
		}
		for { // the first key may come before there is a relay: it is seen twice
			n, err := unix.Read(master, buf[:])
			if err != nil || n == 0 {
				return 0, fmt.Errorf("no echo: %w", err)
			}
			if buf[n-1] == 'a'+byte(i%26) {
				break
			}
		}
		if i > 0 {
			times = append(times, float64(time.Since(since).Nanoseconds())/1000)
		}
	}
	return quantile(times, .5), nil
}

// sit starts a program at a terminal of its own.
func sit(args []string) (master, pid int, err error) {
	master, err = unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	if err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(master)
		return -1, 0, err
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		unix.Close(master)
		return -1, 0, err
	}
	slave, err := unix.Open(fmt.Sprintf("/dev/pts/%d", n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(master)
		return -1, 0, err
	}
	defer unix.Close(slave)
	fd := uintptr(slave)
	pid, err = syscall.ForkExec(args[0], args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{fd, fd, fd}, Sys: &syscall.SysProcAttr{Setsid: true, Setctty: true}})
	return master, pid, err
}

// leave ends what runs at a terminal; script(1) does not end when that goes away.
func leave(master, pid int) {
	unix.Close(master)
	_ = syscall.Kill(pid, syscall.SIGKILL)
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

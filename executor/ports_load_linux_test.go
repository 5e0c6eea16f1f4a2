package executor_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// openFiles is how many descriptors a process has.
func openFiles(pid int) int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(list)
}

// Many short connections leave nothing behind: no descriptor, and no memory that grows with them.
func TestPortManyShort(t *testing.T) {
	b := newBox(t)
	s := b.serve(published(t, []*plan.Publish{tcp(7000)}, "tcp", "0.0.0.0:7000"))
	short := func(n int) {
		var all sync.WaitGroup
		for w := range 4 {
			all.Go(func() {
				for range n / 4 {
					c, err := net.Dial("tcp", s.ports[0])
					if err != nil {
						t.Error(err)
						return
					}
					if w%2 == 0 { // half of them read the greeting
						_, _ = c.Read(make([]byte, 64))
					}
					c.Close()
				}
			})
		}
		all.Wait()
	}
	short(400)
	settle := func() int {
		n := openFiles(s.cmd.Process.Pid)
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if next := openFiles(s.cmd.Process.Pid); next == n {
				return n
			} else {
				n = next
			}
		}
		return n
	}
	before, memory := settle(), residentKiB(t, s.cmd.Process.Pid)
	n := 20000
	if testing.Short() {
		n = 2000
	}
	short(n)
	waitFor(t, "closed descriptors", func() bool { return openFiles(s.cmd.Process.Pid) <= before+32 }) // spare sockets come and go
	if after := residentKiB(t, s.cmd.Process.Pid); after > memory+2048 {
		t.Errorf("resident memory went from %d KiB to %d KiB", memory, after)
	}
}

// residentKiB is VmRSS of a process.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	n := 0
	_, _ = fmt.Sscan(rest, &n)
	return n
}

// Idle connections cost next to nothing, and do not hold up others.
func TestPortManyIdle(t *testing.T) {
	b := newBox(t)
	s := b.serve(published(t, []*plan.Publish{tcp(7000)}, "tcp", "0.0.0.0:7000"))
	before := residentKiB(t, s.cmd.Process.Pid)
	n := idleConnections(t)
	for range n {
		dial(t, s.ports[0])
	}
	after := residentKiB(t, s.cmd.Process.Pid)
	if after-before > 8<<10 || after > 64<<10 {
		t.Errorf("%d connections take %d KiB, %d in all", n, after-before, after)
	}
	t.Logf("%d connections take %d KiB, %d in all", n, after-before, after)
	c, _, r := dial(t, s.ports[0])
	echoes(t, c, r)
}

// idleConnections is 10,000, or as many as this machine has descriptors for: two each.
func idleConnections(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return 300
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const most, others = 10000, 200
	return int(min(most, (limit.Max-others)/2))
}

// Without descriptors for more connections the relay waits until some end; it neither spins nor fails.
func TestPortOutOfDescriptors(t *testing.T) {
	b := newBox(t)
	b.prefix = []string{"prlimit", "--nofile=400:400"}
	s := b.serve(published(t, []*plan.Publish{tcp(7000)}, "tcp", "0.0.0.0:7000"))
	var open []net.Conn
	for range 400 {
		c, err := net.Dial("tcp", s.ports[0])
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	time.Sleep(200 * time.Millisecond)
	spent, since := cpuTicks(t, s.cmd.Process.Pid), time.Now()
	time.Sleep(time.Second)
	now, took := cpuTicks(t, s.cmd.Process.Pid), time.Since(since)
	if float64(now-spent) > 70*took.Seconds() {
		t.Errorf("%d ticks of CPU time in %v of waiting", now-spent, took)
	}
	for _, c := range open {
		c.Close()
	}
	time.Sleep(200 * time.Millisecond)
	c, _, r := dial(t, s.ports[0])
	echoes(t, c, r)
}

// cpuTicks is the CPU time of a process in hundredths of a second.
func cpuTicks(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	user, system := 0, 0
	_, _ = fmt.Sscan(f[11]+" "+f[12], &user, &system)
	return user + system
}

// Boxes with ports that are killed at any time leave their ports free, as soon as what was forked is gone too.
func TestPortsOfManyBoxes(t *testing.T) {
	rounds, boxes := 8, 24
	if testing.Short() {
		rounds, boxes = 2, 6
	}
	ports := make([]*plan.Publish, boxes)
	for i := range ports {
		ports[i] = tcp(7000)
		ports[i].Host = freePorts(t, ports[i])
	}
	b := newBox(t)
	for range rounds {
		var all sync.WaitGroup
		for _, p := range ports {
			all.Go(func() {
				one := *b
				one.dir = t.TempDir()
				cmd := one.command(published(t, []*plan.Publish{p}, "tcp", "0.0.0.0:7000").plan())
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(rand.N(30 * time.Millisecond))
				if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.Host)); err == nil {
					defer c.Close()
					go func() { _, _ = io.Copy(io.Discard, c) }()
				}
				time.Sleep(rand.N(10 * time.Millisecond))
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
					l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.Host))
					if err == nil {
						l.Close()
						return
					}
					if time.Now().After(end) {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	}
}

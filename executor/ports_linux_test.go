package executor_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
)

// published is a box that serves; ports are what to publish.
func published(t *testing.T, ports []*plan.Publish, args ...string) *planner {
	t.Helper()
	p := fullPlan(t, append([]string{"serve"}, args...)...)
	at := &plan.PortAddress{Box: []string{"169.254.1.2"}, Host: []string{"169.254.1.1"}}
	for _, s := range ports {
		p.before("close_fds", s)
		if strings.Contains(s.Address, ":") && len(at.Box) == 1 {
			at.Box, at.Host = append(at.Box, "fd00:b0f1::2"), append(at.Host, "fd00:b0f1::1")
		}
		if s.Protocol == "udp" {
			at.UDP = "169.254.64.0/18"
		}
	}
	return p.before("rlimit", at)
}

func tcp(box uint16) *plan.Publish {
	return &plan.Publish{Address: "127.0.0.1", Box: box, Count: 1, Protocol: "tcp"}
}

// serving is a box that runs.
type serving struct {
	cmd   *exec.Cmd
	ports []string // where to connect
	out   *bufio.Reader
}

// serve starts a box and waits until its service listens.
func (b *box) serve(p *planner) *serving {
	b.t.Helper()
	cmd := b.command(p.plan())
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	errs, err := os.Create(b.t.TempDir() + "/stderr") // what is written before the service is ready is there by then
	if err != nil {
		b.t.Fatal(err)
	}
	defer errs.Close()
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	said := func() string {
		text, _ := os.ReadFile(errs.Name())
		return string(text)
	}
	s := &serving{cmd: cmd, out: bufio.NewReader(out)}
	b.t.Cleanup(s.end)
	if line, err := s.out.ReadString('\n'); line != "ready\n" {
		s.end()
		b.t.Fatalf("the service says %q: %v\n%s", line, err, said())
	}
	for line := range strings.Lines(said()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "PUBLISHED" {
			s.ports = append(s.ports, f[2])
		}
	}
	return s
}

// end ends the box and waits.
func (s *serving) end() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// dial connects and reads the greeting.
func dial(t *testing.T, at string) (c *net.TCPConn, seen string, r *bufio.Reader) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", at, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	r = bufio.NewReader(conn)
	seen, err = r.ReadString('\n')
	if err != nil {
		t.Fatalf("no greeting: %v", err)
	}
	return conn.(*net.TCPConn), strings.TrimSpace(seen), r
}

// echoes wants a line back.
func echoes(t *testing.T, c net.Conn, r *bufio.Reader) {
	t.Helper()
	fmt.Fprintln(c, "x")
	if line, err := r.ReadString('\n'); line != "x\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// Bytes arrive as they were sent, both ways at once, and so does the end of each way.
func TestPortCarriesBytes(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		s := b.serve(published(t, []*plan.Publish{tcp(7000)}, "tcp", "0.0.0.0:7000"))
		c, seen, r := dial(t, s.ports[0])
		if want := fmt.Sprintf("169.254.1.1:%d", c.LocalAddr().(*net.TCPAddr).Port); seen != want {
			t.Errorf("the service sees %s, not %s", seen, want)
		}
		sent, got := sha256.New(), sha256.New()
		go func() {
			_, _ = io.CopyN(io.MultiWriter(c, sent), rand.NewChaCha8([32]byte{}), 20<<20)
			_ = c.CloseWrite()
		}()
		n, err := io.Copy(got, r)
		if err != nil || n != 20<<20 || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
			t.Errorf("%d bytes came back, or others: %v", n, err)
		}
	})
}

// A client on another address of the machine is seen as that. It is not on the box's loopback.
func TestPortClientAddress(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		all, six := tcp(7000), tcp(7000)
		all.Address, six.Address = "0.0.0.0", "::1"
		s := b.serve(published(t, []*plan.Publish{six, all}, "tcp", ":7000"))
		own := ownAddress(t)
		_, port, _ := net.SplitHostPort(s.ports[1])
		for at, want := range map[string]string{s.ports[0]: "[fd00:b0f1::1]:%d", net.JoinHostPort(own, port): own + ":%d", net.JoinHostPort("127.0.0.9", port): "169.254.1.1:%d"} {
			c, seen, _ := dial(t, at)
			if want = fmt.Sprintf(want, c.LocalAddr().(*net.TCPAddr).Port); seen != want {
				t.Errorf("through %s the service sees %s, not %s", at, seen, want)
			}
		}
	})
}

// ownAddress is an IPv4 address of this machine that is not on its loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	list, _ := net.InterfaceAddrs()
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	skip(t, "this machine has no address besides its loopback")
	return ""
}

// A connection that breaks off on one side breaks off on the other.
func TestPortReset(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		s := b.serve(published(t, []*plan.Publish{tcp(7000), tcp(7001)}, "tcp", "0.0.0.0:7000", "reset", "0.0.0.0:7001"))
		c, _, _ := dial(t, s.ports[0])
		fmt.Fprintln(c, "x")
		_ = c.SetLinger(0)
		c.Close()
		if line, _ := s.out.ReadString('\n'); !strings.Contains(line, "reset by peer") {
			t.Errorf("the service is told %q", line)
		}
		c, _, r := dial(t, s.ports[1])
		fmt.Fprintln(c, "x")
		if _, err := r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client is told %v", err)
		}
	})
}

// A service that takes nothing holds its client up, and nobody else.
func TestPortBackpressure(t *testing.T) {
	b := newBox(t)
	s := b.serve(published(t, []*plan.Publish{tcp(7000), tcp(7001)}, "tcp", "0.0.0.0:7001", "deaf", "0.0.0.0:7000"))
	deaf, _, _ := dial(t, s.ports[0])
	_ = deaf.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	if n, err := io.CopyN(deaf, rand.NewChaCha8([32]byte{}), 1<<30); !errors.Is(err, os.ErrDeadlineExceeded) || n > 64<<20 {
		t.Errorf("%d bytes went to a service that reads none: %v", n, err)
	}
	c, _, r := dial(t, s.ports[1])
	echoes(t, c, r)
	before := openFiles(s.cmd.Process.Pid)
	_ = deaf.SetLinger(0)
	deaf.Close()
	waitFor(t, "the end of what nobody reads", func() bool { return openFiles(s.cmd.Process.Pid) < before })
}

// A connection waits for a service that begins late, but not for ever.
func TestPortWaits(t *testing.T) {
	for i := 0; !waits(t); i++ { // on a busy machine the service may begin too late
		if i == 20 {
			t.Fatal("no service begins in time")
		}
	}
	b := newBox(t)
	s := b.serve(published(t, []*plan.Publish{tcp(7000), tcp(7001)}, "tcp", "0.0.0.0:7000"))
	since := time.Now()
	c, err := net.Dial("tcp", s.ports[1])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(since.Add(patience))
	_, err = c.Read(make([]byte, 1))
	if d := time.Since(since); !errors.Is(err, syscall.ECONNRESET) || d < 900*time.Millisecond {
		t.Errorf("after %v: %v", d, err)
	}
}

// waits reports whether connections that were there before the service are greeted.
func waits(t *testing.T) bool {
	t.Helper()
	s := newBox(t).serve(published(t, []*plan.Publish{tcp(7000)}, "after", "200ms", "tcp", "0.0.0.0:7000"))
	defer s.end()
	var all sync.WaitGroup
	var greeted atomic.Int32
	for range 20 {
		all.Go(func() {
			c, err := net.DialTimeout("tcp", s.ports[0], patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			if n, _ := c.Read(make([]byte, 1)); n == 1 {
				greeted.Add(1)
			}
		})
	}
	all.Wait()
	return greeted.Load() == 20
}

// What listens on the box's own loopback is not published.
func TestPortLoopbackStaysInside(t *testing.T) {
	b := newBox(t)
	s := b.serve(published(t, []*plan.Publish{tcp(7000)}, "tcp", "127.0.0.1:7000"))
	c, err := net.Dial("tcp", s.ports[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v", err)
	}
}

// A published port is no way out.
func TestPortIsNoWayOut(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for _, from := range []string{"", "169.254.1.2"} {
			p := published(t, []*plan.Publish{tcp(7000)})
			args := []string{"/probe", "dial", "tcp", "192.0.2.1:80"}
			want := "network is unreachable"
			if from != "" {
				args, want = append(args, from), "timeout" // nobody answers
			}
			r := b.run(p.replace(&plan.Exec{Args: args}).plan())
			if r.code != 0 || !strings.Contains(r.stdout, want) {
				t.Errorf("from %q: exit %d, %s%s", from, r.code, r.stdout, r.stderr)
			}
		}
	})
}

// Clients of UDP are told apart, and datagrams are as large as they may be.
func TestPortUDP(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		port := &plan.Publish{Address: "127.0.0.1", Box: 7000, Count: 1, Protocol: "udp"}
		six := &plan.Publish{Address: "::1", Box: 7000, Count: 1, Protocol: "udp"}
		s := b.serve(published(t, []*plan.Publish{six, port}, "udp", ":7000"))
		seen := map[string]bool{}
		for i := range 40 {
			c, err := net.Dial("udp", s.ports[i%2])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			for range 3 {
				fmt.Fprintf(c, "client %d", i)
				buf := make([]byte, 1<<16)
				n, err := c.Read(buf)
				who, what, _ := strings.Cut(string(buf[:n]), " ")
				if err != nil || what != fmt.Sprintf("client %d", i) || !strings.Contains(who, "169.254.") {
					t.Fatalf("client %d reads %q: %v", i, buf[:n], err)
				}
				seen[who] = true
			}
			large := bytes.Repeat([]byte("abcdefg"), 65507/7)
			if _, err := c.Write(large); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 1<<16)
			if n, err := c.Read(buf); err != nil || !bytes.Equal(buf[:n], large) {
				t.Errorf("%d bytes of %d: %v", n, len(large), err)
			}
		}
		if len(seen) != 40 {
			t.Errorf("40 clients are %d addresses", len(seen))
		}
	})
}

// A port that is taken is told with its holder, before anything is done.
func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := tcp(7000)
	port.Host = uint16(l.Addr().(*net.TCPAddr).Port)
	each(t, func(t *testing.T, b *box) {
		r := b.run(published(t, []*plan.Publish{port}, "tcp", ":7000").plan())
		holder := fmt.Sprintf("process %d (", os.Getpid())
		if b.user != nil {
			holder = "a process of user 0 has"
		}
		if r.code != 125 || !strings.Contains(r.stderr, "it is in use") || !strings.Contains(r.stderr, holder) {
			t.Errorf("exit %d\n%s", r.code, r.stderr)
		}
	})
}

// When boxfile is killed, its ports are free at once.
func TestPortFreeAfterKill(t *testing.T) {
	b := newBox(t)
	port := tcp(7000)
	port.Host = freePorts(t, port)
	for range 10 {
		s := b.serve(published(t, []*plan.Publish{port}, "tcp", ":7000"))
		c, _, _ := dial(t, s.ports[0])
		s.end()
		l, err := net.Listen("tcp", s.ports[0])
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		c.Close()
		if n := len(descendants(s.cmd.Process.Pid)); n > 0 {
			t.Errorf("%d processes are left", n)
		}
	}
}

package executor_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
)

// outbound is a box with a way out.
func outbound(t *testing.T, args ...string) *planner {
	t.Helper()
	return fullPlan(t, args...).before("close_fds", &plan.Outbound{DNS: "10.0.2.3"}).before("rlimit", &plan.BlockLoopback{})
}

func needTun(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		skip(t, "no /dev/net/tun here: "+err.Error())
	}
	f.Close()
}

// eachHelper runs a test for each user, with each of the helpers that are installed.
// An ordinary user gets a /dev/net/tun as udev makes it, where this machine's is root's alone.
func eachHelper(t *testing.T, test func(t *testing.T, b *box)) {
	t.Helper()
	needTun(t)
	each(t, func(t *testing.T, b *box) {
		if b.user != nil {
			id := strconv.Itoa(int(b.user.Uid))
			b.prefix = []string{"unshare", "-m", "sh", "-c", `mount -t tmpfs none /mnt && mknod -m 666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun && umount -l /mnt &&
				exec setpriv --reuid=` + id + ` --regid=` + id + ` --clear-groups "$@"`, "sh"}
			b.user = nil
		}
		for _, h := range []string{"pasta", "slirp4netns"} {
			t.Run(h, func(t *testing.T) {
				if _, err := exec.LookPath(h); err != nil {
					skip(t, h+" is not installed")
				}
				one := *b
				one.t, one.env = t, []string{"BOXFILE_TEST_HELPER=" + h}
				test(t, &one)
			})
		}
	})
}

// A box reaches what its machine reaches, but not what listens on the machine's
// loopback: neither by the router's address, nor past the box's own loopback.
func TestOutbound(t *testing.T) {
	own := ownAddress(t)
	reached := make(chan string, 100)
	listen := func(at string) string {
		l, err := net.Listen("tcp", at+":0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		u, err := net.ListenPacket("udp", at+":"+port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { u.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				reached <- "tcp " + at
				c.Close()
			}
		}()
		go func() {
			for {
				if _, _, err := u.ReadFrom(make([]byte, 9)); err != nil {
					return
				}
				reached <- "udp " + at
			}
		}()
		return port
	}
	open, closed := listen(own), listen("127.0.0.1")
	eachHelper(t, func(t *testing.T, b *box) {
		r := b.run(outbound(t, "escape", own+":"+open, "127.0.0.1:"+closed, "10.0.2.2:"+closed).plan())
		want := "out: <nil>\nown loopback: <nil>\nrouter: no\npast loopback by tcp: operation not permitted\npast loopback by udp: operation not permitted\n"
		if r.code != 0 || r.stdout != want {
			t.Errorf("exit %d\n%s\nnot\n%s%s", r.code, r.stdout, want, r.stderr)
		}
		time.Sleep(50 * time.Millisecond)
		for n := len(reached); n > 0; n-- {
			if who := <-reached; who != "tcp "+own {
				t.Errorf("the box has reached %s", who)
			}
		}
	})
}

// The helper goes with the box, and with boxfile, whenever that is killed.
func TestOutboundHelperEnds(t *testing.T) {
	eachHelper(t, func(t *testing.T, b *box) {
		p := outbound(t, "sleep").plan()
		for i := range 12 {
			cmd := b.command(p)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(i*i) * time.Millisecond)
			all := descendants(cmd.Process.Pid)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			waitFor(t, "the end of the helper", func() bool { return alive(all) == 0 })
		}
		if r := b.run(outbound(t, "exit", "3").plan()); r.code != 3 {
			t.Errorf("exit %d\n%s", r.code, r.stderr)
		}
	})
}

// A helper that fails is told with its own words, and nothing runs.
func TestOutboundHelperFails(t *testing.T) {
	b := newBox(t)
	needTun(t)
	for helper, want := range map[string]string{"/bin/false": "/bin/false: it ended", "/nosuch": "no such file", "/bin/ls": " option "} {
		b.env = []string{"BOXFILE_TEST_HELPER=" + helper}
		r := b.run(outbound(t, "exit", "0").plan())
		if r.code != 125 || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, `"step":"outbound"`) {
			t.Errorf("%s: exit %d\n%s", helper, r.code, r.stderr)
		}
	}
}

// escape is what the probe tries: its way out, its own loopback, the machine's
// loopback by the router, and by packets that the loopback's routes are not asked for.
func escape(out, loopback, router string) int {
	try := func(network, at string, wait time.Duration, control func(string, string, syscall.RawConn) error) error {
		d := net.Dialer{Timeout: wait, Control: control}
		c, err := d.Dial(network, at)
		if err != nil {
			return err
		}
		defer c.Close()
		if network == "udp" {
			_, err = c.Write([]byte("x"))
		}
		return err
	}
	toTap := func(_, _ string, c syscall.RawConn) error {
		var err error
		_ = c.Control(func(fd uintptr) {
			err = syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, "tap0")
		})
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("out:", try("tcp", out, patience, nil))
	fmt.Println("own loopback:", try("tcp", l.Addr().String(), patience, nil))
	word := "no"
	if try("tcp", router, time.Second, nil) == nil {
		word = "yes"
	}
	fmt.Println("router:", word)
	for _, network := range []string{"tcp", "udp"} {
		err := try(network, loopback, time.Second, toTap)
		var errno syscall.Errno
		if errors.As(err, &errno) {
			fmt.Printf("past loopback by %s: %v\n", network, errno)
			continue
		}
		fmt.Printf("past loopback by %s: %v\n", network, err)
	}
	return 0
}

// The abstract unix sockets of this machine are those of its network namespace.
func TestAbstractSocketsStayOutside(t *testing.T) {
	name := fmt.Sprintf("@boxfile-test-%d", os.Getpid())
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	each(t, func(t *testing.T, b *box) {
		if r := b.run(fullPlan(t, "dial", "unix", name).plan()); r.code != 0 || !strings.Contains(r.stdout, "connection refused") {
			t.Errorf("exit %d, %s%s", r.code, r.stdout, r.stderr)
		}
		if b.user == nil && os.Getuid() == 0 { // with the host's network they are there
			p := fullPlan(t, "dial", "unix", name).without("loopback").replace(&plan.Unshare{Namespaces: []string{"user", "mount", "pid", "ipc", "uts", "cgroup"}})
			if r := b.run(p.plan()); r.code != 0 || !strings.Contains(r.stdout, "<nil>") {
				t.Errorf("exit %d, %s%s", r.code, r.stdout, r.stderr)
			}
		}
	})
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// boxPort is where services listen in their network namespaces.
const boxPort = "8080"

// site is one way to publish a port, at work.
type site struct {
	name  string
	dir   string // for what it writes
	self  string // this program
	port  string // of 127.0.0.1, which clients connect to
	relay int    // the process that bytes go through; 0: none, or one for each connection
	all   []*exec.Cmd
	pipes []io.Closer // standard inputs, which services live as long as
}

// freePort is a port of 127.0.0.1 that nobody has. Another program may take it before
// it is used; then the site says so, and is not measured.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

func (s *site) address() string { return net.JoinHostPort("127.0.0.1", s.port) }

// path names a file of the site's own.
func (s *site) path(name string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(s.name, " ", "-")+"."+name)
}

// start runs a program until the site is left.
func (s *site) start(attr *syscall.SysProcAttr, args ...string) (*exec.Cmd, error) {
	path, err := look(args[0])
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the program has one of its own
	cmd := exec.Command(path, args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{log} // docker-proxy tells its parent on 3 how it went
	if attr == nil {
		attr = new(syscall.SysProcAttr)
	}
	attr.Setpgid, cmd.SysProcAttr = true, attr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	s.all, s.pipes = append(s.all, cmd), append(s.pipes, in)
	return cmd, nil
}

// through starts the program that carries the bytes.
func (s *site) through(args ...string) error {
	cmd, err := s.start(nil, args...)
	if err == nil {
		s.relay = cmd.Process.Pid
	}
	return err
}

// service starts one in a network namespace of its own, and in a user namespace
// where that is needed for it.
func (s *site) service() (pid string, err error) {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid := os.Getuid(); uid != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	cmd, err := s.start(attr, s.self, serveWord, ":"+boxPort)
	if err != nil {
		return "", err
	}
	return strconv.Itoa(cmd.Process.Pid), nil
}

// within is a command in the namespaces of a process.
func within(pid string, args ...string) []string {
	enter := []string{"nsenter", "-n", "-t", pid}
	if os.Getuid() != 0 {
		enter = append(enter, "-U", "--preserve-credentials")
	}
	return append(append(enter, "--"), args...)
}

// once runs a program that ends by itself.
func (s *site) once(args ...string) error {
	path, err := look(args[0])
	if err != nil {
		return err
	}
	if out, err := exec.Command(path, args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// look finds a program, also where Debian puts those that no person starts.
func look(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/usr/libexec/docker", "/usr/lib/docker"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, filepath.Base(name)))
	}
	if err != nil {
		return "", fmt.Errorf("%s is not installed", name)
	}
	return path, nil
}

// until repeats what may fail at first.
func until(f func() error) error {
	end := time.Now().Add(time.Minute)
	for {
		err := f()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// words are what the site's programs had to say.
func (s *site) words() string {
	b, err := os.ReadFile(s.path("log"))
	if err != nil {
		return "" // it did not come to that
	}
	const enough = 300
	said := strings.Join(strings.Fields(string(b)), " ")
	return said[:min(len(said), enough)]
}

// leave ends all processes of the site.
func (s *site) leave() {
	for _, p := range s.pipes {
		_ = p.Close() // closed already where the process is gone
	}
	for i := len(s.all) - 1; i >= 0; i-- {
		cmd := s.all[i]
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // gone: all the better
		dead := time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait() // how it went is of no interest any more
		dead.Stop()
	}
}

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// server is an example that runs beside the test.
type server struct {
	r   *run
	cmd *exec.Cmd
	out bytes.Buffer
}

// serve starts an example, and waits until it answers.
func (r *run) serve(answers func() bool, words ...string) *server {
	r.t.Helper()
	all := append([]string{filepath.Join(bin, "boxfile"), "up"}, append(words, filepath.Join(r.dir, r.name+".yaml"))...)
	if r.user {
		var err error
		if all, err = ordinaryCommand(all); err != nil {
			fixture.Skip(r.t, err.Error())
		}
	}
	s := &server{r: r, cmd: exec.Command(all[0], all[1:]...)}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = r.dir, &s.out, &s.out, 5*time.Second
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { s.end() })
	for end := time.Now().Add(fixture.Patience); !answers(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.end()
			r.t.Fatalf("no answer\n%s", &s.out)
		}
	}
	return s
}

// end has the server end as a user would, and returns its exit code.
func (s *server) end() int {
	if s.cmd.ProcessState == nil {
		pids, _ := exec.Command("pgrep", "-g", fmt.Sprint(s.cmd.Process.Pid), "-x", "boxfile").Output()
		for _, pid := range strings.Fields(string(pids)) {
			_ = exec.Command("kill", "-TERM", pid).Run()
		}
		timer := time.AfterFunc(fixture.Patience, func() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
		defer timer.Stop()
		_ = s.cmd.Wait()
	}
	return s.cmd.ProcessState.ExitCode()
}

// Real servers answer at their ports, for root and for an ordinary user, and see who asks.
func TestServers(t *testing.T) {
	eachExample(t, func(r *run) {
		switch r.name {
		case "redis":
			r.serve(func() bool {
				c, err := net.Dial("tcp", "127.0.0.1:16379")
				if err != nil {
					return false
				}
				defer c.Close()
				fmt.Fprint(c, "PING\r\n")
				line, _ := bufio.NewReader(c).ReadString('\n')
				return line == "+PONG\r\n"
			}).end()
		case "nginx":
			s := r.serve(func() bool { return strings.HasPrefix(get("http://127.0.0.1:18080/"), "hello") })
			for url, want := range map[string]string{"http://127.0.0.1:18080/": "hello 169.254.1.1\n", "http://[::1]:18080/": "hello fd00:b0f1::1\n", "http://127.0.0.1:18082/": "hello 169.254.1.1\n"} {
				var all sync.WaitGroup
				for range 8 {
					all.Go(func() {
						for range 50 {
							if got := get(url); got != want {
								r.t.Errorf("%s says %q, not %q", url, got, want)
							}
						}
					})
				}
				all.Wait()
			}
			s.end()
		case "web":
			if works, said := r.doctor(); !works {
				if r.root() {
					r.t.Error(said)
				}
				return // a refusal is the promise to one to whom no cgroup is delegated
			}
			r.serve(func() bool { return strings.Contains(get("http://127.0.0.1:18088/"), "served from a box") }).end()
		}
		if p := r.processes(); p != "" {
			r.t.Errorf("still running: %s", p)
		}
	}, "nginx", "redis")
}

func get(url string) string {
	answer, err := http.Get(url) //nolint:noctx // the test has its own bound
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Two boxes have port 5432 each, and each its own data, which it keeps.
func TestTwoPostgres(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		fixture.Skip(t, "psql is not installed")
	}
	eachExample(t, func(r *run) {
		sql := func(port, text string) string {
			out, err := exec.Command(psql, "-h", "127.0.0.1", "-p", port, "-U", "box", "-d", "postgres", "-qtA", "-c", text).CombinedOutput()
			if err != nil {
				r.t.Fatalf("port %s: %s: %v: %s", port, text, err, out)
			}
			return strings.TrimSpace(string(out))
		}
		answers := func(port string) func() bool {
			return func() bool {
				return exec.Command(psql, "-h", "127.0.0.1", "-p", port, "-U", "box", "-d", "postgres", "-c", "select 1").Run() == nil
			}
		}
		for round := range 2 {
			boxes := map[string]*server{"15432": r.serve(answers("15432")), "25432": r.serve(answers("25432"), "--input", "data=two", "--input", "port=25432")}
			for port := range boxes {
				if round == 0 {
					sql(port, "create table mine as select "+port+" as port")
				}
				if got := sql(port, "select port, inet_server_port(), inet_client_addr() from mine"); got != port+"|5432|169.254.1.1" {
					r.t.Errorf("port %s says %s", port, got)
				}
			}
			out, code := r.boxfile(nil, "up", filepath.Join(r.dir, "two-postgres.yaml"), "--input", "data=three")
			if code != exitCannot || !strings.Contains(out, "it is in use") || !strings.Contains(out, "(boxfile) has 127.0.0.1:15432") && os.Getuid() == 0 && !r.user {
				r.t.Errorf("exit %d, %s", code, out)
			}
			for _, s := range boxes {
				s.end()
			}
		}
		if _, err := os.Stat(filepath.Join(r.dir, "pgdata-three")); err == nil {
			r.t.Error("the box that was refused has left its folder")
		}
	}, "two-postgres")
}

//go:build linux

package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	directName  = "direct"
	idealName   = "C splice"
	boxfileName = "boxfile"
)

// publisher is one way to publish a port.
type publisher struct {
	name  string
	begin func(*site) error
}

// publishers are all that take part. Direct has the client and the service in one
// network namespace, and so has the relay in C: nothing between them is as cheap.
func publishers(dir, boxfile string) []publisher {
	return []publisher{
		{directName, func(s *site) error {
			_, err := s.start(nil, s.self, serveWord, s.address())
			return err
		}},
		{idealName, ideal},
		{boxfileName, func(s *site) error { return box(s, dir, boxfile) }},
		{"pasta", pasta},
		{"rootlesskit", rootlesskit},
		{"docker-proxy", dockerProxy},
		{"socat", socat},
		{"slirp4netns", slirp},
	}
}

//go:embed relay.c
var relaySource string

func ideal(s *site) error {
	relay, err := compileRelay(s)
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	if _, err := s.start(nil, s.self, serveWord, net.JoinHostPort("127.0.0.1", port)); err != nil {
		return err
	}
	return s.through(relay, s.port, port)
}

func compileRelay(s *site) (string, error) {
	cc, err := look("cc")
	if err != nil {
		return "", err
	}
	relay := s.path("relay")
	cmd := exec.Command(cc, "-O2", "-o", relay, "-x", "c", "-")
	cmd.Stdin = strings.NewReader(relaySource)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w: %s", err, out)
	}
	return relay, nil
}

func box(s *site, dir, boxfile string) error {
	if err := copyProgram(s.self, filepath.Join(dir, "rootfs", "bin", "bench")); err != nil {
		return err
	}
	file := filepath.Join(dir, "published.yaml")
	if err := os.WriteFile(file, []byte(definition+publish(s.port)), 0o644); err != nil {
		return err
	}
	return s.through(boxfile, "up", file, "--", "/bin/bench", serveWord, ":"+boxPort)
}

func pasta(s *site) error {
	args := []string{"pasta", "--config-net", "-f", "-q", "-t", "127.0.0.1/" + s.port + ":" + boxPort, "-u", "none", "-T", "none", "-U", "none"}
	if os.Getuid() == 0 {
		args = append(args, "--runas", "0:0") // it becomes nobody otherwise, who may not open /dev/net/tun
	}
	return s.through(append(args, "--", s.self, serveWord, ":"+boxPort)...)
}

func rootlesskit(s *site) error {
	if os.Getuid() == 0 {
		return errors.New("it is for ordinary users")
	}
	return s.through("rootlesskit", "--state-dir="+s.path("state"), "--net=slirp4netns", "--disable-host-loopback", "--port-driver=builtin",
		"-p", s.address()+":"+boxPort+"/tcp", s.self, serveWord, ":"+boxPort)
}

// dockerProxy reaches the service as docker does, over a pair of veth(4), in the
// range of addresses that RFC 2544 sets aside for measurements.
func dockerProxy(s *site) error {
	if os.Getuid() != 0 {
		return errors.New("it needs a veth pair, which only root can make")
	}
	if _, err := look("docker-proxy"); err != nil {
		return err
	}
	pid, err := s.service()
	if err != nil {
		return err
	}
	const host, service = "198.18.0.1", "198.18.0.2"
	link := "bench" + s.port
	for _, args := range [][]string{
		{"ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid},
		{"ip", "address", "add", host + "/30", "dev", link},
		{"ip", "link", "set", link, "up"},
		within(pid, "ip", "address", "add", service+"/30", "dev", "eth0"),
		within(pid, "ip", "link", "set", "eth0", "up"),
	} {
		if err := s.once(args...); err != nil {
			return err
		}
	}
	return s.through("docker-proxy", "-proto", "tcp", "-host-ip", "127.0.0.1", "-host-port", s.port, "-container-ip", service, "-container-port", boxPort)
}

// socat meets itself at a socket of the file system, which network namespaces do
// not divide. It forks for each connection.
func socat(s *site) error {
	pid, err := s.service()
	if err != nil {
		return err
	}
	meeting, size := s.path("socket"), fmt.Sprint(pieceBytes)
	inner := within(pid, "socat", "-b", size, "UNIX-LISTEN:"+meeting+",fork,backlog=128", "TCP:127.0.0.1:"+boxPort+",nodelay")
	if _, err := s.start(nil, inner...); err != nil {
		return err
	}
	_, err = s.start(nil, "socat", "-b", size, "TCP-LISTEN:"+s.port+",bind=127.0.0.1,fork,reuseaddr,backlog=128,nodelay", "UNIX-CONNECT:"+meeting)
	return err
}

func slirp(s *site) error {
	pid, err := s.service()
	if err != nil {
		return err
	}
	control := s.path("api")
	if err := s.through("slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", "--api-socket", control, pid, "tap0"); err != nil {
		return err
	}
	order := fmt.Sprintf(`{"execute":"add_hostfwd","arguments":{"proto":"tcp","host_addr":"127.0.0.1","host_port":%s,"guest_port":%s}}`, s.port, boxPort)
	return until(func() error { return tell(control, order) })
}

// tell gives slirp4netns an order.
func tell(socket, order string) error {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // the answer was read
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte(order)); err != nil {
		return err
	}
	var said struct {
		Error any `json:"error"`
	}
	if err := json.NewDecoder(c).Decode(&said); err != nil {
		return err
	}
	if said.Error != nil {
		return fmt.Errorf("slirp4netns: %v", said.Error)
	}
	return nil
}

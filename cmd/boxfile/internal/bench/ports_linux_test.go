package main

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// at is where a service of this process listens.
func at(t *testing.T) string {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { door.Close() })
	go func() { _ = answerAll(door) }()
	return door.Addr().String()
}

// everything takes each figure once.
func everything(t *testing.T, address string) {
	t.Helper()
	for _, m := range append(append([]measurement(nil), throughputs...), connections...) {
		value, err := m.take(address, 50*time.Millisecond)
		for span := 200 * time.Millisecond; (err != nil || value <= 0) && span < time.Minute; span *= 4 { // so long may another program have had the machine
			value, err = m.take(address, span)
		}
		if err != nil || value <= 0 {
			t.Errorf("%s: %v, %v", m.name, value, err)
		}
	}
	held, err := hold(address, 100)
	if len(held) != 100 || err != nil {
		t.Errorf("%d connections of 100 are open: %v", len(held), err)
	}
	for _, c := range held {
		c.Close()
	}
}

func TestEveryFigureOfPortsCanBeTaken(t *testing.T) {
	everything(t, at(t))
}

func TestRelayInCCarriesEverything(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("cc is not installed")
	}
	s := &site{name: idealName, dir: t.TempDir()}
	defer s.leave()
	var err error
	if s.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(at(t), ":")
	relay, err := compileRelay(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.through(relay, s.port, port); err != nil {
		t.Fatal(err)
	}
	if err := until(func() error { return exchange(s.address(), time.Second) }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		everything(t, s.address())
	}
}

func TestConnectionsThatAreHeldAreCounted(t *testing.T) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door.Close()
	if held, err := hold(door.Addr().String(), 1); len(held) != 0 || err == nil {
		t.Errorf("%d connections to nobody, %v", len(held), err)
	}
}

package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
)

// Who can connect is said in words, because an address says it to few.
func TestAPortThatOthersReachIsToldAsSuch(t *testing.T) {
	const open, network = "is open to every network", "is open to the network of that address"
	for address, want := range map[string]string{"127.0.0.1": "", "127.9.9.9": "", "::1": "", "0.0.0.0": open, "::": open, "192.0.2.1": network, "2001:db8::1": network} {
		w := render.Words(&plan.Publish{Address: address, Host: 8080, Box: 80, Count: 1, Protocol: "tcp"})
		if !strings.Contains(w, address+" on tcp port 8080, which leads to port 80 of the box") || strings.Contains(w, "is open") != (want != "") || !strings.Contains(w, want) {
			t.Errorf("%s: %s", address, w)
		}
	}
}

func TestPortsAreToldWithTheirRanges(t *testing.T) {
	for want, s := range map[string]*plan.Publish{
		"any free port, which leads to port 80 of the box":                 {Address: "::1", Box: 80, Count: 1, Protocol: "udp"},
		"ports 1 to 65535, which leads to ports 1 to 65535 of the box":     {Address: "::1", Host: 1, Box: 1, Count: 65535, Protocol: "udp"},
		"ports 8000 to 8009, which leads to ports 9000 to 9009 of the box": {Address: "::1", Host: 8000, Box: 9000, Count: 10, Protocol: "udp"},
	} {
		if w := render.Words(s); !strings.HasSuffix(w, want) {
			t.Errorf("%s, want %s", w, want)
		}
	}
}

// A saved plan can hold anything: a step of it must not paint over its review.
func TestPortsOfAForeignPlanAreEscaped(t *testing.T) {
	const evil = "\x1b[2J"
	for _, s := range []plan.Step{&plan.Publish{Address: evil, Protocol: evil}, &plan.PortAddress{Box: []string{evil}, Host: []string{evil}, UDP: evil}} {
		if w := render.Words(s); strings.Contains(w, evil) {
			t.Errorf("%T: %q", s, w)
		}
	}
}

// A script that cannot publish ports runs nothing, and says so once.
func TestTheScriptOfABoxWithPortsRefuses(t *testing.T) {
	p := &plan.Plan{Name: "x", File: "x.yaml"}
	for range 3 {
		p.Add(&plan.Publish{Address: "127.0.0.1", Host: 1, Box: 1, Count: 1, Protocol: "tcp"}, plan.Position{})
	}
	p.Add(&plan.PortAddress{Box: []string{"169.254.1.2"}}, plan.Position{})
	var b bytes.Buffer
	if err := render.Sh(&b, p); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "cannot publish ports") != 1 || !strings.HasSuffix(b.String(), "\nexit 125\n") || strings.Contains(b.String(), "unshare") {
		t.Error(b.String())
	}
}

package compiler

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// Ports come in the file's order before the box is made, and what they need in the box once, after lo.
func TestPortsCompileInTheFilesOrder(t *testing.T) {
	p, err := compile(t, `boxfile: 1
shell: ls
timeout: 90s
ports:
  - "8080:80"
  - {address: "0::1", box: 53, protocol: udp}
  - "0.0.0.0:8000-8009:9000-9009/tcp"
`)
	if err != nil {
		t.Fatal(schema.Render(err, false))
	}
	var got []string
	for i, s := range p.Steps {
		switch k := plan.InfoOf(s).Name; k {
		case "timeout", "publish", "close_fds", "loopback", "port_address", "rlimit":
			b, err := json.Marshal(s)
			if at := p.Positions[i]; err != nil || k != "rlimit" {
				got = append(got, fmt.Sprintf("%d:%d %s %s", at.Line, at.Col, at.Key, b))
			}
		}
	}
	want := []string{
		`3:10 timeout {"after":90000000000,"signal":"TERM","grace":10000000000}`,
		`5:5 ports[0] {"address":"127.0.0.1","host":8080,"box":80,"count":1,"protocol":"tcp"}`,
		`6:5 ports[1] {"address":"::1","host":0,"box":53,"count":1,"protocol":"udp"}`,
		`7:5 ports[2] {"address":"0.0.0.0","host":8000,"box":9000,"count":10,"protocol":"tcp"}`,
		`0:0  {}`,
		`0:0 network {}`,
		`5:5 ports {"box":["169.254.1.2"],"host":["169.254.1.1"],"udp":"169.254.64.0/18"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("steps are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The box gets an address of IPv6 for TCP alone: clients of UDP are told apart by IPv4.
func TestPortsBringTheAddressesTheyNeed(t *testing.T) {
	const four, both = `{"box":["169.254.1.2"],"host":["169.254.1.1"]}`, `{"box":["169.254.1.2","fd00:b0f1::2"],"host":["169.254.1.1","fd00:b0f1::1"]}`
	const udp = `{"box":["169.254.1.2"],"host":["169.254.1.1"],"udp":"169.254.64.0/18"}`
	for text, want := range map[string]string{
		`["1:1"]`: four, `["[::]:1:1"]`: both, `["[::1]:1:1", "[::]:2:1", "3:1"]`: both, `["[::1]:1:1/udp"]`: udp, `["1:1/udp", "2:1"]`: udp, `[]`: ``,
	} {
		p, err := compile(t, "boxfile: 1\nshell: ls\nports: "+text+"\n")
		if err != nil {
			t.Fatal(schema.Render(err, false))
		}
		got := ""
		for _, s := range p.Steps {
			if a, ok := s.(*plan.PortAddress); ok {
				b, _ := json.Marshal(a)
				got += string(b)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// However an entry is spelt, it is the same plan; another address is another one.
func TestThePlanHasPortsInOneSpelling(t *testing.T) {
	a := digest(t, "boxfile: 1\nshell: ls\nports: ['[::1]:8080:80']\n")
	for _, same := range []string{"- '[0:0::1]:8080:80/tcp'", "- '[0::1]:8080-8080:80'", "- {address: '0::0001', host: '8080', box: 80}", "- {box: 80, host: 8080, address: '::1', protocol: tcp}"} {
		if digest(t, "boxfile: 1\nports:\n"+same+"\nshell: ls\n") != a {
			t.Errorf("another digest for %s", same)
		}
	}
	if digest(t, "boxfile: 1\nshell: ls\nports: ['[::]:8080:80']\n") == a {
		t.Error("a port that is open to other machines has the same digest")
	}
}

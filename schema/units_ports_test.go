package schema

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// What cannot be read is told with the spelling that can.
func TestPortsAreToldWithTheRightSpelling(t *testing.T) {
	const quoting = " in quotes: the port on this machine and the one in the box"
	for entry, want := range map[string]string{
		`8080`:                               `write "8080:8080"` + quoting,
		`541342`:                             `write "9022:22" in quotes, if another tool has read that as a number to base 60`,
		`4294967296`:                         `write "8080:80"` + quoting,
		`0`:                                  `write "8080:80"` + quoting,
		`22:22`:                              `write "22:22" in quotes`,
		`"8080"`:                             `write "8080:8080"`,
		`"8000-8009/udp"`:                    `write "8000-8009:8000-8009/udp"`,
		`"0"`:                                `write "8080:80", for example`,
		`"web"`:                              `write "8080:80", for example`,
		`"127.0.0.1:8080"`:                   `write "127.0.0.1:8080:8080"`,
		`"localhost:8080"`:                   `write "127.0.0.1:8080:8080"`,
		`"[::1]:8080"`:                       `write "[::1]:8080:8080"`,
		`"[::1]8080:80"`:                     `write "[::1]:8080:80"`,
		`"localhost:8080:80"`:                `write "127.0.0.1:8080:80"`,
		`"::1:8080:80/UDP"`:                  `write "[::1]:8080:80/udp"`,
		`"[127.0.0.1]:8080:80"`:              `write "127.0.0.1:8080:80"`,
		`"[::ffff:192.0.2.1]:8080:80"`:       `write "192.0.2.1:8080:80"`,
		`"127.1:8080:80"`:                    `write "127.0.0.1:8080:80"`,
		`"0x7f.1:8080:80"`:                   `write "127.0.0.1:8080:80"`,
		`"2130706433:8080:80"`:               `write "127.0.0.1:8080:80"`,
		`"127.000.000.001:8080:80"`:          `write "127.0.0.1:8080:80"`,
		`"010.0.0.1:8080:80"`:                `write 127.0.0.1, for example`,
		`"[fe80::1%eth0]:8080:80"`:           `write an address without one`,
		`"example.org:8080:80"`:              `write 127.0.0.1, for example`,
		`":8080:80"`:                         `write 0.0.0.0 for all of IPv4, or leave the address out for this machine alone`,
		`"8080:80/tpc"`:                      `write "8080:80/tcp"`,
		`"8080:80/sctp"`:                     ``,
		`"8080:80/icmp"`:                     ``,
		`"08080:080"`:                        `write "8080:80"`,
		`"8080: 80"`:                         `write "8080:80"`,
		`"8080:"`:                            `write "8080:8080"`,
		`"8010-8000:80-90"`:                  `write "8000-8010:80-90"`,
		`"8000–8010:80–90"`:                  `write "8000-8010:80-90"`,
		`"8000-8010:80"`:                     `write "8000-8010:80-90"`,
		`"8000:80-90"`:                       `write "8000:80"`,
		`"8000-8010:65530"`:                  ``,
		`"0:80-90"`:                          ``,
		`"8080:0"`:                           ``,
		`"8080:65536"`:                       ``,
		`{host: 08, box: 80}`:                `write 8`,
		`{host: "9-8", box: "8-9"}`:          `write 8-9`,
		`{host: "80-90", box: 8}`:            `write box: 8-18`,
		`{box: "80-90"}`:                     `write an entry for each port, or a range of host ports`,
		`{host: 1, box: 1, address: 0177.1}`: `put it in quotes: "0177.1"`,
		`{host: 1, box: 1, address: "127.0.0.01"}`: `write 127.0.0.1`,
		`{host: 1, box: 1, address: "[::1]"}`:      `write ::1`,
		`{host: 1, box: 1, protocol: UDP}`:         `write udp`,
	} {
		_, err := Parse("f.yaml", []byte("boxfile: 1\nshell: 'true'\nports:\n- "+entry+"\n"), nil)
		list := Diagnostics(err)
		if len(list) != 1 || list[0].Fix != want {
			t.Errorf("%s: %q, want the fix %q", entry, Render(err, false), want)
		}
	}
}

// Whichever way an entry is written, the plan gets the same: canonical addresses, defaults, ranges.
func TestPortsAreTyped(t *testing.T) {
	type port struct {
		address          string
		host, box, count int64
		protocol         string
	}
	for entry, want := range map[string]port{
		`"8080:80"`:                      {"127.0.0.1", 8080, 80, 1, "tcp"},
		`8080:80`:                        {"127.0.0.1", 8080, 80, 1, "tcp"},
		`"0:80/udp"`:                     {"127.0.0.1", 0, 80, 1, "udp"},
		`"1-65535:1-65535"`:              {"127.0.0.1", 1, 1, 65535, "tcp"},
		`"80-80:81-81"`:                  {"127.0.0.1", 80, 81, 1, "tcp"},
		`"0.0.0.0:8080:80"`:              {"0.0.0.0", 8080, 80, 1, "tcp"},
		`"[2001:DB8:0:0::1]:8080:80"`:    {"2001:db8::1", 8080, 80, 1, "tcp"},
		`"[::]:8000-8010:9000-9010/tcp"`: {"::", 8000, 9000, 11, "tcp"},
		`{box: 80}`:                      {"127.0.0.1", 0, 80, 1, "tcp"},
		`{box: "80", host: "81"}`:        {"127.0.0.1", 81, 80, 1, "tcp"},
		`{host: "1-2", box: "3-4", address: "0::0:1"}`: {"::1", 1, 3, 2, "tcp"},
		`{host: 5, box: 6, protocol: udp, x-a: 1}`:     {"127.0.0.1", 5, 6, 1, "udp"},
		`"${{ inputs.PORT }}:5432"`:                    {"127.0.0.1", 15432, 5432, 1, "tcp"},
		`${{ inputs.PORT }}:59`:                        {"127.0.0.1", 15432, 59, 1, "tcp"},
		`{host: "${{ inputs.PORT }}", box: 1}`:         {"127.0.0.1", 15432, 1, 1, "tcp"},
	} {
		b, err := Parse("f.yaml", []byte("boxfile: 1\ninputs: {PORT: {default: 15432}}\nshell: 'true'\nports:\n- "+entry+"\n"), nil)
		if err != nil {
			t.Errorf("%s: %s", entry, Render(err, false))
			continue
		}
		p := b.Ports[0]
		if got := (port{p.Address.Value, p.Host.Value, p.Box.Value, p.Count, p.Protocol.Value}); got != want || p.Pos != (Pos{5, 3}) {
			t.Errorf("%s: %+v at %v, want %+v", entry, got, p.Pos, want)
		}
	}
}

// What is offered as the right spelling is one, and what is read says the same when it is written out.
func FuzzPorts(f *testing.F) {
	for _, s := range []string{"8080:80", "127.1:08-9:80/UDP", "[::1]:1-2:3-4/tcp", "::1:1:2", "[1.2.3.4]:0:1", "localhost:80", "[::1]8:9", "0x7f.1:1:1", "1–2:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if text, ok := splitPort(s); ok {
			address, host, box, wrong, _ := text.parse()
			if wrong == "" {
				again, _ := splitPort(text.String())
				a, h, b, w, _ := again.parse()
				if again != text || w != "" || a != address || h != host || b != box {
					t.Errorf("%q is %q", s, text)
				}
				if host.first+host.count-1 > maxPort || box.first < 1 || box.first+box.count-1 > maxPort || host.count != box.count || host.first == 0 && host.count > 1 {
					t.Errorf("%q: %v to %v", s, host, box)
				}
			}
		}
		text, _ := splitPort(s)
		if near := text.nearest(); near != "" {
			right, ok := splitPort(near)
			if _, _, _, wrong, _ := right.parse(); !ok || wrong != "" {
				t.Errorf("%q is offered for %q: %s", near, s, wrong)
			}
		}
	})
}

// inet_aton(3) reads the same in the spellings that have no two readings.
func TestOddNumbersAreAddresses(t *testing.T) {
	for s, want := range map[string]string{"127.1": "127.0.0.1", "1.2.3": "1.2.0.3", "0x7f000001": "127.0.0.1", "1.0xff": "1.0.0.255", "16909060": "1.2.3.4", "00.0.0.07": "0.0.0.7", "1.65536": "1.1.0.0",
		"010.1": "", "1.2.3.4.5": "", "256.1": "", "1.2.65536": "", "4294967296": "", "1..2": "", "": "", "1_0": "", "-1": "", "fe": ""} {
		if got := oddNumbers(s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
	if a := netip.MustParseAddr("127.0.0.1"); oddNumbers(a.String()) != a.String() {
		t.Error("an address is not itself")
	}
}

// The count of entries that the decoding looks at is the schema's.
func TestTheMostPortsAreTheSchemas(t *testing.T) {
	if n := oracle(t).Properties["ports"].MaxItems; n != maxEntries {
		t.Errorf("%d, and the schema has %d", maxEntries, n)
	}
	text := "boxfile: 1\nshell: x\nports:\n" + strings.Repeat("- 0:80\n", maxEntries)
	if b, err := Parse("f.yaml", []byte(text), nil); err != nil || len(b.Ports) != maxEntries {
		t.Error(Render(err, false))
	}
	_, err := Parse("f.yaml", []byte(text+"- 0:80\n"), nil)
	if list := Diagnostics(err); len(list) != 1 || !reflect.DeepEqual(list[0].Pos, Pos{4, 1}) {
		t.Errorf("%v", err)
	}
}

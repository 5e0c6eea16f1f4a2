package port

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A list is a queue: it gives back what was put in, in order, however it is used.
func TestList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	flows := make([]flow, 50)
	var free []int32
	for i := range flows {
		free = append(free, int32(i))
	}
	a, b := empty, empty
	var wantA, wantB []int32
	for range 100000 {
		switch r.IntN(5) {
		case 0, 1:
			if n := len(free); n > 0 {
				i := free[n-1]
				free = free[:n-1]
				a.push(flows, i)
				wantA = append(wantA, i)
			}
		case 2:
			i := a.pop(flows)
			if len(wantA) == 0 {
				if i != -1 {
					t.Fatalf("%d from an empty list", i)
				}
				continue
			}
			if i != wantA[0] {
				t.Fatalf("%d, not %d", i, wantA[0])
			}
			if r.IntN(2) == 0 {
				a.unpop(flows, i)
				continue
			}
			wantA = wantA[1:]
			b.push(flows, i)
			wantB = append(wantB, i)
		case 3:
			b.moveTo(&a, flows)
			wantA, wantB = slices.Concat(wantA, wantB), nil
		case 4:
			if i := a.pop(flows); i >= 0 {
				free, wantA = append(free, i), wantA[1:]
			}
		}
	}
}

// An address of a plan is read as it is written; forms that say two things are refused.
func TestParseAddresses(t *testing.T) {
	a, err := ParseAddresses([]string{"169.254.1.2", "fd00::2"}, []string{"169.254.1.1", "fd00::1"}, "169.254.64.0/18")
	if err != nil || a.Box4.IP[3] != 2 || a.Box4.V6 || a.Host6.IP[15] != 1 || !a.Host6.V6 || a.Clients.IP[2] != 64 || a.Bits != 14 {
		t.Errorf("%+v, %v", a, err)
	}
	for _, s := range []string{"", "localhost", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3"} {
		if _, err := ParseAddress(s); err == nil {
			t.Errorf("%q is an address", s)
		}
	}
	if _, err := ParseAddresses(nil, nil, "fd00::/64"); err == nil {
		t.Error("clients of UDP have addresses of IPv4")
	}
}

// A client is himself in the box, unless he cannot be, or would be taken for the box.
func TestSource(t *testing.T) {
	at, err := ParseAddresses([]string{"169.254.1.2", "fd00::2"}, []string{"169.254.1.1", "fd00::1"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][3]string{
		{"192.0.2.7", "192.0.2.7", "fd00::1"}, {"127.0.0.1", "169.254.1.1", "fd00::1"}, {"127.200.0.1", "169.254.1.1", "fd00::1"}, {"169.254.1.2", "169.254.1.1", "fd00::1"},
		{"2001:db8::7", "169.254.1.1", "2001:db8::7"}, {"::1", "169.254.1.1", "fd00::1"}, {"fe80::7", "169.254.1.1", "fd00::1"}, {"fd00::2", "169.254.1.1", "fd00::1"}, {"febf::1", "169.254.1.1", "fd00::1"}, {"fec0::1", "169.254.1.1", "fec0::1"},
	} {
		var a [3]Address
		for i, s := range tt {
			if a[i], err = ParseAddress(s); err != nil {
				t.Fatal(err)
			}
		}
		for i, v6 := range []bool{false, true} {
			if got := at.source(a[0], v6); got != a[1+i] {
				t.Errorf("%s is %v, not %s", tt[0], got, tt[1+i])
			}
		}
	}
}

// Clients of UDP and their addresses are each other's.
func TestClientAddresses(t *testing.T) {
	at, err := ParseAddresses(nil, nil, "169.254.64.0/18")
	if err != nil {
		t.Fatal(err)
	}
	d := newDatagrams(-1, at)
	for i := range d.most + 10 {
		key := peerKey{port: int32(i)}
		n, ok := d.add(key, 1)
		if ok != (i < d.most) {
			t.Fatalf("client %d: %v", i, ok)
		}
		if !ok {
			continue
		}
		if back, ok := d.index(d.address(n)); !ok || back != n {
			t.Fatalf("client %d is %v, which is client %d", n, d.address(n), back)
		}
	}
	last := d.address(int32(d.most - 1))
	if last.IP[2] != 127 || last.IP[3] != 254 {
		t.Errorf("the last client is %v", last.IP[:4])
	}
	d.sweep(int64(Idle) + 2)
	if len(d.known) != 0 || len(d.free) != d.most {
		t.Errorf("%d clients are known, %d places are free", len(d.known), len(d.free))
	}
}

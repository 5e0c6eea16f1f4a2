package port

import (
	"net/netip"
	"testing"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 31337 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 33333 1 0000000000000000 100 0 0 10 0
`

const tcp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 44444 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 55555 1 0000000000000000 100 0 0 10 0
`

// The socket that is in a port's way is the one with the same address, or one of the two for all addresses.
func TestHolderIn(t *testing.T) {
	for _, tt := range []struct {
		table, address string
		port           uint16
		inode          string
	}{
		{tcpTable, "127.0.0.1", 5432, "31337"}, {tcpTable, "0.0.0.0", 5432, "31337"}, {tcpTable, "127.0.0.2", 5432, ""}, {tcpTable, "192.0.2.1", 22, "22222"},
		{tcpTable, "127.0.0.1", 8080, ""}, // a connection, which is not in the way
		{tcp6Table, "127.0.0.1", 80, "44444"}, {tcp6Table, "::1", 80, "44444"}, {tcp6Table, "::1", 81, "55555"}, {tcp6Table, "127.0.0.1", 81, ""}, {"", "::1", 81, ""},
		{"garbage\nof : all kinds 1 2 3 4 5 6 7 8 9\n", "::1", 81, ""},
	} {
		got := ""
		if s := holderIn(tt.table, true, netip.MustParseAddr(tt.address), tt.port); s != nil {
			got = s.inode
		}
		if got != tt.inode {
			t.Errorf("%s port %d: socket %q, not %q", tt.address, tt.port, got, tt.inode)
		}
	}
}

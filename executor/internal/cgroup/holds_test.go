package cgroup

import "testing"

// What a control file says after it was written, in the spellings that kernels use.
func TestHolds(t *testing.T) {
	for _, c := range []struct {
		wrote, says string
		rounding    uint64
		want        bool
	}{
		{"67108864", "67108864", 0, true},
		{"67108864", "134217728", 0, false},
		{"64M", "67108864", 0, true},
		{"67108865", "67108864", 4096, true},
		{"67108865", "67108864", 0, false},
		{"67108864", "67104768", 4096, false},
		{"-1", "9223372036854771712", 4096, true},
		{"-1", "4096", 4096, false},
		{"-1", "9223372036854771712", 0, true},
		{"-1", "-1", 0, true},
		{"root", "root", 4096, true},
		{"root", "root invalid (Parent is not a partition root)", 4096, false},
		{"max", "max", 0, true},
		{"max", "64", 0, false},
		{"150000 100000", "150000 100000", 0, true},
		{"150000", "150000 100000", 0, true},
		{"8:0 rbps=1048576 wiops=50", "8:0 rbps=1048576 wbps=max riops=max wiops=50", 0, true},
		{"8:0 rbps=1M", "8:16 rbps=5 wbps=max\n8:0 rbps=1048576 wbps=max", 0, true},
		{"8:0 rbps=1M", "8:16 rbps=1048576 wbps=max", 0, false},
		{"8:0 rbps=1M", "", 0, false},
		{"0,1", "0-1", 0, true},
		{"0-3,6", "0-3,6", 0, true},
		{"0-3", "0-1", 0, false},
		{"", "", 0, true},
	} {
		if got := Holds(c.wrote, c.says, c.rounding); got != c.want {
			t.Errorf("%q, read back as %q: %v", c.wrote, c.says, got)
		}
	}
}

func FuzzHolds(f *testing.F) {
	f.Add("8:0 rbps=1M", "8:0 rbps=1048576", uint64(4096))
	f.Add("0-99999999999", "0,1", uint64(0))
	f.Fuzz(func(t *testing.T, wrote, says string, rounding uint64) {
		_ = Holds(wrote, says, rounding)
		if !Holds(wrote, wrote, 0) {
			t.Errorf("%q does not hold itself", wrote)
		}
	})
}

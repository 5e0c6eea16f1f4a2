package program

import (
	"errors"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
)

// An older kernel is refused, or asked for what it knows.
func TestLandlockOfOlderKernels(t *testing.T) {
	for _, c := range []struct {
		abi  int
		best bool
		want string // in the program, or of the refusal
	}{
		{0, false, "this kernel has no Landlock"}, {5, false, "version 5 of 6"}, {6, false, "LANDLOCK_SCOPE_SIGNAL}, 24, 0)"}, {9, false, "LANDLOCK_SCOPE_SIGNAL}, 24, 0)"},
		{0, true, "# 1 landlock  (default): not enforced: this kernel has no Landlock"}, {1, true, "LANDLOCK_ACCESS_FS_MAKE_SYM}, 8, 0)"}, {2, true, "LANDLOCK_ACCESS_FS_REFER}, 8, 0)"},
		{3, true, "LANDLOCK_ACCESS_FS_TRUNCATE}, 8, 0)"}, {4, true, "handled_access_net=0}, 16, 0)"}, {5, true, "LANDLOCK_ACCESS_FS_IOCTL_DEV, handled_access_net=0}, 16, 0)"},
	} {
		p := &plan.Plan{}
		p.Add(&plan.Landlock{ABI: 6, BestEffort: c.best, Write: []plan.LandlockPath{{Path: "/tmp"}}, Devices: []string{"/dev/null"}}, plan.Position{})
		prog, err := Lower(p, host.Facts{Kernel: host.Version{Major: 6, Minor: 1}, Landlock: c.abi, NoFile: 1000})
		var text strings.Builder
		if err == nil {
			err = prog.WriteText(&text)
		}
		got := text.String()
		if r := (*Refusal)(nil); errors.As(err, &r) {
			got = r.Cause
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("version %d, best effort %v: no %q in\n%s%v", c.abi, c.best, c.want, got, err)
		}
		if known := strings.Count(got, "IOCTL_DEV"); c.abi < 5 && known > 0 {
			t.Errorf("version %d is asked for what it does not know", c.abi)
		}
	}
}

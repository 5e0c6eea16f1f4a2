package program

import (
	"errors"
	"slices"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// pasta comes first; what is missing is told with a way out.
func TestOutboundHelper(t *testing.T) {
	both := host.Outbound{Pasta: "/usr/bin/pasta", Slirp: "/usr/bin/slirp4netns"}
	slirp, closed, gone := both, both, both
	slirp.Pasta, closed.Tun, gone.Tun = "", unix.EACCES, unix.ENOENT
	for _, tt := range []struct {
		facts        host.Outbound
		uid          int
		path         string
		runas        bool
		cause, fixed string
	}{
		{facts: both, uid: 1000, path: "/usr/bin/pasta"}, {facts: both, path: "/usr/bin/pasta", runas: true}, {facts: slirp, uid: 1000, path: "/usr/bin/slirp4netns"},
		{cause: "neither pasta nor slirp4netns is installed", fixed: "apt install passt"},
		{facts: closed, cause: "/dev/net/tun cannot be opened: permission denied", fixed: "chmod 0666 /dev/net/tun, as udev has it: that lets nobody into a network that is not his"},
		{facts: gone, cause: "/dev/net/tun does not exist", fixed: "modprobe tun; a container has to be given the device"},
	} {
		f := factsWith(tt.uid, host.Cgroups{})
		f.Outbound = tt.facts
		prog, err := Lower(limitsPlan(&plan.Outbound{DNS: "10.0.2.3"}), f)
		var r *Refusal
		if errors.As(err, &r) {
			if r.Cause != tt.cause || r.Fix != tt.fixed || r.Message != "cannot connect the box to other networks" {
				t.Errorf("%+v", *r)
			}
			continue
		}
		if err != nil || tt.cause != "" {
			t.Fatal(err, tt.cause)
		}
		h := prog.Host[len(prog.Host)-1].Helper
		if h.Path != tt.path || slices.Contains(h.Args, "--runas") != tt.runas || !slices.Contains(h.Args, PID) {
			t.Errorf("%+v", h)
		}
	}
}

package host

import (
	"slices"
	"strings"
	"testing"
)

const hybrid = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
99 31 0:32 / /mnt/again\040here rw,relatime - cgroup cgroup rw,memory
98 31 0:50 /docker/abc /srv/cg\134x rw - cgroup cgroup rw,pids
23 1 8:1 / / rw - ext4 /dev/cgroup rw
`

// Which hierarchies there are is read from mountinfo: v1, v2 and both.
func TestHierarchies(t *testing.T) {
	got := hierarchies(hybrid)
	want := []struct {
		version  int
		at, root string
		has      string
		readOnly bool
	}{{1, "/sys/fs/cgroup/cpu,cpuacct", "/", "cpuacct", false}, {1, "/sys/fs/cgroup/memory", "/", "memory", true}, {2, "/sys/fs/cgroup/unified", "/", "nsdelegate", false}, {1, `/srv/cg\x`, "/docker/abc", "pids", false}}
	if len(got) != len(want) {
		t.Fatalf("%d hierarchies: %+v", len(got), got)
	}
	for i, w := range want {
		if g := got[i]; g.version != w.version || g.at != w.at || g.root != w.root || g.readOnly != w.readOnly || !slices.Contains(g.options, w.has) {
			t.Errorf("%+v, not %+v", g, w)
		}
	}
}

// The caller's cgroup is that of the hierarchy which has the controller.
func TestMembership(t *testing.T) {
	const text = "9:name=systemd:/x\n4:memory:/job/1\n2:cpu,cpuacct:/c\n0::/user.slice/a:b\n"
	for controller, want := range map[string]string{"memory": "/job/1", "cpuacct": "/c", "": "/user.slice/a:b"} {
		if got, ok := membership(text, controller); !ok || got != want {
			t.Errorf("%q: %q %v", controller, got, ok)
		}
	}
	if got, ok := membership(text, "pids"); ok {
		t.Errorf("pids: %q", got)
	}
}

// A mount shows a cgroup at, or below, the one that it begins with, and nothing else.
func TestWithin(t *testing.T) {
	for _, c := range []struct{ root, at, cgroup, want string }{
		{"/", "/sys/fs/cgroup", "/", "/sys/fs/cgroup"},
		{"/", "/sys/fs/cgroup", "/a/b", "/sys/fs/cgroup/a/b"},
		{"/docker/abc", "/cg", "/docker/abc", "/cg"},
		{"/docker/abc", "/cg", "/docker/abc/x", "/cg/x"},
		{"/docker/abc", "/cg", "/docker/abcd", ""},
		{"/docker/abc", "/cg", "/", ""},
		{"/", "/cg", "/../other", ""},
	} {
		m := mounted{root: c.root, at: c.at}
		if got, ok := m.within(c.cgroup); got != c.want || ok != (c.want != "") {
			t.Errorf("%+v: %q %v", c, got, ok)
		}
	}
}

// However a mountinfo looks, what is read from it lies in it.
func FuzzHierarchies(f *testing.F) {
	f.Add(hybrid)
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range hierarchies(text) {
			if m.version != 1 && m.version != 2 || !strings.Contains(text, "cgroup") {
				t.Errorf("%+v", m)
			}
		}
	})
}

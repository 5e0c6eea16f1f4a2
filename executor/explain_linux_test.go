package executor

import "testing"

// What the cause of an uncloneable directory is found to be, from a host's own mountinfo.
func TestCauseOfADirectoryThatCannotBeCloned(t *testing.T) {
	const host = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 254:1 / /usr/lib/modules ro,relatime - ext4 /dev/vdb ro
32 22 0:5 / /opt rw unbindable - tmpfs none rw
33 22 0:6 / /usrlocal rw - tmpfs none rw
`
	for dir, want := range map[string]string{
		"/usr": "something is mounted on /usr/lib/modules, and a layer without it would show what it hides",
		"/opt": "/opt is mounted unbindable",
		"/etc": "",
	} {
		cause, fix := cloneCause(host, dir)
		if cause != want {
			t.Errorf("%s: cause %q, want %q", dir, cause, want)
		}
		if (fix == "") != (want == "") {
			t.Errorf("%s: fix %q beside cause %q", dir, fix, cause)
		}
	}
}

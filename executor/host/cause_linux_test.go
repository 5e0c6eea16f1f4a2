package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// procOf is a folder like /proc with these files.
func procOf(t *testing.T, uid int, files map[string]string) System {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if strings.HasPrefix(name, "kernel.") || strings.HasPrefix(name, "user.") {
			name = "sys/" + strings.ReplaceAll(name, ".", "/")
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return System{Proc: dir, UID: uid}
}

// What forbids user namespaces is named, and only what does.
func TestCausesOfNoUserNamespace(t *testing.T) {
	const restrict, profile = "kernel.apparmor_restrict_unprivileged_userns", "self/attr/apparmor/current"
	for _, tt := range []struct {
		name  string
		uid   int
		files map[string]string
		err   error
		want  string // the beginning of the cause
	}{
		{"switched off", 1000, map[string]string{"user.max_user_namespaces": "0"}, unix.ENOSPC, "user.max_user_namespaces is 0"},
		{"switched off for root too", 0, map[string]string{"user.max_user_namespaces": "0"}, unix.ENOSPC, "user.max_user_namespaces is 0"},
		{"used up", 1000, map[string]string{"user.max_user_namespaces": "5"}, unix.ENOSPC, "the limit of user namespaces is reached: user.max_user_namespaces is 5,"},
		{"used up on old kernels", 1000, map[string]string{"user.max_user_namespaces": "5"}, unix.EUSERS, "the limit of user namespaces is reached"},
		{"no network namespaces", 1000, map[string]string{"user.max_user_namespaces": "5", "user.max_net_namespaces": "0"}, unix.ENOSPC, "user.max_net_namespaces is 0"},
		{"Debian", 1000, map[string]string{"kernel.unprivileged_userns_clone": "0"}, unix.EPERM, "kernel.unprivileged_userns_clone is 0"},
		{"Debian, root", 0, map[string]string{"kernel.unprivileged_userns_clone": "0"}, unix.EPERM, ""},
		{"Ubuntu", 1000, map[string]string{restrict: "1", profile: "unconfined"}, unix.EACCES, "AppArmor restricts user namespaces"},
		{"Ubuntu, root", 0, map[string]string{restrict: "1", profile: "unconfined"}, unix.EACCES, ""},
		{"Ubuntu, with the profile", 1000, map[string]string{restrict: "1", profile: "boxfile (unconfined)"}, unix.EACCES, ""},
		{"Ubuntu, restriction off", 1000, map[string]string{restrict: "0", profile: "unconfined"}, unix.EACCES, ""},
		{"a chroot", 0, map[string]string{"self/mountinfo": "1 2 0:1 / /proc rw - proc proc rw"}, unix.EPERM, "boxfile runs in a chroot"},
		{"no chroot", 0, map[string]string{"self/mountinfo": "1 2 0:1 / / rw - ext4 /dev/sda rw"}, unix.EPERM, ""},
		{"nothing", 1000, nil, unix.EPERM, ""},
	} {
		c := procOf(t, tt.uid, tt.files).UserNamespaces(tt.err)
		if !strings.HasPrefix(c.Cause, tt.want) || (c.Cause == "") != (tt.want == "") || (c.Fix == "") != (c.Cause == "") {
			t.Errorf("%s: %+v, want %q", tt.name, c, tt.want)
		}
	}
}

// An outer container's filter or profile is named where a privileged call is refused,
// and not where the permissions of a file may be what refuses.
func TestCausesOfARefusedCall(t *testing.T) {
	filter := map[string]string{"self/status": "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1"}
	docker := map[string]string{"self/attr/apparmor/current": "docker-default (enforce)"}
	ubuntu := map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1"}
	for _, tt := range []struct {
		name  string
		files map[string]string
		call  string
		err   error
		want  string
	}{
		{"a filter that may be it", filter, "fsopen", unix.EPERM, "boxfile runs under a seccomp filter"},
		{"a filter that says there is no such call", filter, "clone3", unix.ENOSYS, "boxfile runs under a seccomp filter"},
		{"a file that may not be read", filter, "openat2", unix.EACCES, ""},
		{"a profile", docker, "move_mount", unix.EACCES, "the AppArmor profile docker-default confines boxfile"},
		{"a file under a profile", docker, "openat2", unix.EACCES, ""},
		{"loopback on Ubuntu", ubuntu, "ioctl", unix.EPERM, "AppArmor restricts user namespaces"},
		{"a mount on Ubuntu", ubuntu, "mount_setattr", unix.EACCES, "AppArmor restricts user namespaces"},
		{"a file on Ubuntu", ubuntu, "openat2", unix.EACCES, ""},
		{"nothing", nil, "fsopen", unix.EPERM, ""},
	} {
		c := procOf(t, 1000, tt.files).Refused(tt.call, tt.err)
		if !strings.HasPrefix(c.Cause, tt.want) || (c.Cause == "") != (tt.want == "") || (c.Fix == "") != (c.Cause == "") {
			t.Errorf("%s: %+v, want %q", tt.name, c, tt.want)
		}
	}
}

// No call that is made to look for a filter is refused where there is none.
func TestHarmlessCallsAreNotRefused(t *testing.T) {
	if This().Filtered() {
		t.Skip("a seccomp filter is on the test")
	}
	for _, h := range harmless {
		if filtered(h.call) {
			t.Errorf("%s is taken to be filtered", h.call)
		}
	}
}

// What the cause of an uncloneable directory is found to be, from a host's own mountinfo.
func TestCauseOfADirectoryThatCannotBeCloned(t *testing.T) {
	s := procOf(t, 0, map[string]string{"self/mountinfo": `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 254:1 / /usr/lib/modules ro,relatime - ext4 /dev/vdb ro
32 22 0:5 / /opt rw unbindable - tmpfs none rw
33 22 0:6 / /usrlocal rw - tmpfs none rw`})
	for dir, want := range map[string]string{
		"/usr": "something is mounted on /usr/lib/modules, and a layer without it would show what it hides",
		"/opt": "/opt is mounted unbindable",
		"/etc": "",
	} {
		c := s.Clone(dir)
		if c.Cause != want {
			t.Errorf("%s: cause %q, want %q", dir, c.Cause, want)
		}
		if (c.Fix == "") != (want == "") {
			t.Errorf("%s: fix %q beside cause %q", dir, c.Fix, c.Cause)
		}
	}
}

// What hides parts of /proc is listed; what every system mounts there is not.
func TestCauseOfNoNewProc(t *testing.T) {
	const own = "20 1 0:5 / /proc rw - proc proc rw\n21 20 0:6 / /proc/sys/fs/binfmt_misc rw - autofs x rw"
	if c := procOf(t, 0, map[string]string{"self/mountinfo": own}).HiddenProc(); c != (Cause{}) {
		t.Errorf("%+v", c)
	}
	c := procOf(t, 0, map[string]string{"self/mountinfo": own + "\n22 20 0:7 / /proc/kcore rw - tmpfs tmpfs rw"}).HiddenProc()
	if !strings.Contains(c.Cause, "(/proc/kcore)") || !strings.Contains(c.Fix, "proc: host-ro") {
		t.Errorf("%+v", c)
	}
}

// A root that pivot_root cannot leave is told apart from one that it can.
func TestCauseOfARootThatCannotBeLeft(t *testing.T) {
	for mountinfo, want := range map[string]string{
		"1 1 0:1 / / rw - rootfs rootfs rw":  "rootfs.enter: chroot",
		"1 1 0:1 / / rw - ext4 /dev/sda1 rw": "",
	} {
		if c := procOf(t, 0, map[string]string{"self/mountinfo": mountinfo}).Root(); c.Fix != want {
			t.Errorf("%s: %+v", mountinfo, c)
		}
	}
}

// A tool without its privilege is told from one that has it.
func TestCauseOfAnIDToolWithoutPrivilege(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "newuidmap")
	if err := os.WriteFile(tool, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if c := This().IDTool(tool); !strings.HasSuffix(c.Cause, "is neither setuid root nor has it capabilities") {
		t.Errorf("%+v", c)
	}
	if os.Getuid() != 0 {
		t.Skip("only root can make a setuid tool of root's")
	}
	if err := os.Chmod(tool, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if c := procOf(t, 1000, map[string]string{"self/status": "NoNewPrivs:\t1"}).IDTool(tool); !strings.Contains(c.Cause, "no_new_privs") {
		t.Errorf("%+v", c)
	}
}

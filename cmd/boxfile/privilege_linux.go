package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// atSecure is AT_SECURE of getauxval(3): the kernel's own word that this program
// was given more than its caller has.
const atSecure = 23

// refusePrivilege refuses to be setuid, setgid or to have file capabilities: a
// box would be made with rights that are not the caller's. The ids are asked too,
// in case a loader between kernel and program hid the kernel's word.
func refusePrivilege() error {
	secure := os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid()
	aux, err := unix.Auxv()
	if err != nil {
		return &problem{text: "cannot tell whether it runs setuid: " + reason(err), code: exitCannot}
	}
	for _, a := range aux {
		if a[0] == atSecure && a[1] != 0 {
			secure = true
		}
	}
	if secure {
		return setuid()
	}
	return refuseBorrowed()
}

// refuseBorrowed refuses to run from a file that is not at its own path: the command of
// a box that names /proc/self/exe, or has it as a script's interpreter, is boxfile's file on
// the host, and whatever that would start there could open it (CVE-2019-5736). With rootfs:
// host the file is the same one, but the mount is another.
func refuseBorrowed() error {
	const self = "/proc/self/exe"
	path, err := os.Readlink(self)
	if err != nil {
		return nil //nolint:nilerr // without /proc there is no such way in
	}
	var running, there unix.Statx_t
	const what = unix.STATX_INO | unix.STATX_MNT_ID
	if err := unix.Statx(unix.AT_FDCWD, self, 0, what, &running); err != nil {
		return borrowed(path)
	}
	if err := unix.Statx(unix.AT_FDCWD, path, 0, what, &there); err != nil {
		return borrowed(path)
	}
	if running.Ino != there.Ino || running.Dev_major != there.Dev_major || running.Dev_minor != there.Dev_minor || running.Mnt_id != there.Mnt_id {
		return borrowed(path)
	}
	return nil
}

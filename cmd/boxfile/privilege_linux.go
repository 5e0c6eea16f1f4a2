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
	return nil
}

package compiler

import (
	"errors"
	"fmt"
	"slices"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/seccomp"
	"github.com/boxfile/boxfile/schema"
)

// defaultCapabilities is the set of capabilities: default, which is Podman's.
var defaultCapabilities = [...]string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}

// Paths that are covered unless they are not there: what the peers hide, all of
// them together, because each has left one out at some time.
var (
	procMasks  = [...]string{"/proc/acpi", "/proc/asound", "/proc/bus", "/proc/config.gz", "/proc/interrupts", "/proc/irq", "/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"}
	procLocks  = [...]string{"/proc/fs", "/proc/sys", "/proc/sysrq-trigger"}
	sysfsMasks = [...]string{"/sys/devices/system/cpu/cpu*/thermal_throttle", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux", "/sys/hypervisor", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing", "/sys/power"}
)

const (
	maskKey     = "security.mask"
	readonlyKey = "security.readonly"
)

// security adds capabilities, no_new_privs, masks and read-only paths.
func (c *compilation) security() {
	s := &c.box.Security
	if c.box.Proc.Value != "none" || c.has("proc") {
		c.add(&plan.Mask{Paths: procMasks[:], Optional: true}, schema.Pos{}, maskKey)
	}
	if c.box.Sys.Value == "ro" || c.has("sysfs") {
		c.add(&plan.Mask{Paths: sysfsMasks[:], Optional: true}, schema.Pos{}, maskKey)
	}
	for i, p := range s.Mask {
		c.add(&plan.Mask{Paths: []string{p.Value}}, p.Pos, fmt.Sprintf("%s[%d]", maskKey, i))
	}
	if c.box.Proc.Value == "new" || c.has("proc") { // a bind of the host's is read-only as a whole
		c.add(&plan.Readonly{Paths: procLocks[:], Optional: true}, schema.Pos{}, readonlyKey)
	}
	for i, p := range s.Readonly {
		c.add(&plan.Readonly{Paths: []string{p.Value}}, p.Pos, fmt.Sprintf("%s[%d]", readonlyKey, i))
	}
	c.add(c.capabilities(), s.Capabilities.Pos, "security.capabilities")
	if s.NoNewPrivs.Value {
		c.add(&plan.NoNewPrivs{}, s.NoNewPrivs.Pos, "security.no_new_privs")
	} else if user := c.box.Namespaces.User.Mode; user != "new" {
		c.refuse(s.NoNewPrivs.Pos, "leave one of the two out", "no_new_privs: false beside namespaces.user: %s would make the machine's setuid programs work in the box", user)
	}
	c.seccomp()
}

// seccomp adds the filter of system calls.
func (c *compilation) seccomp() {
	s := &c.box.Security
	const key = "security.seccomp"
	caps := c.capabilities().Bounding
	switch s.Seccomp.Value {
	case "none":
		c.keyring(s.Seccomp.Pos)
	case "default":
		c.add(seccomp.Default(caps), s.Seccomp.Pos, key)
	default:
		name, text, err := "", []byte(nil), errNoFiles
		if c.read != nil {
			name, text, err = c.read(s.Seccomp.Value)
		}
		if err != nil {
			c.refuse(s.Seccomp.Pos, "", "the profile of seccomp: %v", err)
			return
		}
		profile, err := seccomp.Parse(name, text, caps)
		if err != nil {
			c.others = err
			return
		}
		profile.Profile = s.Seccomp.Value
		c.add(profile, s.Seccomp.Pos, key)
		if seccomp.AllowsKeys(profile) {
			c.keyring(s.Seccomp.Pos)
		}
	}
}

// keyring keeps the caller's keys from a box that may ask for keys.
func (c *compilation) keyring(at schema.Pos) {
	c.add(&plan.Keyring{}, at, "security.seccomp")
}

var errNoFiles = errors.New("no other files can be read here")

// has reports whether the file itself mounts a file system of a type.
func (c *compilation) has(typ string) bool {
	return slices.ContainsFunc(c.box.Mounts, func(m schema.Mount) bool { return m.Type.Value == typ })
}

// capabilities decides all five sets. A list given to a command that is not
// root reaches it through the ambient set, which the inheritable one has to
// allow; otherwise both stay empty (CVE-2022-24769).
func (c *compilation) capabilities() *plan.Capabilities {
	in := &c.box.Security.Capabilities
	none := []string{}
	out := &plan.Capabilities{Bounding: none, Permitted: none, Effective: none, Inheritable: none, Ambient: none}
	root := c.box.User.UID == 0
	switch in.Mode {
	case "default":
		list := defaultCapabilities[:]
		out.Bounding = list
		if root {
			out.Permitted, out.Effective = list, list
		}
	case "list":
		list := make([]string, len(in.Names))
		for i, n := range in.Names {
			list[i] = n.Value
		}
		slices.Sort(list)
		list = slices.Compact(list)
		out.Bounding, out.Permitted, out.Effective = list, list, list
		if !root {
			out.Inheritable, out.Ambient = list, list
		}
	}
	return out
}

//go:build linux

package escape

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// procRows are about /proc, /dev, /sys and cgroups, which a hostile rootfs would fake.
func procRows() []row {
	return []row{
		{name: "proc-volume", cves: "CVE-2019-16884", mechanism: "something is mounted over /proc, so that what is written there reaches a fake file",
			attack: attackProcVolume, twin: twinProc},
		{name: "proc-link", cves: "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642", mechanism: "/proc of the rootfs is a symlink, and its masks land elsewhere",
			attack: attackProcLink, twin: twinProc},
		{name: "proc-writes", cves: "CVE-2025-52881", mechanism: "what the runner itself writes to /proc is redirected to other files",
			attack: attackProcWrites, twin: twinProcWrites},
		{name: "null", cves: "CVE-2025-31133", mechanism: "paths are masked with a /dev/null that the rootfs brought along",
			attack: attackNull, twin: twinProc},
		{name: "console", cves: "CVE-2025-52565", mechanism: "a terminal is mounted on a /dev/console that leads elsewhere",
			attack: attackConsole, twin: twinTerminal},
		{name: "dev-link", cves: "CVE-2026-41579, CVE-2026-88264, CVE-2026-88265", mechanism: "/dev of the rootfs is a symlink, and device files are made or removed on the host",
			attack: attackDevLink, twin: twinProc},
		{name: "release-agent", cves: "CVE-2022-0492", mechanism: "new namespaces mount a cgroup v1 hierarchy, whose release_agent the host runs",
			attack: attackReleaseAgent, twin: twinCgroup},
		{name: "cgroup", cves: "CVE-2023-25809", mechanism: "/sys/fs/cgroup can be written to from inside",
			attack: attackCgroup, twin: twinCgroup},
	}
}

// real demands that the box's /proc and /dev are the kernel's and closed, or that there is no box.
func (x *trial) real(yaml string) {
	x.heldOrRefused(x.up(box{yaml: yaml}, "proc"))
	x.heldOrRefused(x.up(box{yaml: yaml}, "dev"))
}

func twinProc(x *trial) {
	s := x.look(box{yaml: rootYAML})
	if !s.Proc || s.Devices["null"] != "20000 1:3" {
		x.fail("/proc %v, devices %v", s.Proc, s.Devices)
	}
	x.works(x.up(box{yaml: "rootfs: {dir: ./root, write: discard}\nsys: ro\nmounts: [{type: tmpfs, target: /mnt}]\n"}, "look"), "Cwd")
}

// fakeProc fills a directory of the Boxfile's folder with files that look like those of /proc.
func (x *trial) fakeProc(dir string) {
	for _, name := range []string{"self/attr/exec", "self/setgroups", "self/uid_map", "self/gid_map", "sys/kernel/core_pattern", "sysrq-trigger", "kcore", "self/mountinfo", "self/status"} {
		x.file(dir+"/"+name, "fake\n")
	}
}

func attackProcVolume(x *trial) {
	x.fakeProc("fake")
	for _, target := range some(x, []string{"/proc", "/proc/", "/proc/self/attr", "/proc//sys", "/./proc", "/proc/sys", "/proc/sys/kernel", "/tmp/../proc", "/proc/self", "/proc/1", "/proc/thread-self"}, 4) {
		for _, mount := range some(x, []string{"'./fake:%s'", "{source: ./fake, target: '%s', mode: rw}", "{type: tmpfs, target: '%s'}", "{type: overlay, lower: [./fake], target: '%s'}", "{type: proc, target: '%s'}"}, 1) {
			r := x.up(box{yaml: rootYAML + "mounts: [" + fmt.Sprintf(mount, target) + "]\n"}, "proc")
			if r.code != 1 {
				x.heldOrRefused(r)
			}
		}
	}
	x.fakeProc("root/proc")
	x.fakeProc("root/sys")
	x.held(x.up(box{yaml: rootYAML}, "proc"))
	for _, yaml := range x.withHostUser("sys: ro\n", "proc: host-ro\n", "security: {capabilities: default}\n") {
		x.held(x.up(box{yaml: rootYAML + yaml}, "proc"))
	}
}

func attackProcLink(x *trial) {
	x.fakeProc("root/evil/l1")
	x.file("root/sys/", "")
	x.must(os.RemoveAll(x.path("root/proc")))
	for _, text := range some(x, []string{"/evil/l1", "evil/l1", x.canary.dir, "../../../../../proc", "/tmp"}, 2) {
		x.link(text, "root/proc")
		x.real(rootYAML)
	}
	x.must(os.Remove(x.path("root/proc")))
	x.file("root/proc/", "")
	x.link("/evil/l1", "root/sys")
	x.real(rootYAML + "sys: ro\n")
	x.must(os.Symlink("/evil/l1", x.path("root/swap")))
	stop := x.swap("root/proc", "root/swap")
	for range x.starts(40) {
		x.heldOrRefused(x.up(box{yaml: rootYAML}, "proc-anywhere", "/proc", "/swap", "/evil/l1"))
	}
	stop()
}

// attackProcWrites fakes what boxfile writes to while it makes a box: the maps of ids and sysctls.
func attackProcWrites(x *trial) {
	x.fakeProc("root/proc")
	for _, name := range []string{"self/uid_map", "self/gid_map", "self/setgroups", "self/attr/exec", "sys/kernel/core_pattern", "self/oom_score_adj"} {
		x.link(x.canary.dir+"/core_pattern", "root/proc/"+name)
	}
	x.file("fake/", "")
	x.link(x.canary.dir, "fake/sys")
	x.link("/proc/self/sched", "fake/attr")
	pattern, _ := os.ReadFile("/proc/sys/kernel/core_pattern")
	x.held(x.up(box{yaml: rootYAML + "hostname: other\n"}, "proc"))
	x.held(x.up(box{yaml: rootYAML + "mounts: ['./fake:/mnt:rw']\n"}, "proc"))
	if after, _ := os.ReadFile("/proc/sys/kernel/core_pattern"); string(after) != string(pattern) {
		x.fail("core_pattern is %q", after)
	}
	if s := x.look(box{yaml: rootYAML}); s.UID != 0 || s.GID != 0 {
		x.fail("the maps of ids went elsewhere: %d:%d", s.UID, s.GID)
	}
}

func twinProcWrites(x *trial) {
	if s := x.look(box{yaml: rootYAML + "hostname: other\n"}); s.Hostname != "other" {
		x.fail("the host name is %q", s.Hostname)
	}
}

func attackNull(x *trial) {
	null := x.path("root/dev/null")
	for _, hostile := range []func(){
		func() { x.must(os.WriteFile(null, []byte("fake\n"), 0o666)) },
		func() { x.must(os.Symlink("/proc/sys/kernel/core_pattern", null)) },
		func() { x.must(os.Symlink(x.canary.dir+"/null", null)) },
		func() { x.must(unix.Mkfifo(null, 0o666)) },
	} {
		x.must(os.RemoveAll(null))
		hostile()
		x.held(x.up(box{yaml: rootYAML}, "dev"))
		x.held(x.up(box{yaml: rootYAML + "security: {mask: [/etc]}\n"}, "proc"))
	}
}

func attackConsole(x *trial) {
	for _, name := range []string{"console", "ptmx", "pts", "shm", "tty"} {
		x.link(x.canary.dir+"/"+name, "root/dev/"+name)
	}
	x.held(x.up(box{yaml: rootYAML}, "dev"))
	for _, attack := range []string{"dev", "own-terminal"} {
		out, typed := x.onTerminal(box{yaml: rootYAML + "tty: true\n"}, attack)
		if x.held(result{stdout: out}); typed != "" {
			x.fail("typed into the caller's terminal: %q", typed)
		}
	}
}

func attackDevLink(x *trial) {
	for _, text := range []string{x.canary.dir, strings.Repeat("../", 20) + x.canary.dir[1:], "/proc/self/root" + x.canary.dir, "/tmp"} {
		x.link(text, "root/dev")
		x.real(rootYAML)
		x.real("rootfs: {dir: ./root, write: discard}\n")
		x.real(rootYAML + "devices: [/dev/full]\n")
	}
}

func attackReleaseAgent(x *trial) {
	agent, marker := filepath.Join(x.base, "agent"), filepath.Join(x.base, "marker")
	x.must(os.WriteFile(agent, []byte("#!/bin/sh\ntouch "+marker+"\n"), 0o755))
	yamls := []string{"", "sys: ro\n", "namespaces: {cgroup: host}\n", "security: {capabilities: default}\n", "security: {capabilities: [SYS_ADMIN, DAC_OVERRIDE]}\n"}
	for _, yaml := range x.withHostUser(yamls...) {
		x.file("root/sys/", "")
		x.held(x.up(box{yaml: rootYAML + "mounts: [{type: tmpfs, target: /tmp}]\n" + yaml}, "release-agent", agent))
	}
	if _, err := os.Stat(marker); err == nil {
		x.fail("the host has run the box's program")
	}
}

func attackCgroup(x *trial) {
	x.file("root/sys/", "")
	yamls := []string{"", "sys: ro\n", "sys: ro\nsecurity: {capabilities: default}\n"}
	if x.caller == nil && os.Getuid() == 0 {
		yamls = append(yamls, "sys: ro\nresources: {memory: 64M, pids: 64}\n")
	}
	for _, yaml := range x.withHostUser(yamls...) {
		x.held(x.up(box{yaml: rootYAML + yaml}, "cgroup"))
	}
}

// twinCgroup: a box may look at /sys and at its own cgroup.
func twinCgroup(x *trial) {
	x.file("root/sys/", "")
	s := x.look(box{yaml: rootYAML + "sys: ro\n"})
	if !strings.Contains(s.Cgroup, ":/") {
		x.fail("the box's cgroup is %q", s.Cgroup)
	}
}

//go:build linux

package escape

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
	"golang.org/x/sys/unix"
)

// processRows are about what a box gets hold of: processes, programs, descriptors, terminals.
func processRows() []row {
	return []row{
		{name: "ptrace", cves: "CVE-2016-9962, CVE-2015-3627, CVE-2016-8649", mechanism: "the box traces the runner's process and takes its descriptors of the host",
			attack: attackPtrace, twin: twinPtrace},
		{name: "exe", cves: "CVE-2019-5736", mechanism: "the box writes to the runner's own program through /proc/PID/exe",
			attack: attackExe, twin: twinExe},
		{name: "descriptors", cves: "CVE-2024-21626", mechanism: "an open directory of the host is left to the box, which starts or walks in it",
			attack: attackDescriptors, twin: twinDescriptors},
		{name: "terminal", cves: "CVE-2017-5226, CVE-2019-10063, CVE-2023-28100", mechanism: "the box types into the terminal of its caller",
			attack: attackTerminal, twin: twinTerminal},
		{name: "join", cves: "CVE-2022-31214", mechanism: "joining a box trusts state that the caller has forged",
			attack: attackJoin, twin: twinExe, absent: "boxfile has no verb that enters a running box; what the file has it join is the kernel's to allow"},
		{name: "setuid", cves: "CVE-2020-5291, CVE-2016-8659, CVE-2026-41163", mechanism: "a runner with more rights than its caller is steered by the caller",
			attack: attackSetuid, twin: twinExe},
	}
}

func attackPtrace(x *trial) {
	yamls := []string{"", "security: {capabilities: [SYS_PTRACE]}\n", "security: {capabilities: [SYS_PTRACE, SYS_ADMIN, DAC_READ_SEARCH]}\n"}
	x.held(x.up(box{yaml: rootYAML + "proc: host-ro\n"}, "ptrace"))
	for _, yaml := range x.withHostUser(yamls...) {
		x.held(x.up(box{yaml: rootYAML + yaml}, "ptrace"))
		x.held(x.up(box{yaml: rootYAML + yaml}, "walk", x.canary.dir))
	}
}

func twinPtrace(x *trial) {
	x.works(x.up(box{yaml: rootYAML}, "trace-child"), "traced")
}

// attackExe runs boxfile from inside, by a script that names /proc/self/exe as its
// interpreter and is a Boxfile at the same time. The boxfile in the box then starts
// helpers of the hostile rootfs, which are its children and find its program.
func attackExe(x *trial) {
	x.held(x.up(box{yaml: rootYAML + "security: {capabilities: [SYS_PTRACE]}\n"}, "exe"))
	mine := x.path("boxfile") // the caller's own, as in a home directory
	x.must(fixture.Copy(shared.boxfile, mine))
	x.file("out/", "")
	x.must(os.Chmod(x.path("out"), 0o777))
	x.file("root/inner/proc/", "")
	x.file("root/inner/dev/", "")
	x.file("root/usr/bin/", "")
	for _, helper := range helpers {
		x.must(os.Link(shared.probe, x.path("root/usr/bin", helper)))
	}
	for _, ids := range []string{"root/etc/subuid", "root/etc/subgid"} {
		x.file(ids, "me:1:65535\n1000:1:65535\n")
	}
	x.file("root/etc/passwd", "me:x:1000:1000::/:/bin/sh\n")
	for _, key := range []string{"network: outbound", "idmap: subuid"} {
		x.file("root/script", "#!/proc/self/exe up\nboxfile: 1\nrootfs: {dir: /inner}\nproc: none\nnamespaces: {cgroup: host}\nmounts: [/probe:/probe]\ncommand: [/probe, look]\n"+key+"\n")
		before := state(mine)
		for _, more := range []string{"", "devices: [/dev/net/tun]\n", "security: {capabilities: [SYS_ADMIN]}\n", "security: {capabilities: [SYS_ADMIN, SYS_PTRACE]}\n"} {
			x.up(box{program: mine, args: []string{"/script"}, yaml: rootYAML + "user: '1000:1000'\nmounts: ['./out:/mnt:rw']\n" + more})
			if out, err := os.ReadFile(x.path("out", swallowed)); err == nil {
				x.fail("a helper in the box: %swith\n%s%s", out, key+"\n", more)
				x.must(os.Remove(x.path("out", swallowed)))
			}
		}
		if state(mine) != before {
			x.fail("the boxfile program has changed")
		}
	}
}

// twinExe: scripts with an honest interpreter run.
func twinExe(x *trial) {
	x.file("root/script", "#!/probe words\n")
	x.works(x.up(box{args: []string{"/script", "an argument"}, yaml: rootYAML}), `["/script","an argument"]`)
}

// attackDescriptors leaves 20 directories of the host open, and starts boxes in them.
func attackDescriptors(x *trial) {
	var open []*os.File
	for i := range 20 {
		f, err := os.Open([]string{"/", x.canary.dir, "/proc", "/sys/fs/cgroup", x.dir}[i%5])
		x.must(err)
		defer f.Close()
		open = append(open, f)
	}
	var fds []int
	for n := 3; n < 64; n++ {
		fds = append(fds, n)
	}
	for _, n := range some(x, fds, 6) {
		at := fmt.Sprintf("/proc/self/fd/%d", n)
		x.link(at, "root/link")
		for _, dir := range []string{at, "/link", at + "/..", "/dev/fd/" + fmt.Sprint(n)} {
			x.refused(x.up(box{yaml: rootYAML + "workdir: " + dir + "\n", files: open}, "look"), "the working directory "+dir)
		}
	}
	s := x.look(box{yaml: rootYAML, files: open})
	for fd, what := range s.FDs {
		if !slices.Contains([]string{"0", "1", "2"}, fd) {
			x.fail("descriptor %s is open in the box: %s", fd, what)
		}
	}
	if !strings.HasPrefix(s.Cwd, "/") || strings.Contains(s.Cwd, "unreachable") {
		x.fail("the working directory is %q", s.Cwd)
	}
	x.held(x.up(box{yaml: rootYAML, files: open}, "walk", x.canary.dir))
	for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
		fd, err := unix.Open("/", flags|unix.O_CLOEXEC, 0)
		x.must(err)
		door := os.NewFile(uintptr(fd), "door")
		x.refused(x.up(box{yaml: rootYAML, stdin: door}, "walk", x.canary.dir), "a directory as standard input")
		door.Close()
	}
}

func twinDescriptors(x *trial) {
	x.link("/tmp", "root/link")
	x.works(x.up(box{yaml: rootYAML + "workdir: /link\n"}, "look"), `"Cwd":"/tmp"`)
	f, err := os.Open(x.path("root/etc"))
	x.must(err)
	defer f.Close()
	x.file("input", "typed\n")
	in, err := os.Open(x.path("input"))
	x.must(err)
	defer in.Close()
	x.works(x.up(box{yaml: rootYAML, stdin: in, files: []*os.File{f}}, "read", "/dev/stdin"), "typed")
}

// attackTerminal types into what the box has for a terminal: the caller's where the file
// refuses one of the box's own, and otherwise that, from which nothing may come to the caller's.
func attackTerminal(x *trial) {
	for _, yaml := range []string{"", "security: {capabilities: [SYS_ADMIN, SYS_TTY_CONFIG]}\n", "proc: host-ro\n"} {
		for tty, attack := range map[string]string{"false": "terminal", "true": "own-terminal"} {
			out, typed := x.onTerminal(box{yaml: rootYAML + yaml + "tty: " + tty + "\n"}, attack)
			x.held(result{stdout: out})
			if typed != "" {
				x.fail("typed into the caller's terminal: %q", typed)
			}
		}
	}
}

func twinTerminal(x *trial) {
	if out, _ := x.onTerminal(box{yaml: rootYAML}, "look"); !strings.Contains(out, `"TERM=`) {
		x.fail("a box on a terminal prints %q", out)
	}
}

func attackJoin(x *trial) {
	x.unknownVerbs("exec", "join", "enter", "attach", "run", "--join", "--join=1")
	keys := []string{"namespaces: {user: {join: /proc/self/ns/user}}", "namespaces: {pid: host}", "namespaces: {mount: host}"}
	if x.caller != nil || os.Getuid() != 0 { // root may, when the file says so
		keys = append(keys, "namespaces: {pid: {join: /proc/1/ns/pid}}", "network: {join: /proc/1/ns/net}")
	}
	for _, key := range keys {
		x.refused(x.up(box{yaml: rootYAML + key + "\n"}, "look"), key)
	}
}

// fileCapabilities is the xattr of a file with CAP_SYS_ADMIN, permitted and effective: capabilities(7), revision 2.
const fileCapabilities = "\x01\x00\x00\x02\x00\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// attackSetuid gives a copy of boxfile more rights than its caller has.
func attackSetuid(x *trial) {
	x.needRoot("make a program that is root's")
	u := config{user: true}.credential(x.t)
	caller := &trial{t: x.t, config: x.config, caller: u, dir: x.dir, base: x.base, canary: x.canary}
	for name, give := range map[string]func(string) error{
		"setuid": func(p string) error { return os.Chmod(p, 0o755|os.ModeSetuid) },
		"setgid": func(p string) error { return os.Chmod(p, 0o755|os.ModeSetgid) },
		"caps":   func(p string) error { return unix.Setxattr(p, "security.capability", []byte(fileCapabilities), 0) },
	} {
		more := filepath.Join(x.base, name)
		x.must(fixture.Copy(shared.boxfile, more))
		x.must(give(more))
		marker := x.path("root/made")
		r := caller.up(box{program: more, yaml: "rootfs: {dir: ./root}\nmounts: [{source: ./made, target: /mnt, create: dir}]\n"}, "look")
		if r.code != 125 || r.stdout != "" {
			x.fail("a boxfile with %s: exit %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
		for _, made := range []string{marker, x.path("made")} {
			if _, err := os.Stat(made); err == nil {
				x.fail("a boxfile with %s has carried out the plan", name)
			}
		}
	}
	x.problems = append(x.problems, caller.problems...)
}

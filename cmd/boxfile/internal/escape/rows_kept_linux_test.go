//go:build linux

package escape

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// keptRows are about what a box finds in, or leaves in, files that stay.
func keptRows() []row {
	return []row{
		{name: "kept-files", cves: "CVE-2025-9566", mechanism: "the second run writes its generated files through a symlink that the first one left",
			attack: attackKeptFiles, twin: twinKept},
		{name: "kept-owner", cves: "CVE-2021-26910", mechanism: "a kept directory belongs to another user, who changes it meanwhile",
			attack: attackKeptOwner, twin: twinKept},
		{name: "kept-layers", cves: "CVE-2024-1753, CVE-2025-9566", mechanism: "a box that can write to a kept directory puts links in place of its layers, and the next one has the host's files for its root",
			attack: attackKeptLayers, twin: twinKept},
		{name: "state", cves: "CVE-2021-41103", mechanism: "other users of the host reach a kept directory, and run setuid files from it",
			attack: attackState, twin: twinKept},
		{name: "passwd", cves: "CVE-2024-9676", mechanism: "/etc/passwd of the rootfs is a symlink, a pipe or endless, and is read on the host",
			attack: attackPasswd, twin: twinPasswd},
		{name: "copy", cves: "CVE-2018-15664, CVE-2019-10152, CVE-2019-18466", mechanism: "copying into or out of a box follows its symlinks on the host",
			attack: func(x *trial) { x.unknownVerbs("cp", "copy", "export", "commit") }, twin: twinKept,
			absent: "boxfile copies nothing into or out of a box"},
	}
}

// unknownVerbs demands that boxfile knows none of these verbs.
func (x *trial) unknownVerbs(verbs ...string) {
	for _, verb := range verbs {
		if r := x.run(box{}, shared.boxfile, verb, "box:/etc/passwd", x.canary.dir); r.code != 64 {
			x.fail("boxfile %s: exit %d\n%s%s", verb, r.code, r.stdout, r.stderr)
		}
	}
}

// attackKeptLayers has a box with its own kept directory in a mount, as that of a whole project is.
func attackKeptLayers(x *trial) {
	yaml := keptYAML + "mounts: ['./:/mnt:rw']\n"
	x.file("work/", "")
	for _, links := range [][]string{
		{"/mnt/kept/root/upper", x.canary.dir, "/mnt/kept/root/work", x.path("work")},
		{"/mnt/kept/root/upper", strings.Repeat("../", 20) + x.canary.dir[1:], "/mnt/kept/root/work", strings.Repeat("../", 20) + x.path("work")[1:]},
		{"/mnt/kept/root", x.canary.dir},
	} {
		x.must(os.RemoveAll(x.path("kept")))
		x.works(x.up(box{yaml: yaml}, "write", "/etc/new"), "written")
		x.works(x.up(box{yaml: yaml}, append([]string{"relink"}, links...)...), "")
		for _, words := range [][]string{{"read", "/secret"}, {"write", "/new"}} {
			x.refused(x.up(box{yaml: yaml}, words...), "a link in place of a layer")
		}
	}
}

const keptYAML = "rootfs: {dir: ./root, write: {keep: ./kept}}\n"

func attackKeptFiles(x *trial) {
	generated := map[string]string{
		keptYAML + "mounts: [{type: file, target: /etc/hosts, content: x}, {type: file, target: /etc/resolv.conf, content: x}]\n": "",
		"rootfs: {host: true, write: {keep: ./kept-host}}\nmounts: ['./root/probe:/probe']\n":                                     "",
		keptYAML: "",
	}
	for yaml := range generated {
		words := []string{"relink"}
		for _, name := range []string{"hosts", "resolv.conf", "hostname", "passwd", "group"} {
			words = append(words, "/etc/"+name, x.canary.dir+"/"+name)
		}
		_ = x.up(box{yaml: yaml}, words...) // some are mounts, and stay
		_ = x.up(box{yaml: yaml}, "relink", "/etc", x.canary.dir)
		_ = x.up(box{yaml: yaml}, "relink", "/dev", x.canary.dir, "/proc", x.canary.dir)
		for range 2 {
			x.heldOrRefused(x.up(box{yaml: yaml}, "walk", x.canary.dir))
		}
	}
}

// twinKept: what one run writes the next one reads.
func twinKept(x *trial) {
	x.works(x.up(box{yaml: keptYAML}, "write", "/etc/new"), "written")
	x.works(x.up(box{yaml: keptYAML}, "read", "/etc/new"), "from a box")
}

// attackKeptOwner has a kept directory of somebody else's, also under the eyes of a swapper.
func attackKeptOwner(x *trial) {
	x.needRoot("give a directory to another user")
	x.file("theirs/", "")
	x.must(os.Chmod(x.path("theirs"), 0o777))
	owner := 65534
	if x.caller != nil {
		owner = 0
	}
	x.must(os.Lchown(x.path("theirs"), owner, owner))
	x.refused(x.up(box{yaml: "rootfs: {dir: ./root, write: {keep: ./theirs}}\n"}, "look"), "a kept directory of another user")
	x.must(os.Symlink(x.canary.dir, x.path("swap")))
	defer x.swap("theirs", "swap")()
	for range x.starts(40) {
		x.refused(x.up(box{yaml: "rootfs: {dir: ./root, write: {keep: ./theirs}}\n"}, "look"), "a kept directory of another user, swapped")
	}
}

// attackState leaves a setuid file in a kept directory, and comes for it as another user.
func attackState(x *trial) {
	x.works(x.up(box{yaml: keptYAML}, "setuid", "/etc/tool"), "made")
	info, err := os.Stat(x.path("kept"))
	if err != nil || info.Mode().Perm() != 0o700 {
		x.fail("the kept directory has mode %v: %v", info.Mode(), err)
	}
	if os.Getuid() != 0 {
		return // only root can come as another user
	}
	found := false
	_ = filepath.WalkDir(x.path("kept"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "tool" {
			return nil
		}
		found = true
		cmd := exec.Command("/bin/sh", "-c", "ls "+x.path("kept")+" || "+p+" look")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err == nil {
			x.fail("another user reaches the kept directory: %s", out)
		}
		return nil
	})
	if !found {
		x.fail("the attack was not made: the setuid file is not in the kept directory")
	}
}

func attackPasswd(x *trial) {
	for _, name := range []string{"bob", "bob:bob", "0:bob"} {
		x.refused(x.up(box{yaml: rootYAML + "user: '" + name + "'\n"}, "look"), "a user by name")
	}
	for i, hostile := range []func(string){
		func(p string) { x.must(os.Symlink(x.canary.dir+"/passwd", p)) },
		func(p string) { x.must(unix.Mkfifo(p, 0o666)) },
		func(p string) { x.must(os.WriteFile(p, nil, 0o644)); x.must(os.Truncate(p, 10<<30)) },
	} {
		for _, name := range []string{"passwd", "group", "hosts"} {
			x.must(os.RemoveAll(x.path("root/etc", name)))
			hostile(x.path("root/etc", name))
		}
		r := x.up(box{yaml: rootYAML + "network: {mode: none, hosts: {db.example: 192.0.2.7}}\n"}, "walk", x.canary.dir)
		x.heldOrRefused(r)
		if r = x.up(box{yaml: rootYAML}, "walk", x.canary.dir); r.took > limit/2 {
			x.fail("hostile file %d holds boxfile up for %v", i, r.took)
		}
		x.held(r)
	}
}

func twinPasswd(x *trial) {
	x.file("root/etc/passwd", "bob:x:1000:1000::/:/bin/sh\n")
	x.works(x.up(box{yaml: rootYAML + "user: '1000:1000'\n"}, "look"), `"UID":1000`)
}

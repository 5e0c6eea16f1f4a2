//go:build linux

package escape

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// pathRows are about names that lead elsewhere: most of all published holes.
func pathRows() []row {
	return []row{
		{name: "target-race", cves: "CVE-2021-30465, CVE-2024-45310", mechanism: "the target of a mount is swapped for a symlink while the box is made",
			attack: attackTargetRace, twin: twinTarget},
		{name: "source-race", cves: "CVE-2021-26910", mechanism: "a source or a kept directory is swapped for a symlink while the box is made",
			attack: attackSourceRace, twin: twinSource},
		{name: "source-link", cves: "CVE-2024-1753, CVE-2024-42472", mechanism: "one run leaves a symlink where the next one has its source",
			attack: attackSourceLink, twin: twinSource},
		{name: "parent-link", cves: "CVE-2026-87766", mechanism: "what is made below a symlink of the rootfs is made on the host",
			attack: attackParentLink, twin: twinParentLink},
		{name: "links", cves: "CVE-2015-1335, CVE-2025-24965, CVE-2022-23648, CVE-2026-39822, CVE-2026-32282", mechanism: "a symlink in the rootfs redirects a mount, a made file, a mask or the working directory",
			attack: attackLinks, twin: twinLinks},
	}
}

// attackTargetRace swaps the parent of a target that lies inside a shared directory.
func attackTargetRace(x *trial) {
	x.file("shared/a/b/", "")
	x.file("data/hello", "mounted\n")
	x.file("root/shared/", "")
	x.file("root"+x.canary.dir+"/a/b/", "") // so that the link leads somewhere inside, too
	x.link(x.canary.dir+"/a", "shared/link")
	stop := x.swap("shared/a", "shared/link")
	defer stop()
	started := 0
	for i := range x.starts(300) {
		target := []string{"/shared/a/b", "/shared/a/new"}[i%2] // one that is there, and one that would have to be made
		s := x.up(box{yaml: rootYAML + "mounts: ['./shared:/shared:rw', './data:" + target + "']\n"}, "walk", x.canary.dir)
		x.heldOrRefused(s)
		if s.code == 0 {
			started++
		}
	}
	if started == 0 && !testing.Short() {
		x.fail("the race was not run: no box has started")
	}
	s := x.look(box{yaml: rootYAML + "mounts: ['./shared:/shared:rw']\n"})
	x.mounted(s)
}

func twinTarget(x *trial) {
	x.file("shared/a/b/", "")
	x.file("data/hello", "mounted\n")
	x.file("root/shared/", "")
	x.works(x.up(box{yaml: rootYAML + "mounts: ['./shared:/shared:rw', './data:/shared/a/b']\n"}, "read", "/shared/a/b/hello"), "mounted")
}

// attackSourceRace swaps a source, a layer and a kept directory; nothing of the canary may come in or be written to.
func attackSourceRace(x *trial) {
	x.file("shared/a/secret", "mine\n")
	x.file("root/data/", "")
	x.link(x.canary.dir, "shared/link")
	stop := x.swap("shared/a", "shared/link")
	defer stop()
	uses := []string{
		rootYAML + "mounts: ['./shared/a:/data:rw']\n",
		rootYAML + "mounts: [{type: overlay, lower: [./shared/a], target: /data}]\n",
		rootYAML + "mounts: [{source: ./shared/a/new, target: /data, create: dir, mode: rw}]\n",
		"rootfs: {dir: ./root, write: {keep: ./shared/a}}\n",
		rootYAML + "mounts: [{type: overlay, lower: [./root/etc], target: /data, write: {keep: ./shared/a/kept}}]\n",
	}
	for i := range max(x.starts(160), len(uses)) {
		r := x.up(box{yaml: uses[i%len(uses)]}, "read", "/data/secret")
		if r.code != 0 && r.code != 1 && r.code != 125 {
			x.fail("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
}

// sourceUses are the places of a Boxfile that name a directory of the host, and whether it is made.
var sourceUses = []string{
	rootYAML + "mounts: ['%s:/mnt:rw']\n",
	rootYAML + "mounts: [{type: overlay, lower: ['%s'], target: /mnt}]\n",
	rootYAML + "mounts: [{source: '%s/new', target: /mnt, create: dir, mode: rw}]\n",
	rootYAML + "mounts: [{source: '%s/new', target: /tmp, create: file}]\n",
	"rootfs: {dir: ./root, write: {keep: '%s'}}\n",
	"rootfs: {dir: ./root, write: {keep: '%s/new'}}\n",
	"rootfs: {dir: '%s'}\n",
}

// attackSourceLink has one box leave symlinks to the canary, which the next one has as sources.
func attackSourceLink(x *trial) {
	x.file("shared/", "")
	links := map[string]string{"whole": x.canary.dir, "up": "../../canary", "proc": "/proc/self/root" + x.canary.dir, "slash": x.canary.dir + "/", "nested": "whole/a"}
	words := []string{"relink"}
	for name, text := range links {
		words = append(words, "/mnt/"+name, text)
	}
	x.works(x.up(box{yaml: rootYAML + "mounts: ['./shared:/mnt:rw']\n"}, words...), "")
	for name := range links {
		for _, use := range some(x, sourceUses, 2) {
			for _, source := range []string{"./shared/" + name, "./shared/" + name + "/"} {
				x.refused(x.up(box{yaml: fmt.Sprintf(use, source)}, "read", "/mnt/secret"), use+" "+source)
			}
		}
	}
	x.file("private/hello", "of the folder, and not the box's\n")
	for _, dir := range []string{".", x.dir} {
		x.file("shared/inner/", "")
		both := rootYAML + "mounts: ['" + dir + "/shared:/tmp:rw', '" + dir + "/shared/inner:/mnt']\n"
		x.works(x.up(box{yaml: both}, "relink", "/tmp/inner", "../private"), "")
		x.refused(x.up(box{yaml: both}, "read", "/mnt/hello"), "a link out of what the box can write")
		x.must(os.Remove(x.path("shared/inner")))
	}
}

// twinSource: a link inside the Boxfile's folder is followed, and so is a whole path.
func twinSource(x *trial) {
	x.file("real/hello", "inside\n")
	x.link("real", "inside")
	for _, source := range []string{"./inside", x.path("inside"), "./real"} {
		x.works(x.up(box{yaml: rootYAML + "mounts: ['" + source + ":/mnt']\n"}, "read", "/mnt/hello"), "inside")
	}
}

// made are mounts that make something in the box.
var made = []string{
	"{type: file, target: %s, content: x}", "{type: dir, target: %s}", "{type: symlink, target: %s, source: x}", "{type: tmpfs, target: %s}",
	"{source: ./data, target: %s}", "{type: overlay, lower: [./data], target: %s, write: discard}",
}

// writes are what becomes of writes to a root.
var writes = []string{"rootfs: {dir: ./root}\n", "rootfs: {dir: ./root, write: discard}\n", "rootfs: {dir: ./root, write: {keep: ./kept}}\n"}

func attackParentLink(x *trial) {
	x.file("data/hello", "mounted\n")
	texts := []string{x.canary.dir, strings.Repeat("../", 20) + x.canary.dir[1:], "/proc/self/root" + x.canary.dir, "/proc/1/root" + x.canary.dir, "/oldroot" + x.canary.dir, "/proc/self/cwd/../canary"}
	type try struct{ text, yaml string }
	var all []try
	for _, text := range texts {
		for _, w := range writes {
			for _, m := range made {
				for _, name := range []string{"new", "hosts"} {
					all = append(all, try{text, w + "mounts: [" + fmt.Sprintf(m, "/etc/"+name) + "]\n"})
				}
			}
		}
	}
	for _, a := range some(x, all, 6) {
		x.link(a.text, "root/etc")
		x.heldOrRefused(x.up(box{yaml: a.yaml}, "walk", x.canary.dir))
	}
}

// twinParentLink: /var/run leads to /run on every system (bubblewrap issue 801).
func twinParentLink(x *trial) {
	x.file("root/var/", "")
	x.file("root/run/", "")
	x.link("/run", "root/var/run")
	for _, w := range writes[1:] {
		x.works(x.up(box{yaml: w + "mounts: [{type: file, target: /var/run/app.conf, content: 'by a link'}, {type: tmpfs, target: /var/run/app}]\n"}, "read", "/run/app.conf"), "by a link")
	}
}

// touched are the keys that name a path of the box.
var touched = append([]string{"workdir: %s\n", "security: {mask: [%s]}\n", "security: {readonly: [%s]}\n", "command: [%s]\n"}, mountsOf(made)...)

func mountsOf(list []string) []string {
	var all []string
	for _, m := range list {
		all = append(all, "mounts: ["+m+"]\n")
	}
	return all
}

func attackLinks(x *trial) {
	x.file("data/hello", "mounted\n")
	x.link(x.canary.dir, "root/dir")
	x.link(x.canary.dir+"/secret", "root/file")
	x.link(x.canary.dir+"/nosuch", "root/dangling")
	x.link("loop", "root/loop")
	x.link("/proc/1/root"+x.canary.dir, "root/magic")
	var yamls []string
	for _, key := range touched {
		for _, target := range []string{"/dir", "/dir/", "/dir/a", "/dir/new", "/file", "/file/", "/dangling", "/dangling/", "/dangling/new", "/loop", "/loop/", "/magic/a", "/dir/../etc", "/dir/a/../../etc"} {
			for _, w := range writes[:2] {
				yamls = append(yamls, w+fmt.Sprintf(key, target))
			}
		}
	}
	for _, yaml := range some(x, yamls, 6) {
		r := x.up(box{yaml: yaml}, "walk", x.canary.dir)
		if !strings.Contains(yaml, "command:") && r.code != 1 {
			x.heldOrRefused(r)
		} else if r.code == 0 {
			x.fail("a command was found outside: %s\n%s", yaml, r.stdout)
		}
	}
}

// twinLinks: links that stay inside are followed, whichever key comes upon them.
func twinLinks(x *trial) {
	x.file("data/hello", "mounted\n")
	x.file("root/real/hello", "inside\n")
	x.link("/real", "root/dir")
	x.link("real", "root/near")
	for _, yaml := range some(x, []string{"workdir: /dir\n", "workdir: /near\n", "security: {readonly: [/dir]}\n", "mounts: ['./data:/dir']\n", "mounts: ['./data:/near']\n"}, 2) {
		x.works(x.up(box{yaml: "rootfs: {dir: ./root}\n" + yaml}, "look"), "Cwd")
	}
	x.works(x.up(box{yaml: rootYAML + "mounts: ['./data:/dir']\n"}, "read", "/real/hello"), "mounted")
	x.works(x.up(box{yaml: rootYAML}, "read", "/near/hello"), "inside")
	if _, err := os.Stat(x.path("root/real/new")); err == nil {
		x.fail("something was made in the rootfs")
	}
}

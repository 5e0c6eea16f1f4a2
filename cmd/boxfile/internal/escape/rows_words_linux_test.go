//go:build linux

package escape

import (
	"encoding/json"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// wordRows are about texts that are taken for something else than they are.
func wordRows() []row {
	return []row{
		{name: "words", cves: "CVE-2024-32462", mechanism: "a command or a path that begins with a dash is read as an option",
			attack: attackWords, twin: twinWords},
		{name: "options", cves: "CVE-2024-9407", mechanism: "a value smuggles further mount options",
			attack: attackOptions, twin: twinOptions},
		{name: "names", cves: "CVE-2024-9675", mechanism: ".. in a name leads out of the directory it is used in",
			attack: attackNames, twin: twinNames},
		{name: "metadata", cves: "CVE-2026-53488", mechanism: "what the rootfs says about itself changes what is run",
			attack: attackMetadata, twin: twinWords},
		{name: "bogus-root", cves: "nsjail issue 84", mechanism: "a rootfs that is none keeps the runner busy for ever",
			attack: attackBogusRoot, twin: twinWords},
	}
}

var hostileWords = []string{"--bind", "/", "/x", "--", "-v", "--privileged", "a\nb", "a\tb", "a,b:c", "$HOME", "$(id)", "`id`", "'\"\\", "", "\u202e", "%s%n"}

// attackWords gives words that some program could take for options; the box's command must get each as it is.
func attackWords(x *trial) {
	same := func(r result, want []string) {
		var got []string
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || !slices.Equal(got, want) {
			x.fail("the command has got %q, not %q\n%s", got, want, r.stderr)
		}
	}
	same(x.up(box{yaml: rootYAML}, append([]string{"words"}, hostileWords...)...), hostileWords)
	b := box{yaml: rootYAML}
	file := x.write(&b, []string{"look"})
	same(x.run(box{}, slices.Concat([]string{shared.boxfile, "up", file, "--", "/probe", "words"}, hostileWords)...), hostileWords)
	for _, args := range [][]string{{"--bind", "/", "/x"}, {"-v"}, {"--", "/probe", "look"}, {"--help"}} {
		if r := x.up(box{yaml: rootYAML, args: args}); r.code != 127 {
			x.fail("%q is taken for something else than a command: exit %d\n%s", args, r.code, r.stdout)
		}
	}
	x.file("-v/hello", "by a dash\n")
	x.file("--bind/hello", "by a dash\n")
	for _, dir := range []string{"./-v", "./--bind"} {
		x.works(x.up(box{yaml: rootYAML + "mounts: ['" + dir + ":/mnt']\n", file: "--help.yaml"}, "read", "/mnt/hello"), "by a dash")
	}
	for _, line := range []string{"name: --help\n", "name: -v\n", "hostname: --help\n", "mounts: [\"--bind:/mnt\"]\n", "rootfs: --help\n", "mounts: [\"./data:/mnt\\0/x\"]\n", "env: {\"A=B\": c}\n", "env: {A: \"b\\0c\"}\n", "workdir: -v\n", "env_pass: [\"--help=x\"]\n"} {
		yaml := line
		if !strings.HasPrefix(line, "rootfs") {
			yaml = rootYAML + line
		}
		x.refused(x.up(box{yaml: yaml}, "look"), line)
	}
}

func twinWords(x *trial) {
	s := x.look(box{yaml: rootYAML + "env: {GREETING: 'hello, world'}\n"})
	if !slices.Contains(s.Env, "GREETING=hello, world") {
		x.fail("the environment is %q", s.Env)
	}
}

// attackOptions puts mount options into values of other kinds.
func attackOptions(x *trial) {
	x.file("data/hello", "mounted\n")
	for _, mount := range some(x, []string{
		"{type: tmpfs, target: /mnt, size: '64M,mode=0777'}", "{type: tmpfs, target: /mnt, perms: '0755,uid=0'}", "{type: tmpfs, target: /mnt, options: ['nosuid,dev']}", "{type: tmpfs, target: /mnt, options: [suid]}",
		"{type: overlay, lower: ['./data,upperdir=" + x.canary.dir + "'], target: /mnt}", "{type: overlay, lower: ['./data:" + x.canary.dir + "'], target: /mnt}", "{type: overlay, lower: ['./data'], target: /mnt, options: ['lowerdir=/']}",
		"{source: ./data, target: /mnt, mode: 'rw,dev'}", "{source: ./data, target: /mnt, propagation: 'rprivate,lowerdir=/'}", "'./data:/mnt:rw,dev'", "'./data:/mnt:shared'", "{type: 'tmpfs,dev', target: /mnt}", "{type: ext4, target: /mnt}",
		"{source: './data,dev', target: /mnt}", "{type: overlay, lower: [./data], target: /mnt, write: {keep: './kept,lowerdir=/'}}",
	}, 7) {
		r := x.up(box{yaml: rootYAML + "mounts: [" + mount + "]\n"}, "read", "/mnt/secret")
		if r.code == 0 || strings.Contains(mount, "write: {keep") && r.code != 1 {
			x.fail("%s: exit %d\n%s%s", mount, r.code, r.stdout, r.stderr)
		}
	}
}

// twinOptions: commas and colons in names are part of the names.
func twinOptions(x *trial) {
	for _, name := range []string{"a,b", "a:b", `a\b`, "a b"} {
		x.file(name+"/hello", "mounted\n")
		for _, mount := range []string{"{source: './" + name + "', target: /mnt, options: [noexec]}", "{type: overlay, lower: ['./" + name + "', ./root], target: /mnt}"} {
			x.works(x.up(box{yaml: rootYAML + "mounts: [" + mount + "]\n"}, "read", "/mnt/hello"), "mounted")
		}
	}
}

func attackNames(x *trial) {
	for _, name := range some(x, []string{"../x", "a/b", "", ".", "..", "/", "a/../../x", strings.Repeat("a", 300), "A", "a b", "a\nb", "-a", "..a/"}, 6) {
		quoted, err := json.Marshal(name)
		x.must(err)
		x.refused(x.up(box{yaml: rootYAML + "name: " + string(quoted) + "\n"}, "look"), "the name "+string(quoted))
		if name != "A" {
			x.refused(x.up(box{yaml: rootYAML + "hostname: " + string(quoted) + "\n"}, "look"), "the host name "+string(quoted))
		}
	}
}

func twinNames(x *trial) {
	if s := x.look(box{yaml: rootYAML + "name: web-1.a-x\n"}); s.Hostname != "web-1.a-x" {
		x.fail("the host name is %q", s.Hostname)
	}
}

// attackMetadata has a rootfs, a folder and an environment that say much about the box.
func attackMetadata(x *trial) {
	b := box{yaml: rootYAML, file: "plan.yaml"}
	file := x.write(&b, []string{"look"})
	plan := func() string { return x.run(box{}, shared.boxfile, "plan", "-o", "json", file).stdout }
	before, want := plan(), x.look(box{yaml: rootYAML}).Env
	for _, name := range []string{".env", "root/.env", "root/etc/environment", "root/etc/profile", "root/.boxfile.yaml", ".boxfile.yaml", "boxfile.yaml", "root/etc/ld.so.preload", "root/manifest.json", "root/config.json", "root/hooks/prestart"} {
		x.file(name, "network: host\nLD_PRELOAD=/evil.so\n#!/bin/sh\ntouch "+x.canary.dir+"/hook\n")
	}
	env := []string{"BOXFILE_NETWORK=host", "BOXFILE=evil.yaml", "BOXFILE_OPTIONS=--privileged", "LD_PRELOAD=/evil.so", "DOCKER_HOST=x", "HOME=" + x.canary.dir}
	after := x.run(box{env: env}, shared.boxfile, "plan", "-o", "json", file).stdout
	if before == "" || after != before || plan() != before {
		x.fail("the plan has changed")
	}
	s := x.look(box{yaml: rootYAML, env: env})
	if !slices.Equal(s.Env, want) {
		x.fail("the environment is %q, not %q", s.Env, want)
	}
}

// attackBogusRoot has roots that are none; each has to be refused in bounded time.
func attackBogusRoot(x *trial) {
	x.file("file", "no directory\n")
	x.must(unix.Mkfifo(x.path("pipe"), 0o666))
	x.link("loop", "loop")
	x.must(os.Symlink("/nosuch", x.path("dangling")))
	x.file("empty/", "")
	for _, root := range []string{"./nosuch", "./file", "./pipe", "./loop", "./dangling", "./empty", "/dev/null", "/proc/self/fd", "./root/../../../../../../nosuch"} {
		r := x.up(box{yaml: "rootfs: {dir: " + root + "}\n"}, "look")
		if r.code == 0 || r.took > limit/2 {
			x.fail("the rootfs %s: exit %d after %v", root, r.code, r.took)
		}
	}
}

package compiler

import (
	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// rootfs adds the tree that becomes "/" and the way into it.
func (c *compilation) rootfs() {
	r := &c.box.Rootfs
	s := &plan.Rootfs{Type: "tmpfs", ReadOnly: r.Write.Mode == "none", Options: []string{"nodev", "nosuid"}, Write: r.Write.Mode, Keep: r.Write.Keep.Value}
	if r.Dir.IsSet() {
		s.Type, s.Source = "dir", r.Dir.Value
		if !c.box.Security.NoNewPrivs.Value { // only then can a setuid program of the rootfs matter
			s.Options = []string{"nodev"}
		}
	}
	c.add(s, r.Pos, "rootfs")
	c.keep(r.Write, "rootfs.write.keep")
	if r.Enter.Value == "chroot" {
		c.add(&plan.Chroot{}, r.Enter.Pos, "rootfs.enter")
	} else {
		c.add(&plan.PivotRoot{}, r.Enter.Pos, "rootfs.enter")
	}
}

// keep adds the host side's part of a kept directory, once for each.
func (c *compilation) keep(w schema.Write, key string) {
	if w.Mode != "keep" || c.keeps[w.Keep.Value] {
		return
	}
	c.keeps[w.Keep.Value] = true
	c.add(&plan.Keep{Dir: w.Keep.Value}, w.Keep.Pos, key)
}

// systemPaths are what rootfs: host takes from the host: its programs, and the
// few files of /etc that programs cannot do without. /etc/ssl/private is not
// among them: a box of root's could read the keys in it.
var systemPaths = [...]string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki", "/etc/crypto-policies",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/nsswitch.conf", "/etc/localtime"}

// networkPaths are taken as well where the box shares the host's network.
var networkPaths = [...]string{"/etc/hosts", "/etc/resolv.conf"}

// systemDirs are the other directories that programs expect in "/".
var systemDirs = [...]struct{ path, perms string }{{"/home", "0755"}, {"/mnt", "0755"}, {"/opt", "0755"}, {"/root", "0700"}, {"/run", "0755"},
	{"/srv", "0755"}, {"/tmp", "1777"}, {"/var", "0755"}, {"/var/tmp", "1777"}}

// system fills the generated root of rootfs: host.
func (c *compilation) system() {
	r := &c.box.Rootfs
	if !r.Host.Value {
		return
	}
	at := r.Pos
	system := func(p string) {
		s := &plan.System{Path: p, Write: "none"}
		if r.Write.Mode != "none" {
			s.Write, s.Keep = r.Write.Mode, r.Write.Keep.Value
		}
		c.add(s, at, "rootfs")
	}
	for _, p := range systemPaths {
		system(p)
	}
	for _, d := range systemDirs {
		c.add(&plan.Dir{Target: d.path, Perms: d.perms}, at, "rootfs")
	}
	readOnly := r.Write.Mode == "none"
	fileOf := func(target, content string, at schema.Pos, key string) {
		c.add(&plan.File{Target: target, Content: content, Perms: "0644", ReadOnly: readOnly}, at, key)
	}
	file := func(target, content string) { fileOf(target, content, at, "rootfs") }
	users, groups := accounts(c.box.User)
	file("/etc/passwd", users)
	file("/etc/group", groups)
	file("/etc/hostname", c.box.Hostname.Value+"\n")
	if c.box.Network.Mode.Value == "host" {
		for _, p := range networkPaths {
			system(p)
		}
		return
	}
	n := &c.box.Network
	if len(n.Hosts) > 0 {
		fileOf("/etc/hosts", c.hosts(), n.Hosts[0].Name.Pos, "network.hosts")
	} else {
		file("/etc/hosts", c.hosts())
	}
	switch {
	case len(n.DNS) > 0:
		fileOf("/etc/resolv.conf", c.resolvConf(), n.DNS[0].Pos, "network.dns")
	case n.Mode.Value == "outbound":
		fileOf("/etc/resolv.conf", c.resolvConf(), n.Mode.Pos, "network")
	default:
		file("/etc/resolv.conf", c.resolvConf())
	}
}

// accounts is /etc/passwd and /etc/group for a box's user.
func accounts(u schema.User) (users, groups string) {
	users, groups = "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n"
	if u.UID != 0 && u.UID != nobody {
		users += "box:x:" + decimal(u.UID) + ":" + decimal(u.GID) + ":box:/:/bin/sh\n"
	}
	if u.GID != 0 && u.GID != nobody {
		groups += "box:x:" + decimal(u.GID) + ":\n"
	}
	return users + "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n", groups + "nogroup:x:65534:\n"
}

const nobody = 65534

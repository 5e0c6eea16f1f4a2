//go:build linux

package escape

// filterRows are attacks by system calls, which the default filter (security.seccomp) stops.
func filterRows() []row {
	return []row{
		{name: "keyring", cves: "runc issue 453", mechanism: "the host's keys are read, or taken away, through a keyring that the box inherits",
			attack: attackKeyring, twin: twinFilter},
		{name: "calls", cves: "CVE-2021-41133", mechanism: "a filter that lists what is forbidden misses newer calls, numbers of another architecture, or a socket family",
			attack: func(x *trial) { x.held(x.up(box{yaml: rootYAML}, "calls")) }, twin: twinFilter, filter: true},
		{name: "namespaces", cves: "CVE-2021-41133, CVE-2022-0492", mechanism: "a user namespace of the box's own opens all of the kernel to it",
			attack: func(x *trial) { x.held(x.up(box{yaml: rootYAML}, "namespaces")) }, twin: twinFilter, filter: true},
	}
}

func attackKeyring(x *trial) {
	name := "canary of " + x.base // other configurations have the same user's keyring
	for _, yaml := range []string{"", "proc: host-ro\n"} {
		x.held(x.up(box{yaml: rootYAML + yaml, prefix: []string{shared.probe, "with-key", name}, env: []string{secretEnv + "=" + x.canary.secret}}, "keyring", name))
	}
}

// twinFilter: what ordinary programs call still works: threads, children, sockets and files.
func twinFilter(x *trial) {
	x.works(x.up(box{yaml: rootYAML}, "trace-child"), "traced")
	x.works(x.up(box{yaml: rootYAML + "mounts: [{type: tmpfs, target: /mnt}]\n"}, "ordinary"), "ordinary")
}

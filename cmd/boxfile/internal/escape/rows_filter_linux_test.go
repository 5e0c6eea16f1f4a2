//go:build linux

package escape

// filterRows are attacks that nothing but the default filter of system calls (security.seccomp) stops.
func filterRows() []row {
	return []row{
		{name: "keyring", cves: "runc issue 453", mechanism: "the host's keys are read, or taken away, through a keyring that the box inherits",
			attack: attackKeyring, twin: twinFilter, filter: true},
		{name: "calls", cves: "CVE-2021-41133", mechanism: "a filter that lists what is forbidden misses newer calls, numbers of another architecture, or a socket family",
			attack: func(x *trial) { x.held(x.up(box{yaml: rootYAML}, "calls")) }, twin: twinFilter, filter: true},
		{name: "namespaces", cves: "CVE-2021-41133, CVE-2022-0492", mechanism: "a user namespace of the box's own opens all of the kernel to it",
			attack: func(x *trial) { x.held(x.up(box{yaml: rootYAML}, "namespaces")) }, twin: twinFilter, filter: true},
	}
}

func attackKeyring(x *trial) {
	for _, yaml := range []string{"", "proc: host-ro\n"} {
		r := x.up(box{yaml: rootYAML + yaml, prefix: []string{shared.probe, "with-key"}, env: []string{secretEnv + "=" + x.canary.secret}}, "keyring")
		x.held(r)
	}
}

// twinFilter: what ordinary programs call still works: threads, children, sockets and files.
func twinFilter(x *trial) {
	x.works(x.up(box{yaml: rootYAML}, "trace-child"), "traced")
	x.works(x.up(box{yaml: rootYAML + "mounts: [{type: tmpfs, target: /mnt}]\n"}, "ordinary"), "ordinary")
}

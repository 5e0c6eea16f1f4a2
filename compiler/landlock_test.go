package compiler

import (
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
)

func TestLandlock(t *testing.T) {
	const head = "boxfile: 1\nshell: ls\nsecurity: {landlock: true}\n"
	for text, want := range map[string]string{
		"mounts: [/a:/a:rw, {type: tmpfs, target: /tmp}, /c:/c]":       "/a /dev/pts /dev/shm /tmp",
		"mounts: [{source: /a, target: /a, mode: rw, optional: true}]": "/a? /dev/pts /dev/shm",
		"proc: none":                  "/dev/pts /dev/shm",
		"mounts: [/a:/a:rw, /b:/a/b]": "test.yaml:4:20: landlock cannot keep /a/b read-only inside /a, which is writable",
		"mounts: [/a:/a:rw, {type: file, target: /a/b, content: x}]":                            "landlock cannot keep /a/b read-only inside /a",
		"devices: [/dev/net/tun]":                                                               "/dev/full /dev/net/tun /dev/null",
		"mounts: [/a:/a:rw, /b:/a/b:rw, /ab:/ab]":                                               "/a /a/b /dev/pts /dev/shm",
		"rootfs: {host: true, write: discard}":                                                  "test.yaml:3:22: landlock cannot hold anything where the whole root is writable",
		"mounts: [{type: overlay, target: /o, lower: [/l], write: discard}]":                    "/dev/pts /dev/shm /o",
		"mounts: [{type: overlay, target: /o, lower: [/l], write: none}]\ndevices: [/dev/kmsg]": "/dev/pts /dev/shm; /dev/full /dev/kmsg",
	} {
		p, err := compile(t, head+text+"\n")
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			for _, s := range p.Steps {
				if l, ok := s.(*plan.Landlock); ok {
					for _, w := range l.Write {
						got += w.Path
						if w.Optional {
							got += "?"
						}
						got += " "
					}
					got = strings.TrimSuffix(got, " ") + "; " + strings.Join(l.Devices, " ")
				}
			}
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s\n%s\nis not\n%s", text, got, want)
		}
	}
	p, err := compile(t, "boxfile: 1\nshell: ls\nmounts: [/a:/a:rw, /b:/a/b]\nsecurity: {landlock: best-effort}\n")
	if err != nil || len(p.Steps) == 0 {
		t.Errorf("best-effort: %v", err)
	}
}

func TestSetuidProgramsOfTheHostStayOff(t *testing.T) {
	_, err := compile(t, "boxfile: 1\nshell: ls\nnamespaces: {user: host}\nsecurity: {no_new_privs: false}\n")
	if err == nil || !strings.Contains(err.Error(), "test.yaml:4:26: no_new_privs: false beside namespaces.user: host") {
		t.Error(err)
	}
}

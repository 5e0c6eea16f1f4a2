package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/fixture"
)

// aptYAML is the box of an ordinary user who installs a server: apt gives up its rights
// for downloads, dpkg runs scripts that make users, and files belong to those.
const aptYAML = `boxfile: 1
idmap: subuid
rootfs: {dir: ./rootfs, write: discard}
mounts: ['./repo:/repo', {type: tmpfs, target: /tmp, perms: "1777"}]
env: {DEBIAN_FRONTEND: noninteractive, LC_ALL: C}
security: {capabilities: default}
shell: |
  set -e
  apt-get -q update
  apt-get -q install -y redis-server
  dpkg -s redis-server | grep ^Status
  echo "the data belong to $(stat -c %U /var/lib/redis)"
  setpriv --reuid=redis --regid=redis --clear-groups redis-server --version
`

// An ordinary user installs packages with apt-get, in a box with subordinate ids.
func TestAptGetInstalls(t *testing.T) {
	for _, needed := range []string{"/usr/bin/apt-get", "/usr/bin/dpkg-deb", "/usr/bin/redis-server"} {
		if _, err := os.Stat(needed); err != nil {
			fixture.Skip(t, needed+" is missing")
		}
	}
	r := &run{t: t, dir: t.TempDir(), name: "apt", user: os.Getuid() == 0}
	uid, gid := r.ids()
	firstSubID(t, uid)
	open(t, r.dir)
	owner, _ := strconv.Atoi(uid)
	group, _ := strconv.Atoi(gid)
	if err := os.Chown(r.dir, owner, group); err != nil {
		t.Fatal(err)
	}
	file, script := filepath.Join(r.dir, "box.yaml"), filepath.Join(r.dir, "make")
	text, err := os.ReadFile(filepath.Join("testdata", "apt", "make"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: aptYAML, script: string(text)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, code := r.command(nil, "sh", "-c", `cd "$1" && sh ./make redis-server`, "sh", r.dir); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	out, code := r.boxfile(nil, "up", file)
	for _, want := range []string{"Status: install ok installed\n", "the data belong to redis\n", "Redis server v="} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit %d: %s", code, out)
	}
}

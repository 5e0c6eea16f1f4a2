//go:build linux

package escape

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mutant is a row's own attack with one guard gone. The row has to see it succeed.
type mutant struct {
	row  string
	how  string
	gone func(*box) // takes the guard away from every box of the attack
	want string     // what the row must say
}

// outside runs the attack on the host, with no box around it.
func outside(b *box) { b.outside = true }

// inNamespaces runs it with what unshare(1) offers: process 1 is a shell.
func inNamespaces(b *box) {
	b.outside = true
	b.prefix = []string{"unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", `"$@"; true`, "sh"}
}

// says adds lines to the Boxfile in place of those with the same key.
func says(lines string) func(*box) {
	key, _, _ := strings.Cut(lines, ":")
	return func(b *box) {
		var kept []string
		for line := range strings.Lines(b.yaml) {
			if !strings.HasPrefix(line, key+":") {
				kept = append(kept, line)
			}
		}
		b.yaml = strings.Join(kept, "") + lines
	}
}

func mutants() []mutant {
	return []mutant{
		{"sockets", "the box has the host's network", says("network: host\n"), "a box came to the host's sockets"},
		{"proc-writes", "the box has the host's /proc/sys, since it is no box", outside, "for writing"},
		{"cgroup", "there is no box around the probe", outside, "which can be written to"},
		{"ptrace", "there are new namespaces, but process 1 can be traced", inNamespaces, "ptrace of process"},
		{"descriptors", "there is no box, and so nothing closes descriptors", outside, "by \"/proc/self/fd"},
		{"terminal", "there is no box, and so the caller's session", outside, "typed into the caller's terminal"},
		{"inheritable", "there is no box, and so nothing drops capabilities", outside, "CapInh"},
		{"keyring", "there is no box, and so no filter", outside, "the host's key in the session keyring"},
		{"namespaces", "there is no box, and so no filter", outside, "a new user namespace by clone"},
		{"passwd", "the box has all of the host as a mount at the same place", bindBase, "the host's secret was read"},
	}
}

// bindBase gives the box the folder with the canary, writable, under its own name.
func bindBase(b *box) {
	base := shared.dir
	at := strings.Index(b.yaml, "mounts: [")
	if at < 0 {
		b.yaml = strings.Replace(b.yaml, rootYAML, "rootfs: {dir: ./root, write: discard}\n", 1) + "mounts: ['" + base + ":" + base + ":rw']\n"
		return
	}
	b.yaml = b.yaml[:at] + "mounts: ['" + base + ":" + base + ":rw', " + b.yaml[at+len("mounts: ["):]
	b.yaml = strings.Replace(b.yaml, rootYAML, "rootfs: {dir: ./root, write: discard}\n", 1)
}

// A row that could not fail would prove nothing: with its guard gone each of these does.
func TestEscapeMutants(t *testing.T) {
	all := rows()
	for _, m := range mutants() {
		t.Run(m.row, func(t *testing.T) {
			if os.Getuid() != 0 {
				t.Skip("an ordinary user has no rights to lose")
			}
			i := slices.IndexFunc(all, func(r row) bool { return r.name == m.row })
			if i < 0 {
				t.Fatal("there is no such row")
			}
			x := newTrial(t, configs()[0])
			x.mutate = m.gone
			x.try(all[i].attack)
			if !strings.Contains(strings.Join(x.problems, "\n"), m.want) {
				t.Errorf("with its guard gone (%s) the row does not say %q but %q", m.how, m.want, x.problems)
			}
		})
	}
}

// Whoever joins names to the rootfs, and follows them, makes files on the host: what the
// rows of paths would see of such a runner, and that the swapper wins.
func TestEscapeFollowingNames(t *testing.T) {
	make := func(x *trial, name string) {
		_ = os.MkdirAll(x.path(name), 0o755)
		_ = os.Remove(x.path(name))
	}
	for name, follow := range map[string]func(*trial){
		"parent-link": func(x *trial) {
			x.link(x.canary.dir, "root/etc")
			make(x, "root/etc/new")
		},
		"target-race": func(x *trial) {
			x.file("shared/a/b/", "")
			x.link(x.canary.dir+"/a", "shared/link")
			defer x.swap("shared/a", "shared/link")()
			for end := time.Now().Add(limit); len(x.problems) == 0 && time.Now().Before(end); x.unharmed() {
				for range 300 {
					make(x, "shared/a/new")
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTrial(t, configs()[3])
			follow(x)
			if x.unharmed(); len(x.problems) == 0 {
				t.Error("nothing has changed in the canary")
			}
		})
	}
}

// A canary that somebody touches is seen, whatever was touched.
func TestEscapeCanarySings(t *testing.T) {
	secret := func(x *trial) string { return filepath.Join(x.canary.dir, "secret") }
	for name, touch := range map[string]func(*trial) error{
		"content": func(x *trial) error { return os.WriteFile(secret(x), []byte("other\n"), 0) },
		"mode":    func(x *trial) error { return os.Chmod(secret(x), 0o600) },
		"name":    func(x *trial) error { return os.Rename(secret(x), secret(x)+"s") },
		"new":     func(x *trial) error { return os.Mkdir(secret(x)+"s", 0o755) },
		"gone":    func(x *trial) error { return os.Remove(secret(x)) },
		"link":    func(x *trial) error { return os.Link(secret(x), x.path("link")) },
		"same text": func(x *trial) error {
			b, err := os.ReadFile(secret(x))
			if err != nil {
				return err
			}
			return os.WriteFile(secret(x), b, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTrial(t, configs()[3])
			x.must(touch(x))
			if x.unharmed(); len(x.problems) == 0 {
				t.Error("nobody has seen it")
			}
		})
	}
}

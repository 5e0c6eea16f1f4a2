//go:build linux

package escape

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// canary is a tree of the host that no box was given. It belongs to the caller and
// everybody may write to it, so that only the box's walls protect it.
type canary struct {
	dir    string
	secret string // the text of the file secret
	before map[string]string
}

// canaryNames are names that boxes and their attacks look for.
var canaryNames = []string{"secret", "null", "ptmx", "console", "core_pattern", "passwd", "group", "hosts", "resolv.conf", "hostname", "a/b/file", "pts/0", "shm/file", "self/attr/exec", "sys/kernel/core_pattern"}

func (x *trial) newCanary() *canary {
	x.t.Helper()
	c := &canary{dir: filepath.Join(x.base, "canary"), secret: "SECRET-" + rand.Text()}
	for _, name := range canaryNames {
		p := filepath.Join(c.dir, name)
		x.must(os.MkdirAll(filepath.Dir(p), 0o777))
		x.must(os.WriteFile(p, []byte(c.secret+"\n"), 0o666))
		_ = unix.Lsetxattr(p, "user.canary", []byte("as it was"), 0) // not every file system has them
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	x.must(filepath.WalkDir(c.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o666)
		if d.IsDir() {
			mode = 0o777
		}
		return os.Chmod(p, mode)
	}))
	x.ownTree(c.dir)
	x.must(filepath.WalkDir(c.dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(p, old, old)
	}))
	c.before = c.look()
	return c
}

// look describes every file of the tree by all that a write would change.
func (c *canary) look() map[string]string {
	all := map[string]string{}
	_ = filepath.WalkDir(c.dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			all[p] = err.Error()
			return nil
		}
		var st syscall.Stat_t
		_ = syscall.Lstat(p, &st)
		all[p] = fmt.Sprintf("inode %d, mode %o, owner %d:%d, links %d, size %d, changed %d, xattrs %q", st.Ino, st.Mode, st.Uid, st.Gid, st.Nlink, st.Size, st.Mtim.Nano(), xattrs(p))
		if st.Mode&syscall.S_IFMT == syscall.S_IFREG {
			b, _ := os.ReadFile(p)
			all[p] += fmt.Sprintf(", content %x", sha256.Sum256(b))
		}
		return nil
	})
	return all
}

func xattrs(path string) string {
	names, text := make([]byte, 4096), ""
	n, err := unix.Llistxattr(path, names)
	if err != nil {
		return ""
	}
	for name := range bytes.SplitSeq(names[:n], []byte{0}) {
		value := make([]byte, 4096)
		if size, err := unix.Lgetxattr(path, string(name), value); err == nil {
			text += fmt.Sprintf("%s=%s ", name, value[:size])
		}
	}
	return text
}

// unharmed compares the tree with what it was.
func (x *trial) unharmed() {
	after := x.canary.look()
	for p, was := range x.canary.before {
		if after[p] != was {
			x.fail("the host's %s has changed\n  from %s\n  to   %s", filepath.Base(p), was, after[p])
		}
	}
	for p := range after {
		if x.canary.before[p] == "" {
			x.fail("new on the host: %s", p)
		}
	}
}

// mounted looks for the canary in what a box has mounted.
func (x *trial) mounted(s seen) {
	for _, m := range s.Mounts {
		if strings.Contains(m.Root+" "+m.Target, x.canary.dir) {
			x.fail("the canary is mounted in the box: %+v", m)
		}
	}
}

package lock

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Sources reads everything that the plan takes from outside. folder is the absolute
// path of the Boxfile's. The error is an *Error.
func Sources(p *plan.Plan, folder string) ([]Source, error) {
	var out []Source
	for _, w := range sources(p) {
		counts, err := w.read(folder)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				e = &Error{Path: w.Path, Err: err}
			}
			e.Step = w.Step
			return nil, e
		}
		if counts {
			out = append(out, w.Source)
		}
	}
	return out, nil
}

// read takes the digest of a source, and reports whether it counts.
func (w *wanted) read(folder string) (counts bool, err error) {
	at, err := openSource(folder, w.Path, unix.O_PATH)
	if w.missing && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(at)
	before, err := stat(at)
	if err != nil || w.file && before.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, err
	}
	// Opened for reading only now that it is known: opening a device does things.
	fd, err := openSource(folder, w.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if now, err := stat(fd); err != nil || !same(before, now) {
		return false, orChanged(err)
	}
	var sum [32]byte
	switch before.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		sum, w.Entries, err = tree(fd, w.Path)
	case unix.S_IFREG:
		var detail string
		if detail, err = content(fd, before); err == nil {
			sum = plan.SHA256([]byte(head + entry('f', before, "", detail)))
		}
	default:
		err = errors.New("it is neither a directory nor a file")
	}
	if err != nil {
		return false, err
	}
	w.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return true, nil
}

// openSource opens a path of the plan under the rules of the run (program.Lower): no
// magic links, and what is in the Boxfile's folder does not lead out of it.
func openSource(folder, p string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	if path.IsAbs(p) {
		return openat2(unix.AT_FDCWD, p, &how)
	}
	dir, err := openat2(unix.AT_FDCWD, folder, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC})
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	name := path.Clean(p)
	if plan.Beneath(name) {
		how.Resolve |= unix.RESOLVE_BENEATH
	}
	return openat2(dir, name, &how)
}

// openat2 repeats a call that a signal or a rename elsewhere interrupts, some times.
func openat2(dir int, name string, how *unix.OpenHow) (fd int, err error) {
	for range 64 {
		if fd, err = unix.Openat2(dir, name, how); !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			break
		}
	}
	return fd, err
}

const head = "boxfile tree 1\n"

// entry is what is hashed of something with a name.
func entry(typ byte, st *unix.Stat_t, name, detail string) string {
	return fmt.Sprintf("%c %04o %s\x00%s\x00", typ, st.Mode&0o7777, name, detail)
}

// walker reads a tree with as many hands as there are processors. Directories are
// walked by one; files are read by all.
type walker struct {
	jobs   chan func()
	failed atomic.Pointer[Error] // the first failure
}

// tree is the digest of an open directory, and those of what is at its top.
func tree(fd int, name string) (sum [32]byte, top map[string]string, err error) {
	w := &walker{jobs: make(chan func(), 64)}
	var hands sync.WaitGroup
	for range runtime.NumCPU() {
		hands.Go(func() {
			for job := range w.jobs {
				job()
			}
		})
	}
	sum, names, entries := w.directory(fd, name)
	close(w.jobs)
	hands.Wait()
	if err := w.failed.Load(); err != nil {
		return sum, nil, err
	}
	if len(names) <= mostEntries {
		top = make(map[string]string, len(names))
		for i, n := range names {
			short := plan.SHA256([]byte(entries[i]))
			top[strings.ToValidUTF8(n, "?")] = hex.EncodeToString(short[:8])
		}
	}
	return sum, top, nil
}

// fail keeps the first error; after one, what is left is passed over.
func (w *walker) fail(name string, err error) {
	w.failed.CompareAndSwap(nil, &Error{Path: name, Err: err})
}

// directory is the digest of an open directory, and what it was made of.
func (w *walker) directory(fd int, name string) (sum [32]byte, names, entries []string) {
	before, err := stat(fd)
	if err != nil {
		w.fail(name, err)
		return sum, nil, nil
	}
	if names, err = list(fd); err != nil {
		w.fail(name, err)
		return sum, nil, nil
	}
	entries = make([]string, len(names))
	var files sync.WaitGroup
	for i, n := range names {
		if w.failed.Load() != nil {
			break
		}
		var file *unix.Stat_t
		if entries[i], file = w.entry(fd, n, name+"/"+n); file == nil {
			continue
		}
		files.Add(1)
		w.jobs <- func() {
			defer files.Done()
			if w.failed.Load() == nil {
				entries[i] = w.file(fd, file, n, name+"/"+n)
			}
		}
	}
	files.Wait()
	if now, err := stat(fd); err != nil || !same(before, now) {
		w.fail(name, orChanged(err))
	}
	return plan.SHA256([]byte(head + strings.Join(entries, ""))), names, entries
}

// entry is that of a name in a directory, or what a file is: others read those.
func (w *walker) entry(dir int, name, full string) (text string, file *unix.Stat_t) {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		w.fail(full, err)
		return "", nil
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "", &st
	case unix.S_IFDIR:
		fd, err := openEntry(dir, name, unix.O_DIRECTORY, &st)
		if err != nil {
			w.fail(full, err)
			return "", nil
		}
		defer unix.Close(fd)
		sum, _, _ := w.directory(fd, full)
		return entry('d', &st, name, hex.EncodeToString(sum[:])), nil
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(dir, name, target)
		if err != nil {
			w.fail(full, err)
			return "", nil
		}
		return entry('l', &st, name, string(target[:n])), nil
	case unix.S_IFIFO:
		return entry('p', &st, name, ""), nil
	case unix.S_IFSOCK:
		return entry('s', &st, name, ""), nil
	case unix.S_IFCHR:
		return entry('c', &st, name, numbers(&st)), nil
	case unix.S_IFBLK:
		return entry('b', &st, name, numbers(&st)), nil
	}
	return "", nil
}

func numbers(st *unix.Stat_t) string {
	return fmt.Sprintf("%d:%d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))) //nolint:unconvert // not 64 bits everywhere
}

// file reads a file of a directory.
func (w *walker) file(dir int, st *unix.Stat_t, name, full string) string {
	fd, err := openEntry(dir, name, 0, st)
	if err != nil {
		w.fail(full, err)
		return ""
	}
	defer unix.Close(fd)
	detail, err := content(fd, st)
	if err != nil {
		w.fail(full, err)
	}
	return entry('f', st, name, detail)
}

// openEntry opens what was looked at, and nothing that has taken its name since.
func openEntry(dir int, name string, flags int, st *unix.Stat_t) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(dir, name, flags|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, err
	}
	if now, err := stat(fd); err != nil || !same(st, now) {
		unix.Close(fd)
		return -1, orChanged(err)
	}
	return fd, nil
}

// piece is how much of a file is hashed at a time.
const piece = 1 << 20

// content is the size and the digest of an open file, which must not change meanwhile.
func content(fd int, before *unix.Stat_t) (string, error) {
	var sums []byte
	buf := make([]byte, min(before.Size, piece-1)+1) // one more than there should be, to see a file that grows
	var size int64
	for {
		n, err := fill(fd, buf)
		if err != nil {
			return "", err
		}
		if n == 0 && size > 0 {
			break
		}
		sum := plan.SHA256(buf[:n])
		sums, size = append(sums, sum[:]...), size+int64(n)
		if n < len(buf) || size > before.Size { // a log may grow for ever
			break
		}
	}
	if now, err := stat(fd); err != nil || !same(before, now) || size != before.Size {
		return "", orChanged(err)
	}
	if len(sums) > len([32]byte{}) {
		sum := plan.SHA256(sums)
		sums = sum[:]
	}
	return fmt.Sprintf("%d:%x", size, sums), nil
}

// fill reads until the buffer is full or the file ends.
func fill(fd int, buf []byte) (n int, err error) {
	for n < len(buf) {
		m := 0
		err = again(func() error {
			m, err = unix.Read(fd, buf[n:])
			return err
		})
		if err != nil || m == 0 {
			return n, err
		}
		n += m
	}
	return n, nil
}

// list is the names in a directory, sorted by their bytes.
func list(fd int) ([]string, error) {
	var names []string
	buf := make([]byte, 32<<10)
	for {
		n := 0
		err := again(func() (err error) {
			n, err = unix.ReadDirent(fd, buf)
			return err
		})
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			slices.Sort(names)
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

func stat(fd int) (*unix.Stat_t, error) {
	st := new(unix.Stat_t)
	return st, again(func() error { return unix.Fstat(fd, st) })
}

// same reports whether nothing has happened to a file between two looks: the time of
// the last change of anything about it is the kernel's, and nobody can set it.
func same(a, b *unix.Stat_t) bool {
	return a.Dev == b.Dev && a.Ino == b.Ino && a.Mode == b.Mode && a.Size == b.Size && a.Mtim == b.Mtim && a.Ctim == b.Ctim
}

// orChanged is the error of a look, or that the look has seen something else.
func orChanged(err error) error {
	if err != nil {
		return err
	}
	return ErrChanged
}

// again repeats a call that a signal interrupts.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

package lock

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"golang.org/x/sys/unix"
)

// project is a folder with a small tree, and the plan of a box on it.
func project(t *testing.T) (string, *plan.Plan) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"root/bin", "root/empty", "other"} {
		check(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for name, text := range map[string]string{"root/bin/sh": "a shell", "root/a file\n": "x", "root/nothing": "", "other/x": "outside", "conf": "y"} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	check(t, os.Symlink("../other/x", filepath.Join(dir, "root/link")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "root/pipe"), 0o600))
	p := &plan.Plan{Steps: []plan.Step{&plan.Rootfs{Type: "dir", Source: "./root"}}}
	return dir, p
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digests(t testing.TB, p *plan.Plan, dir string) []string {
	t.Helper()
	list, err := Sources(p, dir)
	check(t, err)
	var out []string
	for _, s := range list {
		out = append(out, s.Digest)
	}
	return out
}

// byTheBook is the digest of a path as the package comment has it, by other means.
func byTheBook(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	check(t, err)
	if !info.IsDir() {
		return fmt.Sprintf("%x", sha256.Sum256([]byte("boxfile tree 1\n"+bookEntry(t, "", path))))
	}
	list, err := os.ReadDir(path)
	check(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	text := "boxfile tree 1\n"
	for _, n := range names {
		text += bookEntry(t, n, path+"/"+n)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

func bookEntry(t *testing.T, name, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	check(t, err)
	st := info.Sys().(*syscall.Stat_t)
	typ, detail := "", ""
	switch info.Mode().Type() {
	case 0:
		data, err := os.ReadFile(path)
		check(t, err)
		typ = "f"
		sum := sha256.Sum256(data)
		if len(data) > 1<<20 {
			var sums []byte
			for part := range slices.Chunk(data, 1<<20) {
				s := sha256.Sum256(part)
				sums = append(sums, s[:]...)
			}
			sum = sha256.Sum256(sums)
		}
		detail = fmt.Sprintf("%d:%x", len(data), sum)
	case fs.ModeDir:
		typ, detail = "d", byTheBook(t, path)
	case fs.ModeSymlink:
		typ = "l"
		detail, err = os.Readlink(path)
		check(t, err)
	case fs.ModeNamedPipe:
		typ = "p"
	case fs.ModeSocket:
		typ = "s"
	case fs.ModeDevice | fs.ModeCharDevice:
		typ, detail = "c", fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	default:
		t.Fatal(info.Mode())
	}
	return fmt.Sprintf("%s %04o %s\x00%s\x00", typ, st.Mode&0o7777, name, detail)
}

func TestTheDigestIsTheDocumentedOne(t *testing.T) {
	dir, p := project(t)
	p.Steps = append(p.Steps, &plan.Mount{Type: "bind", Source: "./conf", Target: "/c", ReadOnly: true})
	for _, size := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 2 << 20, 2<<20 + 5} {
		check(t, os.WriteFile(fmt.Sprintf("%s/root/size-%d", dir, size), []byte(strings.Repeat("0123456789", size)[:size]), 0o600))
	}
	if os.Getuid() == 0 {
		if err := syscall.Mknod(dir+"/root/null", syscall.S_IFCHR|0o666, 0x103); err != nil {
			t.Log("without a device: ", err)
		}
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	check(t, err)
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: dir + "/root/s"}); err != nil {
		t.Log("without a socket: ", err) // the folder's path may be too long
	}
	want := []string{"sha256:" + byTheBook(t, dir+"/root"), "sha256:" + byTheBook(t, dir+"/conf")}
	if got := digests(t, p, dir); !slices.Equal(got, want) {
		t.Errorf("%v, by the book %v", got, want)
	}
}

// What is not in the digest differs between two clones of the same tree.
func TestTheDigestIsOfWhatTheBoxSees(t *testing.T) {
	for name, c := range map[string]struct {
		change func(dir string) error
		same   bool
	}{
		"content":       {func(dir string) error { return os.WriteFile(dir+"/root/bin/sh", []byte("a shelL"), 0o644) }, false},
		"mode":          {func(dir string) error { return os.Chmod(dir+"/root/bin/sh", 0o755) }, false},
		"setuid":        {func(dir string) error { return os.Chmod(dir+"/root/bin/sh", 0o644|os.ModeSetuid) }, false},
		"mode of dir":   {func(dir string) error { return os.Chmod(dir+"/root/empty", 0o700) }, false},
		"new file":      {func(dir string) error { return os.WriteFile(dir+"/root/empty/x", nil, 0o644) }, false},
		"new directory": {func(dir string) error { return os.Mkdir(dir+"/root/empty/x", 0o755) }, false},
		"lost file":     {func(dir string) error { return os.Remove(dir + "/root/nothing") }, false},
		"other name":    {func(dir string) error { return os.Rename(dir+"/root/nothing", dir+"/root/nothinG") }, false},
		"moved":         {func(dir string) error { return os.Rename(dir+"/root/nothing", dir+"/root/empty/nothing") }, false},
		"other type": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/root/nothing"), syscall.Mkfifo(dir+"/root/nothing", 0o644), os.Chmod(dir+"/root/nothing", 0o644))
		}, false},
		"other link": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/root/link"), os.Symlink("../other/y", dir+"/root/link"))
		}, false},
		"behind a link":    {func(dir string) error { return os.WriteFile(dir+"/other/x", []byte("changed"), 0o644) }, true},
		"time":             {func(dir string) error { return os.Chtimes(dir+"/root/bin/sh", time.Unix(1, 0), time.Unix(1, 0)) }, true},
		"written again":    {func(dir string) error { return os.WriteFile(dir+"/root/bin/sh", []byte("a shell"), 0o644) }, true},
		"copied elsewhere": {func(dir string) error { return os.Rename(dir+"/root", dir+"/gone") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, p := project(t)
			before := digests(t, p, dir)
			check(t, c.change(dir))
			if name == "copied elsewhere" {
				p.Steps[0].(*plan.Rootfs).Source = "./gone"
			}
			if after := digests(t, p, dir); slices.Equal(before, after) != c.same {
				t.Errorf("%v, then %v", before, after)
			}
		})
	}
}

// Which of the things at the top of a tree has changed is told, unless they are very many.
func TestWhatIsAtTheTopIsToldApart(t *testing.T) {
	dir, p := project(t)
	look := func() map[string]string {
		list, err := Sources(p, dir)
		check(t, err)
		return list[0].Entries
	}
	before := look()
	check(t, os.WriteFile(dir+"/root/bin/sh", []byte("another"), 0o644))
	after := look()
	for _, name := range []string{"bin", "empty", "a file\n", "nothing", "link", "pipe"} {
		if before[name] == "" || (before[name] == after[name]) != (name != "bin") {
			t.Errorf("%s was %s and is %s", name, before[name], after[name])
		}
	}
	for i := range mostEntries {
		check(t, os.WriteFile(fmt.Sprintf("%s/root/%d", dir, i), nil, 0o644))
	}
	if many := look(); many != nil {
		t.Errorf("%d things are told apart", len(many))
	}
}

// What enters and can be changed by the box, or is the project's own, is not locked.
func TestWhatIsLocked(t *testing.T) {
	dir, _ := project(t)
	p := &plan.Plan{Steps: []plan.Step{
		&plan.CreateSource{Path: "./made", Type: "file"},
		&plan.Rootfs{Type: "tmpfs"},
		&plan.System{Path: "/usr"},
		&plan.Mount{Type: "overlay", Target: "/o", Lower: []string{"./root", dir + "/other"}, Write: "keep", Keep: "./kept"},
		&plan.Mount{Type: "bind", Source: "./conf", Target: "/1", ReadOnly: true},
		&plan.Mount{Type: "bind", Source: "./conf", Target: "/2"},
		&plan.Mount{Type: "bind", Source: "./root", Target: "/3", ReadOnly: true},
		&plan.Mount{Type: "bind", Source: "./root/pipe", Target: "/4", ReadOnly: true},
		&plan.Mount{Type: "bind", Source: "./root/link/../../conf", Target: "/5", ReadOnly: true, Optional: true},
		&plan.Mount{Type: "bind", Source: "./no", Target: "/6", ReadOnly: true, Optional: true},
		&plan.Mount{Type: "bind", Source: "./made", Target: "/7", ReadOnly: true},
		&plan.Mount{Type: "bind", Source: "/dev/null", Target: "/8", ReadOnly: true},
	}}
	list, err := Sources(p, dir)
	check(t, err)
	var got []string
	for _, s := range list {
		got = append(got, fmt.Sprintf("%d %s %s", s.Step, s.Use, strings.ReplaceAll(s.Path, dir, "DIR")))
	}
	want := []string{"3 layer ./root", "3 layer DIR/other", "4 file ./conf", "8 file ./root/link/../../conf"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// Guards CVE-2024-42472: a link in the Boxfile's folder, put there by an earlier box,
// does not lead out of it; nor does a magic link.
func TestSourcesAreOpenedAsTheRunDoes(t *testing.T) {
	dir, p := project(t)
	check(t, os.Symlink("/etc", dir+"/out"))
	for source, want := range map[string]error{"./out": unix.EXDEV, "./no": unix.ENOENT, "/proc/self/cwd": unix.ELOOP, "./root/pipe": nil} {
		p.Steps[0].(*plan.Rootfs).Source = source
		_, err := Sources(p, dir)
		var e *Error
		if !errors.As(err, &e) || e.Path != source || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", source, err, want)
		}
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root can read everything")
	}
	dir, p := project(t)
	check(t, os.Chmod(dir+"/root/bin/sh", 0))
	_, err := Sources(p, dir)
	var e *Error
	if !errors.As(err, &e) || e.Path != "./root/bin/sh" || !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

// A file that is written to, or exchanged, between two looks is an error.
func TestAChangeMeanwhileIsSeen(t *testing.T) {
	dir, _ := project(t)
	at, err := unix.Open(dir+"/root", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	check(t, err)
	defer unix.Close(at)
	look := func(name string) *unix.Stat_t {
		var st unix.Stat_t
		check(t, unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW))
		return &st
	}
	st := look("bin/sh")
	fd, err := openEntry(at, "bin/sh", 0, st)
	check(t, err)
	defer unix.Close(fd)
	if _, err := content(fd, st); err != nil {
		t.Error(err)
	}
	check(t, os.WriteFile(dir+"/root/bin/sh", []byte("a longer shell"), 0o644))
	_, err = unix.Seek(fd, 0, 0)
	check(t, err)
	if _, err := content(fd, st); !errors.Is(err, ErrChanged) {
		t.Errorf("written to: %v", err)
	}
	st = look("nothing")
	other := dir + "/root/other" // made while the first is there, whose number and time it could have otherwise
	check(t, errors.Join(os.WriteFile(other, nil, 0o644), os.Rename(other, dir+"/root/nothing")))
	if _, err := openEntry(at, "nothing", 0, st); !errors.Is(err, ErrChanged) {
		t.Errorf("exchanged: %v", err)
	}
	st = look("bin/sh")
	check(t, errors.Join(os.Remove(dir+"/root/bin/sh"), os.Symlink("/etc/passwd", dir+"/root/bin/sh")))
	if _, err := openEntry(at, "bin/sh", 0, st); !errors.Is(err, unix.ELOOP) {
		t.Errorf("exchanged for a link: %v", err)
	}
}

// A wide and deep tree needs few descriptors, and all hands read the same digest.
func TestALargeTree(t *testing.T) {
	dir, p := project(t)
	deep := dir + "/root"
	for range 100 {
		deep += "/d"
	}
	check(t, os.MkdirAll(deep, 0o755))
	for i := range 2000 {
		check(t, os.WriteFile(fmt.Sprintf("%s/root/bin/%d", dir, i), []byte(fmt.Sprint(i)), 0o644))
	}
	want := digests(t, p, dir)
	if book := "sha256:" + byTheBook(t, dir+"/root"); want[0] != book {
		t.Errorf("%s, by the book %s", want[0], book)
	}
	var old, few unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	few = old
	few.Cur = 200
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	for range 5 {
		if got := digests(t, p, dir); !slices.Equal(got, want) {
			t.Fatalf("%v, then %v", want, got)
		}
	}
}

package host

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoNamespace means that something else stands at a path.
var ErrNoNamespace = errors.New("it is not a namespace")

// OpenNamespace opens a namespace by its path, relative to folder unless it is
// absolute. No link leads out of the folder, and none of /proc is followed but the
// last part of a path there. What is not a namespace is never opened, only looked
// at: a FIFO would hold boxfile up, and a device could act.
func OpenNamespace(folder, path string) (fd int, err error) {
	dir, err := openParent(folder, path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	name := filepath.Base(path)
	at, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { unix.Close(at) }()
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if !on(dir, unix.PROC_SUPER_MAGIC) {
			return -1, unix.ELOOP
		}
		to, err := unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		unix.Close(at)
		at = to
	}
	if !on(at, unix.NSFS_MAGIC) {
		return -1, ErrNoNamespace
	}
	return unix.Open(fmt.Sprintf("/proc/self/fd/%d", at), unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

func openParent(folder, path string) (int, error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	if filepath.IsAbs(path) {
		return unix.Openat2(unix.AT_FDCWD, filepath.Dir(path), how)
	}
	from, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(from)
	dir := filepath.Dir(path)
	if dir != ".." && !strings.HasPrefix(dir, "../") {
		how.Resolve |= unix.RESOLVE_BENEATH
	}
	return unix.Openat2(from, dir, how)
}

// on reports whether a descriptor is on a type of file system.
func on(fd int, magic int64) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Type == magic
}

// NamespaceType is the CLONE_NEW* of an open namespace.
func NamespaceType(fd int) (uint64, error) {
	n, err := ioctl(fd, unix.NS_GET_NSTYPE)
	return uint64(n), err
}

// ioctl is one whose result is its answer, ioctl_nsfs(2).
func ioctl(fd int, request uintptr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// namespaces looks at those that a plan joins.
func (f *Facts) namespaces(n *Needs) {
	user := uint64(0) // the inode of the user namespace that is joined
	for _, p := range n.Namespaces {
		if fd, err := OpenNamespace(n.Folder, p); err == nil {
			if typ, err := NamespaceType(fd); err == nil && typ == unix.CLONE_NEWUSER {
				user = inode(fd)
			}
			unix.Close(fd)
		}
	}
	f.Namespaces = make(map[string]Namespace, len(n.Namespaces))
	for _, p := range n.Namespaces {
		f.Namespaces[p] = f.namespace(n.Folder, p, user)
	}
}

func (f *Facts) namespace(folder, path string, user uint64) Namespace {
	fd, err := OpenNamespace(folder, path)
	if err != nil {
		return Namespace{Err: err}
	}
	defer unix.Close(fd)
	typ, err := NamespaceType(fd)
	if err != nil {
		return Namespace{Err: err}
	}
	if typ == unix.CLONE_NEWUSER {
		var own unix.Stat_t
		err := unix.Stat("/proc/self/ns/user", &own)
		return Namespace{Type: typ, Own: err == nil && own.Ino == inode(fd)}
	}
	return Namespace{Type: typ, Below: user != 0 && belongs(fd, user)}
}

// belongs reports whether a namespace is owned by a user namespace or by one below it.
func belongs(fd int, user uint64) bool {
	owner, err := ioctl(fd, unix.NS_GET_USERNS)
	for err == nil {
		if inode(owner) == user {
			unix.Close(owner)
			return true
		}
		above, failed := ioctl(owner, unix.NS_GET_PARENT)
		unix.Close(owner)
		owner, err = above, failed
	}
	return false // as far as the caller may know
}

func inode(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}

//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// noFollow has open(2) refuse a symbolic link.
const noFollow = syscall.O_NOFOLLOW

// keepOwner gives a new file the owner of another. Where the caller may not, that is an error.
func keepOwner(f *os.File, like fs.FileInfo) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if now, ok := info.Sys().(*syscall.Stat_t); ok && now.Uid == st.Uid && now.Gid == st.Gid {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

// hardLinks is how many names a file has.
func hardLinks(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // 16 or 32 bits elsewhere
	}
	return 1
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceFile gives a file another text, all of it or nothing: a new file takes its place,
// with its mode and its owner. The file must still hold the old text, under a name of its own.
// A program that writes to the file between that look and the rename loses what it wrote.
func replaceFile(name string, old, text []byte) error {
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return cannotReplace(name, err)
	}
	defer folder.Close() //nolint:errcheck // it was only looked into
	base := filepath.Base(name)
	info, err := unchanged(folder, name, base, old)
	if err != nil {
		return err
	}
	temp, err := writeBeside(folder, base, info, text)
	if err != nil {
		return cannotReplace(name, err)
	}
	if _, err = unchanged(folder, name, base, old); err == nil {
		if err = folder.Rename(temp, base); err == nil {
			return nil
		}
		err = cannotReplace(name, err)
	}
	if undo := folder.Remove(temp); undo != nil {
		return &problem{at: name, text: "cannot replace it", detail: err.Error(), undo: undo}
	}
	return err
}

// unchanged looks at the file that is to be replaced.
func unchanged(folder *os.Root, name, base string, old []byte) (fs.FileInfo, error) {
	info, err := folder.Lstat(base)
	switch {
	case err != nil:
		return nil, cannotReplace(name, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &problem{at: name, text: "is a symbolic link, which a new file would take the place of", fix: "name the file that it leads to"}
	case !info.Mode().IsRegular():
		return nil, notRegular(name, info.Mode())
	case hardLinks(info) > 1:
		return nil, &problem{at: name, text: "has more than one name; the others would keep the old text", fix: "boxfile fmt FILE, and put its text where it belongs"}
	}
	f, err := folder.Open(base)
	if err != nil {
		return nil, cannotReplace(name, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	now, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, cannotReplace(name, err)
	}
	if !bytes.Equal(now, old) {
		return nil, &problem{at: name, text: "has changed meanwhile; nothing was written", fix: "try again"}
	}
	return info, nil
}

// writeBeside makes the new file, under a name of its own.
func writeBeside(folder *os.Root, base string, like fs.FileInfo, text []byte) (temp string, err error) {
	temp = "." + base + ".boxfile-fmt"
	f, err := folder.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = complete(f, text, func() error { return errors.Join(keepOwner(f, like), f.Chmod(like.Mode().Perm())) })
	if err != nil {
		return "", errors.Join(err, folder.Remove(temp))
	}
	return temp, nil
}

// writeFile gives a file that boxfile makes its text, all of it or nothing. A link of
// that name, which a box may have put there, is replaced and not followed.
func writeFile(name string, text []byte) error {
	f, err := createBeside(name)
	if err != nil {
		return err
	}
	err = complete(f, text, func() error { return nil })
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// createBeside makes a new file in the folder of another, with the mode that the umask
// leaves. What a boxfile that was killed has left there does not stop it.
func createBeside(name string) (*os.File, error) {
	for n := 0; ; n++ {
		temp := fmt.Sprintf(".%s.boxfile-%d-%d", filepath.Base(name), os.Getpid(), n)
		f, err := os.OpenFile(filepath.Join(filepath.Dir(name), temp), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) || n == 100 {
			return f, err
		}
	}
}

// complete writes and closes a new file, which is whole and on the disk before it takes
// the place of another.
func complete(f *os.File, text []byte, mode func() error) error {
	_, err := f.Write(text)
	return errors.Join(err, mode(), f.Sync(), f.Close())
}

func cannotReplace(name string, err error) error {
	p := &problem{at: name, text: "cannot replace it: " + reason(err)}
	if errors.Is(err, fs.ErrExist) {
		p.fix = "remove ." + filepath.Base(name) + ".boxfile-fmt, which another boxfile fmt left or still writes"
	}
	return &unreadable{*p, err}
}

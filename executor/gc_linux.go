package executor

import (
	"io/fs"
	"path/filepath"

	"github.com/boxfile/boxfile/executor/internal/cgroup"
)

// GC removes what boxes have left behind whose boxfile was killed: empty cgroups
// that no living process has made. It returns their paths; what the caller may
// not remove, or what is in use, stays.
func GC() ([]string, error) {
	mounts, err := cgroup.Mounts()
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, m := range mounts {
		_ = filepath.WalkDir(m, func(dir string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == cgroup.Folder {
				gone = append(gone, cgroup.SweepAll(filepath.Dir(dir))...)
				return filepath.SkipDir
			}
			return nil // a cgroup that is gone by now, or not the caller's to look into
		})
	}
	return gone, nil
}

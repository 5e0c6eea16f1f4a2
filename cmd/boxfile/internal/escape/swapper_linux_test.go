//go:build linux

package escape

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// swap exchanges two names of the host, over and over, until it is stopped: a
// directory and a symlink, so that a name means one at one look and the other at the next.
func (x *trial) swap(a, b string) (stop func()) {
	var ended atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for !ended.Load() {
			if err := unix.Renameat2(unix.AT_FDCWD, x.path(a), unix.AT_FDCWD, x.path(b), unix.RENAME_EXCHANGE); err != nil {
				x.fail("the swapper cannot swap: %v", err)
				return
			}
			time.Sleep(time.Microsecond) // some 50 in effect: names stay as they are for far less than a start takes
		}
	})
	return func() {
		ended.Store(true)
		done.Wait()
	}
}

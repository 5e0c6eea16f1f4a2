//go:build linux

package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Kill ends every process of the cgroup, and returns once none is left: at once on
// v2, from 5.14 on, elsewhere one by one. Those who fork faster than that can fork no
// more after some rounds, not sooner: the kernel would count what it refuses them.
func (g *Group) Kill() error {
	err := write(g.FD, "cgroup.kill", "1")
	atOnce := err == nil
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	for n := range kills {
		if n == killsFree && !atOnce {
			_ = write(g.FD, "pids.max", "0") // where its controller is here; another round ends them as well
		}
		procs, err := g.Read(Leaf + "/cgroup.procs")
		if err != nil {
			return err
		}
		left := false
		for _, p := range strings.Fields(procs) {
			pid := 0
			if _, err := fmt.Sscan(p, &pid); err != nil || pid == 0 || over(p) {
				continue
			}
			left = true
			if !atOnce {
				_ = unix.Kill(pid, unix.SIGKILL) // gone already, or again in the next round
			}
		}
		if !left {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return &Error{"kill", g.Dir, "", unix.EBUSY}
}

// over reports whether a process only waits to be collected: v1 lists it until then.
func over(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

const (
	kills     = 10_000 // rounds of Kill, some milliseconds each
	killsFree = 10     // of them without a bound on forks
)

// Remove takes the cgroup away with all that Make did for it. It is empty by
// then, or its processes are killed.
func (g *Group) Remove() error {
	err := remove(path.Join(g.Dir, Leaf)) // which is what is there, in most cases
	if err == nil {
		err = remove(g.Dir)
	}
	if errors.Is(err, unix.EBUSY) && g.FD >= 0 {
		if kill := g.Kill(); kill != nil {
			return kill
		}
		err = remove(g.Dir)
	}
	if g.FD >= 0 {
		unix.Close(g.FD)
		g.FD = -1
	}
	if err != nil {
		return err
	}
	return g.comeBack()
}

// comeBack undoes what Make did besides the cgroup itself, unless another box needs it.
func (g *Group) comeBack() error {
	p := &g.place
	above := path.Join(p.Parent, Folder)
	off := func(dir string, controllers []string) {
		if len(controllers) > 0 {
			_ = write(unix.AT_FDCWD, dir+"/cgroup.subtree_control", "-"+strings.Join(controllers, " -")) // in use
		}
	}
	if g.supervisor != "" {
		off(above, p.Controllers)
		off(p.Parent, p.Missing)
		if err := write(unix.AT_FDCWD, p.Parent+"/cgroup.procs", "0"); err != nil {
			return nil //nolint:nilerr // another box is in there: what is left is removed with the scope, or by gc
		}
		if err := remove(g.supervisor); err != nil {
			return err
		}
		g.supervisor = ""
	}
	switchedOn := noted(above)
	if err := unix.Rmdir(above); err != nil {
		return nil //nolint:nilerr // another box has it
	}
	if !p.Leave {
		off(p.Parent, switchedOn)
	}
	return nil
}

// missing are those of the controllers that the children of a cgroup do not have.
func missing(dir string, controllers []string) []string {
	b, _ := os.ReadFile(dir + "/cgroup.subtree_control") // gone: the next call says so
	have := strings.Fields(string(b))
	return slices.DeleteFunc(slices.Clone(controllers), func(c string) bool { return slices.Contains(have, c) })
}

// switched is the attribute of the cgroup boxfile in which boxes note what they
// switched on above it, for the last of them to switch off. cgroups have such from 5.7 on.
const switched = "user.boxfile.controllers"

func note(above string, controllers []string) {
	if len(controllers) == 0 {
		return
	}
	all := append(noted(above), controllers...)
	slices.Sort(all)
	_ = unix.Setxattr(above, switched, []byte(strings.Join(slices.Compact(all), " ")), 0) // then they stay on
}

func noted(above string) []string {
	var buf [256]byte
	n, err := unix.Getxattr(above, switched, buf[:])
	if err != nil {
		return nil
	}
	return strings.Fields(string(buf[:n]))
}

// remove removes a cgroup and those below it, none of which has processes any
// more. For a moment after its last process has ended the kernel may still say that it is busy.
func remove(dir string) error {
	wait := 50 * time.Microsecond
	for {
		err := unix.Rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || wait > time.Second/4 {
			return &Error{"rmdir", dir, "", err}
		}
		if below := children(dir); len(below) > 0 {
			for _, d := range below {
				if err := remove(d); err != nil {
					return err
				}
			}
			continue
		}
		time.Sleep(wait)
		wait *= 2
	}
}

// children are the cgroups right below one.
func children(dir string) []string {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range list {
		if e.IsDir() {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out
}

// Sweep removes cgroups below Parent that nobody uses: they are empty, and
// whoever made them is gone. It returns their paths.
func Sweep(parent string) []string {
	var gone []string
	for _, dir := range children(path.Join(parent, Folder)) {
		if hasID(dir) && sweepOne(dir) {
			gone = append(gone, dir)
		}
	}
	return gone
}

// hasID reports whether a name ends as those do that Make gives.
func hasID(dir string) bool {
	id := dir[strings.LastIndexByte(dir, '-')+1:]
	return len(id) == 2*idBytes && strings.Trim(id, "0123456789abcdef") == ""
}

func sweepOne(dir string) bool {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false
	}
	_ = (&Group{FD: fd, Dir: dir}).Kill() // of a box that has lost its process 1 as well and shares its pid namespace; elsewhere nobody is there
	return removeTree(dir)
}

// removeTree removes a cgroup with those below it, unless one has processes.
func removeTree(dir string) bool {
	for _, d := range children(dir) {
		if !removeTree(d) {
			return false
		}
	}
	return unix.Rmdir(dir) == nil
}

// SweepAll does what Sweep does, and removes Parent/boxfile too if nothing is in it then.
func SweepAll(parent string) []string {
	gone := Sweep(parent)
	if above := path.Join(parent, Folder); unix.Rmdir(above) == nil {
		gone = append(gone, above)
	}
	return gone
}

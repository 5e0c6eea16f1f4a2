//go:build linux

// Command bench measures what a box costs to start, beside bubblewrap and what
// else is installed: the same job, in one run, in turns, so that a busy machine
// is busy for all of them. It then compares ways to publish a port in the same
// manner, and what a terminal of a box's own costs beside script(1). It prints tables and belongs to "make bench".
//
// Time is taken around fork, exec and wait, without os/exec and its goroutines.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

type options struct {
	boxfile string
	rounds  int
	gap     time.Duration
	starts  int
	user    string
	only    string
	ports   int
	span    time.Duration
	idle    int
	ttys    int
}

// What else may be left out.
const (
	onlyStart = "start"
	onlyPorts = "ports"
	onlyTTY   = "tty"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == serveWord {
		end(serve(os.Args[2]))
		return
	}
	var o options
	flag.StringVar(&o.boxfile, "boxfile", "bin/boxfile", "the program to measure")
	flag.IntVar(&o.rounds, "n", 200, "rounds; each starts every command once")
	flag.DurationVar(&o.gap, "gap", 5*time.Millisecond, "wait between starts, so that none pays for the last one's end")
	flag.IntVar(&o.starts, "starts", 400, "starts to count throughput over; 0: leave it out")
	flag.StringVar(&o.user, "user", "", "become this user first")
	flag.StringVar(&o.only, "only", "", "leave out all but "+onlyStart+", "+onlyPorts+" or "+onlyTTY)
	flag.IntVar(&o.ports, "ports", 5, "rounds of published ports; 0: leave them out")
	flag.IntVar(&o.ttys, "ttys", 5, "rounds of terminals; 0: leave them out")
	flag.DurationVar(&o.span, "span", time.Second, "how long each of their measurements takes")
	flag.IntVar(&o.idle, "idle", 10000, "idle connections to count memory with, as far as descriptors allow; 0: leave it out")
	flag.Parse()
	end(run(o))
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	switch o.only {
	case "", onlyStart, onlyPorts, onlyTTY:
	default:
		return fmt.Errorf("-only %s: it is %s, %s or %s", o.only, onlyStart, onlyPorts, onlyTTY)
	}
	if o.user != "" && os.Getuid() == 0 {
		return again(o)
	}
	if hybrid() {
		return withoutUnified()
	}
	dir, err := os.MkdirTemp("", "boxfile-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	// As installed: what the linker has written page by page starts slower than a copy.
	boxfile := filepath.Join(dir, "boxfile")
	if err := copyProgram(o.boxfile, boxfile); err != nil {
		return err
	}
	commands, err := lay(dir, boxfile)
	if err != nil {
		return err
	}
	fmt.Printf("%d cores, kernel %s, uid %d\n", runtime.NumCPU(), release(), os.Getuid())
	wanted := func(what string) bool { return o.only == "" || o.only == what }
	if wanted(onlyStart) {
		starts(o, commands, dir, boxfile)
	}
	if wanted(onlyPorts) && o.ports > 0 {
		if err := ports(o, dir, boxfile); err != nil {
			return err
		}
	}
	if wanted(onlyTTY) && o.ttys > 0 {
		return ttys(o, dir, boxfile)
	}
	return nil
}

// starts measures what boxes cost to start.
func starts(o options, commands []command, dir, boxfile string) {
	able, absent := try(commands)
	fmt.Printf("\nstart-up: %d rounds in turns, %v apart\n\n", o.rounds, o.gap)
	report(able, measure(able, o.rounds, o.gap))
	if o.starts > 0 {
		fmt.Printf("\nthroughput, %d starts, %d at a time\n", o.starts, runtime.NumCPU())
		for _, c := range able {
			if c.once {
				continue
			}
			fmt.Printf("  %-14s %7.0f boxes/s\n", c.name, throughput(c, o.starts, runtime.NumCPU()))
		}
	}
	if rss, err := waiting(dir, boxfile); err == nil {
		fmt.Printf("\nboxfile while its box runs: %.1f MiB resident\n", rss)
	} else {
		fmt.Printf("\nboxfile while its box runs: %v\n", err)
	}
	for _, a := range absent {
		fmt.Println("not measured:", a)
	}
}

// again runs this program as another user: a copy of it and of boxfile, in a
// folder that every user may enter.
func again(o options) error {
	u, err := user.Lookup(o.user)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "boxfile-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for from, to := range map[string]string{"/proc/self/exe": "bench", o.boxfile: "boxfile"} {
		if err := copyProgram(from, filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	args := []string{filepath.Join(dir, "bench"), "-boxfile", filepath.Join(dir, "boxfile")}
	flag.Visit(func(f *flag.Flag) {
		if f.Name != "boxfile" && f.Name != "user" {
			args = append(args, "-"+f.Name+"="+f.Value.String())
		}
	})
	runtime.LockOSThread() // its mounts are the child's
	if err := openTun(dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err) // some ways to publish a port are not measured then
	}
	pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Dir: dir, Files: []uintptr{0, 1, 2},
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + u.HomeDir, "USER=" + o.user},
		Sys: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}},
	})
	if err != nil {
		return err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if status.ExitStatus() != 0 {
		return fmt.Errorf("as %s: exit %d", o.user, status.ExitStatus())
	}
	return nil
}

const unified = "/sys/fs/cgroup/unified"

// hybrid says whether this is root on a machine with both versions of cgroups,
// where some releases of crun refuse to run.
func hybrid() bool {
	b, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && os.Getuid() == 0 && bytes.Contains(b, []byte(" "+unified+" "))
}

// withoutUnified runs this program where the version 2 is not mounted, for all alike.
func withoutUnified() error {
	runtime.LockOSThread() // what follows is this thread's, and its child's
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_SLAVE, ""); err != nil {
		return err
	}
	if err := syscall.Unmount(unified, 0); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}

func copyProgram(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func release() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return string(b[:len(b)-1])
}

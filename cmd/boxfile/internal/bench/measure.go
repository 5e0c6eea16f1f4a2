//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sample is one start.
type sample struct {
	wall time.Duration
	cpu  time.Duration
}

// start forks and executes a command with its output going nowhere.
func start(c command, trace bool) (int, error) {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(null)
	fd := uintptr(null)
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = strings.ReplaceAll(a, "@", strconv.FormatInt(time.Now().UnixNano(), 36))
	}
	return syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{fd, fd, fd}, Sys: &syscall.SysProcAttr{Ptrace: trace},
	})
}

func once(c command) (sample, error) {
	var status syscall.WaitStatus
	var used syscall.Rusage
	begin := time.Now()
	pid, err := start(c, false)
	if err != nil {
		return sample{}, err
	}
	for {
		_, err = syscall.Wait4(pid, &status, 0, &used)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	s := sample{wall: time.Since(begin), cpu: time.Duration(used.Utime.Nano() + used.Stime.Nano())}
	if err == nil && status.ExitStatus() != 0 {
		err = fmt.Errorf("exit %d", status.ExitStatus())
	}
	return s, err
}

// try runs each command a few times, and leaves out those that cannot do the job here.
func try(commands []command) (able []command, absent []string) {
	for _, c := range commands {
		var err error
		for range 5 {
			if _, e := once(c); e != nil {
				err = e
			}
		}
		if err != nil {
			absent = append(absent, fmt.Sprintf("%s: %v: %s", c.name, err, firstWords(c)))
			continue
		}
		able = append(able, c)
	}
	return able, absent
}

// firstWords is the first line of what a command that fails has to say.
func firstWords(c command) string {
	out, _ := exec.Command(c.args[0], c.args[1:]...).CombinedOutput() // it fails: that is why it is asked
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// measure starts every command once a round, each round beginning with another one.
func measure(commands []command, rounds int, gap time.Duration) [][]sample {
	samples := make([][]sample, len(commands))
	for r := range rounds {
		for k := range commands {
			i := (r + k) % len(commands)
			time.Sleep(gap)
			s, err := once(commands[i])
			if err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s failed in round %d: %v\n", commands[i].name, r, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	return samples
}

func report(commands []command, samples [][]sample) {
	base := 0 // ratios are to bwrap where it is there
	for i, c := range commands {
		if c.name == "bwrap" {
			base = i
		}
	}
	fmt.Printf("%-14s %8s %8s %8s %8s %9s %16s\n", "start-up", "median", "min", "p90", "cpu", "peak", "of "+commands[base].name)
	for i, c := range commands {
		wall, cpu, ratio := make([]float64, 0), make([]float64, 0), make([]float64, 0)
		for r, s := range samples[i] {
			wall = append(wall, ms(s.wall))
			cpu = append(cpu, ms(s.cpu))
			ratio = append(ratio, ms(s.wall)/ms(samples[base][r].wall))
		}
		fmt.Printf("%-14s %5.2f ms %5.2f ms %5.2f ms %5.2f ms %5.1f MiB %6.3f (%.2f-%.2f)\n", c.name,
			quantile(wall, .5), quantile(wall, 0), quantile(wall, .9), quantile(cpu, .5), peak(c),
			quantile(ratio, .5), quantile(ratio, .25), quantile(ratio, .75))
	}
	fmt.Println("peak: the most memory of the tool's own process; ratios: median and quartiles over rounds")
	for i, c := range commands {
		for j, with := range commands {
			if with.name == c.name+withLimits && !c.once { // the engines make cgroups either way
				fmt.Printf("%s with limits of memory and pids: %.3f of a start without\n", c.name, quantile(ratios(samples[j], samples[i]), .5))
			}
			if with.name == c.name+withPort {
				fmt.Printf("%s with a published port: %+.2f ms, the median of differences\n", c.name, quantile(differences(samples[j], samples[i]), .5))
			}
		}
	}
}

func ratios(of, to []sample) []float64 {
	out := make([]float64, len(of))
	for i := range of {
		out[i] = ms(of[i].wall) / ms(to[i].wall)
	}
	return out
}

func differences(of, to []sample) []float64 {
	out := make([]float64, len(of))
	for i := range of {
		out[i] = ms(of[i].wall - to[i].wall)
	}
	return out
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func quantile(values []float64, q float64) float64 {
	v := append([]float64(nil), values...)
	sort.Float64s(v)
	return v[int(q*float64(len(v)-1))]
}

// throughput is how many starts a second some workers reach.
func throughput(c command, starts, workers int) float64 {
	begin := time.Now()
	for begun, live := 0, 0; begun < starts || live > 0; {
		for ; live < workers && begun < starts; begun, live = begun+1, live+1 {
			if _, err := start(c, false); err != nil {
				return 0
			}
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == nil {
			live--
		}
	}
	return float64(starts) / time.Since(begin).Seconds()
}

// peak is the most memory that the process itself held, in MiB. It is read in
// the moment before the process ends, because wait4's figure begins with the
// memory of the one who forked, which here is a Go program.
func peak(c command) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, err := start(c, true)
	if err != nil {
		return 0
	}
	most := 0.0
	for first := true; ; first = false {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, syscall.WALL, nil); err != nil || status.Exited() || status.Signaled() {
			return most
		}
		signal := 0
		switch {
		case first:
			syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACEEXIT) //nolint:errcheck // then the figure is 0
		case status.TrapCause() == syscall.PTRACE_EVENT_EXIT:
			most, _ = memory(pid, "VmHWM:")
		case status.StopSignal() != syscall.SIGTRAP:
			signal = int(status.StopSignal())
		}
		syscall.PtraceCont(pid, signal) //nolint:errcheck // then the next wait says so
	}
}

// memory is a line of /proc/PID/status, in MiB.
func memory(pid int, line string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), line)
	if !ok {
		return 0, fmt.Errorf("/proc/%d/status has no %s", pid, line)
	}
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kib / 1024, err
}

// waiting is the memory of boxfile while its box runs, in MiB.
func waiting(dir, boxfile string) (float64, error) {
	c := command{name: "waiting", args: []string{boxfile, "up", filepath.Join(dir, "bench.yaml"), "--", "/bin/sleep", "1"}}
	pid, err := start(c, false)
	if err != nil {
		return 0, err
	}
	time.Sleep(500 * time.Millisecond)
	rss, err := memory(pid, "VmRSS:")
	var status syscall.WaitStatus
	if _, waitErr := syscall.Wait4(pid, &status, 0, nil); waitErr != nil {
		return 0, waitErr
	}
	if status.ExitStatus() != 0 {
		return 0, fmt.Errorf("exit %d", status.ExitStatus())
	}
	return rss, err
}

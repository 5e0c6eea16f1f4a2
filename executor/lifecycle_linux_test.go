package executor_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor"
	"golang.org/x/sys/unix"
)

// fewOrphans are made however slow the machine is.
const fewOrphans = 50

// Whoever ends is collected, ten thousand orphans as well, and the command's own status is kept.
func TestZombiesAreCollected(t *testing.T) {
	const n = 10000
	each(t, func(t *testing.T, b *box) {
		r := b.run(fullPlan(t, "zombies", strconv.Itoa(n), b.budget().String()).plan())
		var made, left int
		if _, err := fmt.Sscanf(r.stdout, "made %d\nleft %d", &made, &left); err != nil || left != 0 || made < fewOrphans || r.code != 7 {
			t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
		}
		if made < n {
			t.Logf("this machine made %d of %d orphans in time", made, n)
		}
	})
}

// budget is how long a test goes on that could go on for ever: long for root
// alone, because all tests run as both users, on several builds and machines.
func (b *box) budget() time.Duration {
	if os.Getuid() != 0 || b.user != nil || testing.Short() {
		return time.Second / 2
	}
	return 4 * time.Second
}

// With init: false the command is process 1, and what it does not collect stays a
// zombie; but none outlives the box.
func TestZombiesWithoutInit(t *testing.T) {
	b := newBox(t)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	b.stdin = in
	l := b.start(withInit(t, false, "family"), false)
	l.says("ready")
	l.says("ready")
	box := l.members()
	waitFor(t, "a zombie", func() bool {
		for _, p := range box {
			if stateOf(p.pid) == "Z" {
				return true
			}
		}
		return false
	})
	l.send(syscall.SIGKILL)
	_ = l.cmd.Wait()
	waitFor(t, "the end of the box", func() bool { return living(box) == 0 })
}

// No descendant lives on when the command has ended: neither a daemon with a
// session of its own, nor an orphan, nor one that ignores every signal it may. Each
// lives until then, and has ended when boxfile ends: nothing has to be waited for.
func TestStatusComesWhenAllIsOver(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for _, init := range []bool{true, false} {
			in, out, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			b.stdin = in
			l := b.start(withInit(t, init, "family"), false)
			in.Close()
			l.says("ready")
			l.says("ready")
			box := l.members()
			boxfile, ends := endsOf(t, []member{{pid: l.cmd.Process.Pid}}), endsOf(t, box)
			if n := living(box); n < 3 { // the command, the daemon and the orphan
				t.Fatalf("%d of %d processes live", n, len(box))
			}
			out.Close() // which ends the command
			for n := 0; n == 0; {
				if n, err = unix.Poll(boxfile, -1); err != nil && !errors.Is(err, unix.EINTR) {
					t.Fatal(err)
				}
			}
			if n, err := unix.Poll(ends, 0); n != len(ends) || err != nil {
				t.Errorf("init %v: %d of %d processes outlive boxfile: %v", init, len(ends)-n, len(ends), err)
			}
			l.ends(3, box)
		}
	})
}

// endsOf is a descriptor for each process that there is, which can be read once it has ended.
func endsOf(t *testing.T, list []member) (ends []unix.PollFd) {
	t.Helper()
	for _, m := range list {
		fd, err := unix.PidfdOpen(m.pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		ends = append(ends, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	return ends
}

// The box dies with the thread that made it (golang/go#27505) and never before
// boxfile does, however many threads come and go, and never survives boxfile.
func TestSignalOfAThreadsEndIsNotTheBoxs(t *testing.T) {
	first := newBox(t)
	for i, end := 0, time.Now().Add(first.budget()); i < 6 || i < 100 && time.Now().Before(end); i++ {
		b := newBox(t)
		b.env = []string{"BOXFILE_TEST_CHURN=1"}
		if i%2 == 0 {
			b.want(withInit(t, i%4 == 0, "nap"), 0, "awake")
			continue
		}
		l := b.start(withInit(t, i%4 == 1, "chatty"), false)
		l.says("ready")
		box := l.members()
		l.send(syscall.SIGUSR1)
		l.says("got 10")
		l.send(syscall.SIGKILL)
		_ = l.cmd.Wait()
		waitFor(t, "the end of the box", func() bool { return living(box) == 0 })
	}
}

// Who is killed at the end of a box that shares its pid namespace has not met its limit
// of processes, however fast he forks.
func TestStatusOfABoxThatForksToTheEnd(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		b.needShared()
		for i, end := 0, time.Now().Add(b.budget()); i == 0 || i < 8 && time.Now().Before(end); i++ {
			r, s := b.measured(sharedPlan(t, "forking").replace(limit("pids", 1000)))
			if r.code != 3 || s.Reason != executor.ReasonExit || len(s.Reached) != 0 {
				t.Errorf("exit %d, %+v\n%s%s", r.code, s, r.stdout, r.stderr)
			}
		}
	})
}

// Exit codes are the command's own, all of them, with and without init.
func TestStatusOfEveryExit(t *testing.T) {
	codes := []int{0, 1, 2, 63, 64, 100, 124, 125, 126, 127, 128, 129, 130, 137, 143, 159, 192, 254, 255}
	for _, init := range []bool{true, false} {
		for _, code := range codes {
			b := newBox(t)
			r, s := b.measured(withInit(t, init, "exit", strconv.Itoa(code)))
			if r.code != code || s.Code != code || s.Signal != 0 || s.Reason != "exit" || strings.Contains(r.stderr, "FAILURE") {
				t.Errorf("init %v, exit %d: exit %d, %+v\n%s", init, code, r.code, s, r.stderr)
			}
		}
	}
}

// A signal's end is 128 and its number, for every signal there is, also for those
// that dump core; and it is told from an exit with the same code.
func TestStatusOfEverySignal(t *testing.T) {
	for sig := 1; sig <= 64; sig++ {
		s := syscall.Signal(sig)
		switch s {
		case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH: // end nothing
			continue
		case syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU: // stop
			continue
		}
		if testing.Short() && sig%7 != 1 && s != syscall.SIGSEGV && s != syscall.SIGKILL {
			continue
		}
		r, st := newBox(t).measured(fullPlan(t, "die", strconv.Itoa(sig)))
		if r.code != 128+sig || st.Signal != sig || st.Reason != "signal" {
			t.Errorf("signal %d: exit %d, %+v\n%s", sig, r.code, st, r.stderr)
		}
	}
}

// What a signal from outside does to a command that is process 1 itself.
func TestStatusOfAKilledProcess1(t *testing.T) {
	l := newBox(t).start(withInit(t, false, "chatty"), false)
	l.says("ready")
	box := l.members()
	if err := syscall.Kill(box[0].pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l.ends(137, box)
}

// A process that runs one box after the other has no more descriptors, threads,
// children or mappings after a thousand.
func TestStatusOfAThousandInARow(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		began := time.Now()
		b.want(fullPlan(t, "exit", "0"), 0, "")
		n := min(1000, max(30, int(2*b.budget()/time.Since(began)))) // later ones take half the time
		b.env = []string{fmt.Sprintf("BOXFILE_TEST_REPEAT=%d", n)}
		r := b.run(fullPlan(t, "exit", "9").plan())
		var fds, maps, threads int
		if _, err := fmt.Sscanf(r.stdout, "descriptors %d, mappings %d, threads %d, children: no child processes", &fds, &maps, &threads); err != nil || r.code != 9 {
			t.Fatalf("exit %d: %s%s", r.code, r.stdout, r.stderr)
		}
		if fds > 0 || maps > 20 || threads > 8 { // the runtime may want a thread more, with its memory
			t.Errorf("after %d boxes: %s", n, r.stdout)
		}
		t.Logf("%d boxes, %s", n, strings.TrimSpace(r.stdout))
	})
}

// Two hundred boxes live at once, each gets its own signal, and nothing of them stays.
func TestStatusOfTwoHundredAtOnce(t *testing.T) {
	n := min(200, memoryAvailable()/(40<<20))
	if testing.Short() {
		n = min(n, 20)
	}
	b := newBox(t)
	before := hostMounts(t)
	boxes := make([]*live, n)
	for i := range boxes {
		one := *b
		one.dir = b.path("plan.json." + strconv.Itoa(i))
		if err := os.Mkdir(one.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		boxes[i] = one.start(withInit(t, i%2 == 0, "signals"), false)
	}
	for _, l := range boxes {
		l.says("ready")
	}
	all := membersBelow(os.Getpid())
	if len(all) < 5*n/2 { // boxfile, the command, and process 1 in every other box
		t.Errorf("%d boxes have %d processes", n, len(all))
	}
	var done sync.WaitGroup
	for i, l := range boxes {
		sig := []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGINT}[i%3]
		l.send(sig)
		done.Add(1)
		go func() {
			defer done.Done()
			if line, err := l.out.ReadString('\n'); line != fmt.Sprintf("got %d\n", sig) {
				t.Errorf("%q: %v", line, err)
			}
		}()
	}
	done.Wait()
	for _, l := range boxes {
		l.ends(42, nil)
	}
	if left := living(all); left != 0 {
		t.Errorf("%d processes are left of %d boxes", left, n)
	}
	b.nothingLeft(before)
	t.Logf("%d boxes at once", n)
}

func memoryAvailable() int {
	for _, line := range lines("/proc/meminfo") {
		var kb int
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}

// A watcher is told of every step that the plan has, once, in the order in which
// they begin, and then that the command runs.
func TestStatusOfEveryStep(t *testing.T) {
	each(t, func(t *testing.T, b *box) {
		for _, init := range []bool{true, false} {
			b.env = []string{"BOXFILE_TEST_PROGRESS=1"}
			p := withInit(t, init, "exit", "5")
			r := b.run(p.plan())
			told := stepsTold(t, r.stderr)
			if r.code != 5 || len(told) != len(p.steps)+1 || told[len(told)-1] != -1 || told[len(told)-2] != len(p.steps)-1 {
				t.Errorf("exit %d, %d steps, told %v", r.code, len(p.steps), told)
			}
			seen := map[int]bool{}
			for _, n := range told {
				if seen[n] {
					t.Errorf("step %d is told twice", n)
				}
				seen[n] = true
			}
		}
		b.env = []string{"BOXFILE_TEST_PROGRESS=1"}
		r := b.run(fullPlan(t).replace(&plan.Workdir{Path: "/nosuch"}).plan())
		told := stepsTold(t, r.stderr)
		if r.code != 125 || !strings.Contains(r.stderr, fmt.Sprintf("STEP %d workdir\nFAILURE", told[len(told)-1])) {
			t.Errorf("exit %d: the step that fails is not the last one told\n%s", r.code, r.stderr)
		}
	})
}

func stepsTold(t *testing.T, stderr string) []int {
	t.Helper()
	var told []int
	s := bufio.NewScanner(strings.NewReader(stderr))
	for s.Scan() {
		var n int
		if _, err := fmt.Sscanf(s.Text(), "STEP %d", &n); err == nil {
			told = append(told, n)
		}
	}
	if told == nil {
		t.Fatalf("no step is told: %s", stderr)
	}
	return told
}

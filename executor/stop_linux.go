package executor

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/boxfile/boxfile/executor/internal/signals"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// forwarded are the signals that do to the box what they would do to boxfile. Not PROF:
// the Go runtime has it sent for profiles.
var forwarded = [...]unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGCONT, unix.SIGTSTP,
	unix.SIGABRT, unix.SIGALRM, unix.SIGVTALRM, unix.SIGXCPU, unix.SIGIO, unix.SIGPWR}

// kept are those that stay ignored where boxfile was started so, as by nohup(1).
// Not INT and QUIT: a script's shell starts what is in the background so, and a box must not outlive a ^C.
var kept = [...]unix.Signal{unix.SIGHUP, unix.SIGTSTP}

// stopping is how far the end of the box has come.
type stopping struct {
	begun    bool          // the command was asked to end
	by       []unix.Signal // a rehearsal, by these
	until    time.Time     // when the grace period is over, or zero
	killed   bool
	timedOut bool // the timeout has begun it
	late     bool // the grace period that a signal has begun is over
}

// signalled does to the box what a signal of boxfile's asks for.
func (r *run) signalled(s unix.Signal) {
	if r.prog.Rehearsal {
		r.interrupted(s)
		return
	}
	switch s {
	case unix.SIGTSTP:
		r.pause()
	case unix.SIGCONT:
		r.thaw()
		r.send(s)
	case unix.SIGWINCH:
		if !r.terminal.resize() {
			r.send(s)
		}
	case unix.SIGINT:
		if r.ending.begun {
			r.kill() // the second ^C
			return
		}
		r.ask(s)
	case unix.SIGTERM:
		if r.ending.begun {
			r.send(s)
			return
		}
		how := s
		if r.asked != nil { // TERM is what asks programs to end; the file says how this one wants to be asked
			how = unix.Signal(r.asked.Signal)
		}
		r.ask(how)
	default:
		r.send(s)
	}
}

// interrupted ends a rehearsal, which has no command that a signal could be for.
func (r *run) interrupted(s unix.Signal) {
	switch s {
	case unix.SIGTSTP:
		r.pause()
	case unix.SIGCONT:
		r.thaw()
	case unix.SIGWINCH:
	default:
		r.ending.by = append(r.ending.by, s)
		r.kill()
	}
}

// send sends a signal to process 1 of the box. A pidfd cannot hit another process by mistake.
func (r *run) send(s unix.Signal) {
	_ = unix.PidfdSendSignal(r.child.PIDFD, s, nil, 0) // gone already: its status is on the way
}

// ask asks the command to end, and begins its grace period.
func (r *run) ask(with unix.Signal) {
	how := program.HostOp{Signal: int(with)}
	if r.asked != nil {
		how.Grace = r.asked.Grace
	}
	r.end(&how)
	if r.asked == nil {
		r.ending.until = time.Time{}
	}
}

// end begins to end the box: the signal goes to the command, which has the grace period from now on.
func (r *run) end(how *program.HostOp) {
	r.thaw() // who is stopped cannot answer
	r.ending.begun, r.ending.until = true, time.Now().Add(how.Grace)
	r.send(unix.Signal(how.Signal))
}

// kill ends the box at once. On v2 the cgroup is killed as a whole; everywhere
// process 1, with which the kernel ends the whole pid namespace.
func (r *run) kill() {
	r.ending.killed = true
	for i, g := range r.cgroups {
		if r.prog.Host[i].Cgroup.Version == 2 {
			_ = g.Kill() // process 1 is killed either way
		}
	}
	r.send(unix.SIGKILL)
}

// pause stops the box, and then boxfile as ^Z stops a program. Both go on with
// SIGCONT. Where no shell could send it boxfile itself goes on, as the kernel has it
// (an orphaned process group), and the box waits for SIGCONT alone.
func (r *run) pause() {
	r.terminal.letGo()
	r.freeze()
	var later []unix.Signal
	for s := r.signals.Next(); s != 0; s = r.signals.Next() {
		later = append(later, s)
	}
	if !slices.Contains(later, unix.SIGCONT) { // else nobody would send another
		_ = signals.Raise(unix.SIGTSTP) // boxfile runs on, and goes on hearing signals
	}
	for _, s := range later {
		r.signalled(s)
	}
}

// freezeRounds is how often freeze looks for processes that were forked while it
// stopped the others. Those that it has stopped fork no more.
const freezeRounds = 100

// freeze stops all processes of the box: by its cgroup where that is one of v2,
// else one by one. Those that are stopped already stay so when the others go on.
//
// Where the pid namespace is not the box's own, its process 1 goes on: nobody else
// ends the box when boxfile is killed meanwhile.
func (r *run) freeze() {
	if !r.prog.Ends && r.freezer("1") {
		return
	}
	seen := map[int]bool{}
	for _, p := range r.frozen {
		seen[p] = true
	}
	for range freezeRounds {
		more := false
		all := r.processes()
		if r.prog.Ends && len(all) > 1 { // before there is a command it dies with boxfile
			all = all[1:]
		}
		for _, p := range all {
			if seen[p.pid] {
				continue
			}
			more = true
			if p.state == 'T' || p.state == 'Z' {
				seen[p.pid] = true
			} else if p.signal(unix.SIGSTOP) {
				seen[p.pid], r.frozen = true, append(r.frozen, p.pid)
				p.awaitStop()
			}
		}
		if !more {
			return
		}
	}
}

// thaw has what freeze has stopped go on. Children go first, so that no parent
// finds them stopped.
func (r *run) thaw() {
	r.terminal.hold()
	r.freezer("0")
	if r.frozen == nil {
		return
	}
	all := r.processes()
	slices.Reverse(all)
	for _, p := range all {
		if slices.Contains(r.frozen, p.pid) {
			p.signal(unix.SIGCONT)
		}
	}
	r.frozen = nil
}

// freezer freezes the box's cgroup of v2 or lets it go on, and says whether there is one.
func (r *run) freezer(state string) bool {
	found := false
	for i, g := range r.cgroups {
		if r.prog.Host[i].Cgroup.Version == 2 {
			found = g.Set("cgroup.freeze", state, 0) == nil || found
		}
	}
	return found
}

// process is a line of /proc.
type process struct {
	pid, parent int
	state       byte
}

// processes is the box's, parents before their children: process 1 and all that descends
// from it, as everything in its pid namespace does. In one that is shared it is the
// subreaper of the box's (program.outlive).
func (r *run) processes() []process {
	list, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]process{}
	box := make([]process, 0, 16)
	for _, d := range list {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		p, ok := look(pid)
		switch {
		case !ok:
		case pid == r.child.PID:
			box = append(box, p)
		default:
			children[p.parent] = append(children[p.parent], p)
		}
	}
	for i := 0; i < len(box); i++ {
		box = append(box, children[box[i].pid]...)
	}
	return box
}

// look reads what proc_pid_stat(5) says of a process. Its name may hold anything, brackets too.
func look(pid int) (process, bool) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/stat", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return process{}, false
	}
	defer unix.Close(fd)
	var buf [512]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return process{}, false
	}
	f := bytes.Fields(buf[bytes.LastIndexByte(buf[:n], ')')+1 : n])
	if len(f) < 2 {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(f[1]))
	return process{pid, parent, f[0][0]}, err == nil
}

// awaitStop waits for a process that was told to stop. Until it has, process 1
// could pass on a SIGCONT, and a shell could send one, to what is stopped next.
func (p *process) awaitStop() {
	for range freezeRounds { // what waits for a disk takes its time
		if now, ok := look(p.pid); !ok || now.state == 'T' || now.state == 'Z' {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// signal sends a signal to a process of the box, unless its number has gone to another one meanwhile.
func (p *process) signal(s unix.Signal) bool {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if now, ok := look(p.pid); !ok || now.parent != p.parent {
		return false
	}
	return unix.PidfdSendSignal(fd, s, nil, 0) == nil
}

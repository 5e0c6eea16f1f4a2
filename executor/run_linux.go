package executor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"github.com/boxfile/boxfile/executor/internal/cgroup"
	"github.com/boxfile/boxfile/executor/internal/fork"
	"github.com/boxfile/boxfile/executor/internal/port"
	"github.com/boxfile/boxfile/executor/internal/signals"
	"github.com/boxfile/boxfile/executor/program"
	"golang.org/x/sys/unix"
)

// Run makes the box, waits until it is gone, and says how its command ended.
// The error is a *Failure. The box dies with the thread that forked it; Run sees
// to it that no other goroutine can end that. It takes this process's signals for
// the box, so a process can run one box at a time.
func Run(p *program.Program, o Options) (Status, error) {
	r := &run{prog: p, opts: o}
	defer r.terminal.letGo() // a panic may be on its way
	status, failure := r.run()
	if failure == nil {
		status.Left = r.removeCgroups()
		r.release()
	} else {
		failure.Undo = r.undo()
		status.Code = failure.Code
	}
	if r.child.PIDFD > 0 {
		defer unix.Close(r.child.PIDFD)
	}
	if r.signals != nil {
		late := r.signals.Release() // only now: a signal that comes earlier must not end boxfile half-way
		if p.Rehearsal {            // none was for a command: there is none
			for _, s := range append(r.ending.by, late...) {
				_ = signals.Raise(s)
			}
		}
	}
	if r.unlock != nil {
		r.unlock()
	}
	if failure != nil {
		return status, failure
	}
	return status, nil
}

// run is one run of a program.
type run struct {
	prog     *program.Program
	opts     Options
	child    fork.Child
	undoers  []func() error        // in the order of what was done
	signals  *signals.Caught       // that boxfile gets, or nil
	unlock   func()                // lets go of the thread that forked, or nil
	closers  []int                 // descriptors that hold locks while the box lives
	cgroups  map[int]*cgroup.Group // by the host op that made it
	since    time.Time             // when the box was started
	limit    *program.HostOp       // its timeout, or nil
	asked    *program.HostOp       // how it is ended when boxfile is asked to, or nil
	ending   stopping
	told     []bool      // steps that Progress was called with
	frozen   []int       // processes that freeze has stopped, parents first
	ports    []port.Port // listening
	relay    *port.Relay // serves them, once the box has handed its sockets over
	terminal terminal
	helper   *helper             // connects the box to other networks, or nil
	doors    map[program.Reg]int // namespaces to be joined
	mark     int                 // what lsns knows the box by: 0 before there is one
	synced   bool                // the sync point is behind the child
	letGo    int                 // 1 and the step whose limit was let go last
}

func (r *run) run() (Status, *Failure) {
	if f := r.checkStandard(); f != nil {
		return Status{}, f
	}
	var err error
	if r.signals, err = signals.Catch(forwarded[:], kept[:]); err != nil { // before anything is done that has to be undone
		return Status{}, r.fail(-1, "catching signals", err)
	}
	for _, u := range r.prog.Unenforced {
		r.notEnforced(u.Step, u.Why)
	}
	for i := range r.prog.Host {
		if k := r.prog.Host[i].Kind; k != program.WriteMap && k != program.Attach {
			r.began(r.prog.Host[i].Step)
		}
		if f := r.hostOp(i); f != nil {
			return Status{}, f
		}
	}
	ours, theirs, err := controlSockets()
	if err == nil && r.prog.Handed != nil {
		theirs, err = above(theirs, r.prog.Handed)
	}
	if err != nil {
		return Status{}, r.fail(-1, "socketpair", err)
	}
	defer unix.Close(ours)
	err = r.start(theirs)
	unix.Close(theirs)
	if err != nil {
		return Status{}, r.explainFork(err)
	}
	if r.prog.Stage != nil {
		if f := r.second(ours); f != nil {
			return Status{}, f
		}
	}
	return r.watch(ours)
}

// checkStandard refuses descriptors that would be a door to the host's files:
// a directory among 0, 1 and 2 lets the box walk out by its "..".
func (r *run) checkStandard() *Failure {
	for fd := range 3 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return r.fail(-1, fmt.Sprintf("fstat of descriptor %d", fd), err)
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil {
			return r.fail(-1, fmt.Sprintf("flags of descriptor %d", fd), err)
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR || flags&unix.O_PATH != 0 {
			return &Failure{Step: -1, Op: -1, Code: CodeBoxfile, Err: unix.EISDIR, Message: fmt.Sprintf("descriptor %d is a directory of the host, which would let the box out", fd),
				Fix: fmt.Sprintf("redirect descriptor %d to a file, a pipe or /dev/null", fd)}
		}
	}
	return nil
}

// controlSockets makes the pair that the box side talks through. Its end closes
// with the last process that holds it, so that each side learns of the other's death.
func controlSockets() (ours, theirs int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	return pair[0], pair[1], err
}

// arguments is the memory of boxfile's own argument list, but for its first
// word, where the kernel put it: one string after the other. Values of inputs may be there.
func arguments() []byte {
	if len(os.Args) < 2 {
		return nil
	}
	first, last := unsafe.StringData(os.Args[1]), os.Args[len(os.Args)-1]
	size := uintptr(unsafe.Pointer(unsafe.StringData(last))) + uintptr(len(last)) - uintptr(unsafe.Pointer(first))
	total := 0
	for _, a := range os.Args[1:] {
		total += len(a) + 1
	}
	if int(size)+1 != total { // somebody has replaced os.Args
		return nil
	}
	return unsafe.Slice(first, size)
}

// start forks the child.
func (r *run) start(control int) error {
	l, err := assemble(r.prog, r.opts.Progress != nil)
	if err != nil {
		return err
	}
	defer l.Free()
	l.Erase, l.TellStarted, l.Ends = arguments(), r.opts.Progress != nil, r.prog.Ends
	if err := r.join(l); err != nil {
		return err
	}
	r.cloned()
	r.since = time.Now()
	// A goroutine that ends while it is locked to a thread takes the thread along, but
	// never the first one: there this one need not be locked, for which the runtime
	// starts another thread (2 % of a start).
	r.holdThread()
	r.child, err = fork.Start(l, uintptr(r.prog.Flags), control)
	r.holdThread() // the runtime may have moved it off the first thread just before
	return err
}

// holdThread locks the goroutine to its thread, unless that is the first.
func (r *run) holdThread() {
	if r.unlock == nil && unix.Gettid() != unix.Getpid() {
		runtime.LockOSThread()
		r.unlock = runtime.UnlockOSThread
	}
}

// awaited is how many messages of the child need an answer, or bring what the host
// side needs. Others are read when somebody watches (-v), or at the end.
func (r *run) awaited() int {
	n := 0
	if !r.synced && (r.does(program.WriteMap) || r.does(program.Attach)) {
		n = 1 // the one sync point is for both
	}
	if r.prog.Handed != nil {
		n++
	}
	return n
}

// does reports whether there is an op of a kind on the host side.
func (r *run) does(k program.HostKind) bool {
	return slices.ContainsFunc(r.prog.Host, func(h program.HostOp) bool { return h.Kind == k })
}

// hearing is what was heard from the child so far.
type hearing struct {
	run      *run
	control  int
	buf      [fork.MessageSize]byte
	left     int  // messages that have to be waited for
	settled  bool // nothing more will be said until the command ends
	ended    bool // nothing more will be said
	signaled int  // wait status of a command that a signal has ended, or 0
	failure  *Failure
	handed   []int // descriptors that came with a message
	served   bool  // no more of them come
	forked   int   // process 1, by the process before it
	early    bool  // nobody knows yet which process is 1
	waiting  bool  // at the sync point, since then
}

// next reads one message, and returns false when no more can come.
func (h *hearing) next() bool {
	n, err := h.receive()
	if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNRESET) { // it ended before it read; what it has said comes next
		return true
	}
	if err != nil || n != len(h.buf) {
		return false // the end: no process holds the other side any more
	}
	a, b := binary.NativeEndian.Uint32(h.buf[4:]), binary.NativeEndian.Uint32(h.buf[8:])
	switch fork.Kind(binary.NativeEndian.Uint32(h.buf[:])) {
	case fork.Failed:
		h.failure, h.settled, h.ended = h.run.explain(int(int32(a)), syscall.Errno(b)), true, true
	case fork.Forked:
		h.forked = int(a)
	case fork.Descriptors:
		h.left, h.served = h.left-1, true
		if h.failure = h.run.serve(h.handed); h.failure != nil {
			_ = unix.PidfdSendSignal(h.run.child.PIDFD, unix.SIGKILL, nil, 0) // gone already, or going
			h.ended = true
			return false
		}
	case fork.Sync:
		if h.waiting = h.early; !h.early {
			return h.sync()
		}
	case fork.Started:
		h.run.began(Started)
		h.settled = true
	case fork.Doing:
		h.run.begins(int(a))
	case fork.Signaled:
		h.signaled, h.ended = int(a), true
	}
	return true
}

// sync does what has to be done to the child at the sync point, and has it go on.
func (h *hearing) sync() bool {
	h.left--
	h.run.synced = true
	if h.failure = h.run.writeMaps(); h.failure == nil {
		h.failure = h.run.attach()
	}
	if h.failure != nil {
		_ = unix.Shutdown(h.control, unix.SHUT_RDWR) // the child reads the end and exits
		h.ended = true
		return false
	}
	if _, err := unix.Write(h.control, []byte{1}); err != nil {
		h.failure = h.run.fail(-1, "telling the child to go on", err)
	}
	return true
}

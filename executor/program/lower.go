//go:build linux

package program

import (
	"errors"
	"fmt"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/executor/host"
	"golang.org/x/sys/unix"
)

// Refusal is why a plan cannot run on this machine. Nothing was done.
type Refusal struct {
	Step    int    // index into the plan's steps, or -1
	Message string // what cannot be done
	Cause   string // found on this host
	Fix     string // one command or key
	Code    int    // exit code, 125 unless the command itself is missing
}

func (r *Refusal) Error() string { return r.Message }

// TooOld is why a kernel runs no box at all, or nil.
func TooOld(v host.Version) *Refusal {
	if !v.Less(5, 12) {
		return nil
	}
	return &Refusal{Step: -1, Code: 125, Message: fmt.Sprintf("kernel %s is too old", v),
		Cause: "read-only binds need mount_setattr, which is in Linux 5.12 and newer"}
}

// phase is a stretch of ops; the package comment says what each is for.
type phase uint8

const (
	stage phase = iota // of a child before process 1
	start
	open
	enter
	leave // the old root
	fill
	attach
	guard
	seal
	settle
	enterEnd
	quiet // process 1, once the command has started
	quietEnd
	begin // of the command's process: its session, its descriptors
	wall  // paths for Landlock, before descriptors are limited
	limit
	bound  // the bounding set, while CAP_SETPCAP is there
	ids    // groups, ids
	chdirs // as the box's user
	caps   // the other four sets, no_new_privs
	last   // signals, descriptors
	filter // of system calls, which need not allow what is before it
	run    // execve
	phases
)

// lowering collects ops while it visits the steps.
type lowering struct {
	facts   host.Facts
	prog    *Program
	args    []Arg // room for the arguments of ops
	step    int
	ops     []Op              // in the order of the steps
	when    []phase           // of each
	trees   map[string]*tree  // by target
	made    map[string]bool   // paths that are known to be there
	links   map[string]bool   // paths that are symbolic links of ours
	created map[string]string // types of the sources that the host side makes
	keeps   map[string]int    // host ops of kept directories

	writable              []writable // sources that the box can write; nil until they are looked for
	folderFD, scratchFD   Reg
	scratchNames          int
	rootFD, devFD, procFD Reg
	ptsFD                 Reg
	emptyFD               Reg  // masks directories
	emptyUsed             bool // once: it is attached
	userNS                bool // the box is in another user namespace than boxfile
	ownUser               bool // which is new
	unshareStep           int
	staged                bool
	joins                 []joined
	ranges                bool // more than the caller's own id is mapped
	noNewPrivs            bool
	landlock              *plan.Landlock
	landlockStep          int
	pivoted               bool
	env                   []string
	groups                map[string]group // of controllers
	disks                 map[string]string
	user                  plan.User
	hasTTY                bool
	ttyStep               int
	handing               []Reg // descriptors that boxfile gets
	ports                 *plan.PortAddress
	portsStep             int
	listening             int  // sockets of the host
	attached              bool // a helper waits for sync point 1
	attachedStep          int
	bestEffort            bool           // of limits
	inCgroup              bool           // of the box's own
	hidden                map[int]string // values of env that are not printed
	searchPath            string         // the value of PATH
}

// Lower turns a plan into this machine's program. The error is a *Refusal.
func Lower(p *plan.Plan, f host.Facts) (*Program, error) {
	l := &lowering{facts: f, prog: &Program{Plan: p, Regs: Control},
		trees: make(map[string]*tree, 8), made: make(map[string]bool, len(p.Steps)+16), ops: make([]Op, 0, usualOps), when: make([]phase, 0, usualOps)}
	l.made["/"] = true
	if r := TooOld(f.Kernel); r != nil {
		return nil, r
	}
	l.step = -1
	if l.staged = staged(p); l.staged {
		l.dieWithParent(stage)
	}
	l.dieWithParent(start)                  // again after the last change of credentials, which clears it
	l.op(start, callUmask, named(0, octal)) // modes of generated files are what the plan says
	for i, s := range p.Steps {
		l.step = i
		if err := s.Accept(l); err != nil {
			var r *Refusal
			if !errors.As(err, &r) {
				r = &Refusal{Step: i, Code: 125, Message: err.Error()}
			}
			return nil, r
		}
	}
	l.step = -1
	for _, late := range [...]func() error{l.portAddress, l.handOver, l.buildLandlock} { // they need to know the number of registers
		if err := late(); err != nil {
			var r *Refusal
			errors.As(err, &r)
			return nil, r
		}
	}
	l.finish()
	if need := uint64(l.prog.Regs) + uint64(l.listening) + spareFiles; need > f.NoFile || need > maxRegs {
		return nil, &Refusal{Step: -1, Code: 125, Message: fmt.Sprintf("the box's mounts and ports need %d open files at once", need),
			Cause: fmt.Sprintf("the hard limit of open files is %d, and %d is the most there can be", f.NoFile, maxRegs), Fix: "raise it (ulimit -Hn), or mount fewer directories and publish fewer ports"}
	}
	l.inOrder()
	if r := l.filterStops(); r != nil {
		return nil, r
	}
	return l.prog, nil
}

const (
	spareFiles = 64      // besides those that ops open
	maxRegs    = 1 << 16 // the interpreter counts registers in 16 bits
	usualOps   = 240     // of a small box; every page less is 1.5 µs of a start
	argsChunk  = 128
)

// inOrder puts the ops of each phase behind those of the phase before it.
func (l *lowering) inOrder() {
	var ends [phases + 1]int // of each phase, at first of the one before it
	for _, ph := range l.when {
		ends[ph+1]++
	}
	for ph := range phases {
		ends[ph+1] += ends[ph]
	}
	first := ends
	sorted := make([]Op, len(l.ops))
	for i, ph := range l.when {
		sorted[ends[ph]] = l.ops[i]
		ends[ph]++
	}
	between := func(a, b phase) []Op { return sorted[first[a]:first[b]:first[b]] }
	if l.staged {
		l.prog.Stage = between(stage, start)
	}
	l.prog.Enter, l.prog.Init, l.prog.Command = between(start, enterEnd), between(quiet, quietEnd), between(begin, phases)
}

func (l *lowering) refuse(cause, fix, format string, args ...any) error {
	return &Refusal{Step: l.step, Code: 125, Message: fmt.Sprintf(format, args...), Cause: cause, Fix: fix}
}

// during has ops count as those of another step, until what it returns is called.
func (l *lowering) during(step int) (restore func()) {
	now := l.step
	l.step = step
	return func() { l.step = now }
}

// op appends a call to a phase. The pointer is good until the next one.
func (l *lowering) op(ph phase, c *Call, args ...Arg) *Op {
	if len(l.args)+len(args) > cap(l.args) { // arguments of many ops lie side by side: fewer pages are touched
		l.args = make([]Arg, 0, argsChunk)
	}
	at := len(l.args)
	l.args = append(l.args, args...)
	l.ops = append(l.ops, Op{Step: l.step, Call: c, Args: l.args[at:len(l.args):len(l.args)]})
	l.when = append(l.when, ph)
	return &l.ops[len(l.ops)-1]
}

// keep gives the op a register for its result.
func (l *lowering) keep(o *Op) Reg {
	l.prog.Regs++
	o.Save = l.prog.Regs
	return o.Save
}

// expect makes every other result than n an error.
func (o *Op) expect(n int64) *Op {
	o.Want, o.HasWant = n, true
	return o
}

// tolerate goes on after an error, passing over n ops.
func (o *Op) tolerate(e unix.Errno, n int) *Op {
	for i := range o.Errs {
		if o.Errs[i].Errno == 0 {
			o.Errs[i] = Skip{uint16(e), uint16(n)}
			return o
		}
	}
	panic("program: an op with more foreseen errors than the interpreter has room for")
}

// Arguments.

const (
	atFDCWD         = 1<<64 - 100 // AT_FDCWD, -100
	sizeofMountAttr = 32          // struct mount_attr, mount_setattr(2)
	sizeofOpenHow   = 24          // struct open_how, openat2(2)
)

func num(n uint64) Arg                 { return Arg{Num: n} }
func named(n uint64, t *Names) Arg     { return Arg{Num: n, Names: t} }
func reg(r Reg) Arg                    { return Arg{Reg: r} }
func regPlus(r Reg, n int64) Arg       { return Arg{Reg: r, Num: uint64(n)} }
func text(s string) Arg                { return Arg{Kind: Text, Text: s} }
func structure(f ...Field) Arg         { return Arg{Kind: Struct, More: &More{Fields: f}} }
func buffer(n int) Arg                 { return Arg{Kind: Buffer, More: &More{Buffer: n}} }
func cwd() Arg                         { return named(atFDCWD, fdName) }
func null() Arg                        { return Arg{Names: nullName} }
func word(name string, n uint64) Field { return Field{Name: name, Size: 8, Num: n} }

// folder is the Boxfile's folder, opened once, for relative paths.
func (l *lowering) folder() Reg {
	if l.folderFD == 0 {
		l.folderFD = l.keep(l.op(open, callOpenat, cwd(), text(l.facts.Folder), named(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, openFlags), named(0, octal)))
	}
	return l.folderFD
}

// scratch is a tmpfs on top of the old root, for what must be attached
// somewhere before it can be used: overlay layers, files and directories to be
// cloned. It goes away with the old root.
func (l *lowering) scratch() Reg {
	if l.scratchFD == 0 {
		defer l.during(-1)()
		l.scratchFD = l.filesystem(open, "tmpfs", 0, setting{"mode", "0755"})
		l.op(open, callMoveMount, reg(l.scratchFD), text(""), cwd(), text("/"), named(unix.MOVE_MOUNT_F_EMPTY_PATH, moveFlags))
	}
	return l.scratchFD
}

func (l *lowering) scratchName() string {
	l.scratchNames++
	return fmt.Sprintf("%d", l.scratchNames)
}

type setting struct{ key, value string } // an empty value is a flag

// filesystem makes a new file system as a detached mount, fsopen(2).
func (l *lowering) filesystem(ph phase, typ string, attrs uint64, settings ...setting) Reg {
	fs := l.keep(l.op(ph, callFsopen, text(typ), named(unix.FSOPEN_CLOEXEC, fsopenFlags)))
	for _, s := range settings {
		if s.value == "" {
			l.op(ph, callFsconfig, reg(fs), named(unix.FSCONFIG_SET_FLAG, fsconfigCmds), text(s.key), null(), num(0))
			continue
		}
		l.op(ph, callFsconfig, reg(fs), named(unix.FSCONFIG_SET_STRING, fsconfigCmds), text(s.key), text(s.value), num(0))
	}
	l.op(ph, callFsconfig, reg(fs), named(unix.FSCONFIG_CMD_CREATE, fsconfigCmds), null(), null(), num(0))
	return l.keep(l.op(ph, callFsmount, reg(fs), named(unix.FSMOUNT_CLOEXEC, fsmountFlags), named(attrs, mountAttrs)))
}

// setattr adds attributes to a mount and, with AT_RECURSIVE, to all below it.
// It only ever adds: flags that the kernel has locked stay as they are.
func (l *lowering) setattr(ph phase, fd Reg, attrs uint64, recursive bool) {
	flags := uint64(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	l.op(ph, callMountSetattr, reg(fd), text(""), named(flags, atFlags), mountAttr(attrs, 0), num(sizeofMountAttr))
}

func mountAttr(set, prop uint64) Arg {
	return structure(Field{Name: "attr_set", Size: 8, Num: set, Names: mountAttrs}, word("attr_clr", 0),
		Field{Name: "propagation", Size: 8, Num: prop, Names: propagation}, word("userns_fd", 0))
}

func openHow(flags, resolve uint64) Arg {
	return structure(Field{Name: "flags", Size: 8, Num: flags, Names: openFlags}, word("mode", 0), Field{Name: "resolve", Size: 8, Num: resolve, Names: resolveFlags})
}

// at resolves a path of the box inside the box's own root: links lead back
// into the box, and magic links lead nowhere.
func (l *lowering) at(ph phase, path string, flags uint64) Reg {
	o := l.op(ph, callOpenat2, cwd(), text(path), openHow(unix.O_PATH|unix.O_CLOEXEC|flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS), num(sizeofOpenHow))
	o.Retry = true
	return l.keep(o)
}

// move attaches a detached mount at an opened target.
func (l *lowering) move(ph phase, from, to Reg) *Op {
	return l.op(ph, callMoveMount, reg(from), text(""), reg(to), text(""), named(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH, moveFlags))
}

// moveIn attaches a detached mount at a name in a directory of our own making.
func (l *lowering) moveIn(ph phase, from, dir Reg, name string) *Op {
	return l.op(ph, callMoveMount, reg(from), text(""), reg(dir), text(name), named(unix.MOVE_MOUNT_F_EMPTY_PATH, moveFlags))
}

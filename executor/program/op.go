//go:build linux

package program

import (
	"encoding/binary"
	"time"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Reg names a value that an op keeps for later ones. Register 0 is none.
type Reg int32

// Control is the register of the child's end of the control socket, which is there from the start.
const Control Reg = 1

// Op is one raw system call.
type Op struct {
	Step    int // index into the plan's steps; -1 for what every program does
	Call    *Call
	Args    []Arg
	Errs    [2]Skip // the unused ones have errno 0
	Want    int64   // the only good result, if HasWant
	HasWant bool
	Retry   bool // a bounded number of times after EINTR and EAGAIN
	Try     bool // an attempt of a search: not found goes on to the next op
	Save    Reg
	Then    int // ops to pass over after success
}

// Skip is an error that was foreseen: go on, passing over N ops.
type Skip struct {
	Errno uint16
	N     uint16
}

// ArgKind says what an argument is.
type ArgKind uint8

// The kinds of Arg.
const (
	Number ArgKind = iota // Num, plus register Reg if any
	Text                  // pointer to a NUL-terminated string
	Texts                 // pointer to a NULL-terminated array of strings
	Struct                // pointer to Fields
	Buffer                // pointer to bytes that the call fills
)

// Arg is one argument of an op.
type Arg struct {
	Kind  ArgKind
	Reg   Reg
	Num   uint64
	Names *Names // how Num is printed; nil: as a number
	Text  string
	More  *More
}

// More is the rest of an argument that is a Texts, a Struct or a Buffer.
type More struct {
	Texts  []string
	Hidden map[int]string // Texts that are not printed, by index: what is printed instead
	Fields []Field
	Buffer int // bytes
}

// Field is a member of a structure: Size bytes of Num, or Text padded with NULs
// to Size, or a pointer to To.
type Field struct {
	Name  string
	Size  int
	Num   uint64
	Text  string
	To    *More
	Names *Names
}

// Size is the length in memory of a structure, a buffer or an array of pointers.
func (m *More) Size() int {
	n := m.Buffer + 8*(len(m.Texts)+1)
	for i := range m.Fields {
		n += m.Fields[i].Size
	}
	return n
}

// Bytes is the structure or the buffer in memory. Both architectures are little-endian.
func (m *More) Bytes() []byte {
	out := make([]byte, m.Buffer, m.Size()+8)
	for i := range m.Fields {
		f := &m.Fields[i]
		end := len(out) + f.Size
		if f.Text == "" {
			out = binary.LittleEndian.AppendUint64(out, f.Num)[:end]
			continue
		}
		out = append(out, f.Text...)
		for len(out) < end {
			out = append(out, 0)
		}
	}
	return out
}

// HostKind says what a host op does.
type HostKind string

// The kinds of HostOp.
const (
	MakeDir  HostKind = "mkdir"  // Path, unless it is there
	MakeFile HostKind = "mkfile" // Path, unless it is there
	KeepDir  HostKind = "keep"   // make Path if missing, check its owners, lock it, make Dirs in it
	WriteMap HostKind = "idmap"  // at sync point 1

	AskScope   HostKind = "scope"   // ask the systemd manager at Path to move boxfile into a scope of its own
	MakeCgroup HostKind = "cgroup"  // Cgroup
	SetLimit   HostKind = "limit"   // write Value to file Path of the cgroup that op Group has made, and read it back
	EndAfter   HostKind = "timeout" // After, then Signal, then Grace, then kill
	// EndWhenAsked: Signal in place of TERM; Grace after TERM or INT, then kill.
	EndWhenAsked HostKind = "stop"
	Listen       HostKind = "listen" // at Ports
	Attach       HostKind = "attach" // Helper, at sync point 1
	OpenNS       HostKind = "join"   // open the namespace at Path, of the type Join.Type, as Join.Door
	Relay        HostKind = "relay"  // Terminal, once the box has handed its end over
)

// HostOp is what boxfile itself does on the host, before the fork or at a sync
// point. The executor undoes it when the box cannot be made.
type HostOp struct {
	Step int
	Kind HostKind
	Path string
	// Folder is what Path has to stay in, if it is set: links that lead out are refused.
	// Outer is the same for what the box can write above Path.
	Folder, Outer string

	Dirs []string
	Maps Maps

	Cgroup *CgroupOp
	Name   string // of the box, in the scope's
	Group  int
	Value  string
	// Pages: the kernel rounds Value down to pages. IfThere: a kernel without the
	// file has nothing to be limited. Verbatim: Value is the file's own and may read
	// back in another spelling. BestEffort: what fails is told and left out. Own: the
	// file is given to nobody, because the box could see and own it.
	Pages, IfThere, Verbatim, BestEffort, Own bool

	// Rehearsed: what MakeDir, MakeFile and KeepDir would make is looked for and not made.
	// Relay reads and writes nothing then.
	Rehearsed bool

	After, Grace time.Duration
	Signal       int

	Ports Ports

	Helper Helper

	Join Join

	Terminal Terminal
}

// Join is a namespace that the child joins.
type Join struct {
	Type uint64 // CLONE_NEW*
	Door Reg    // its descriptor
}

// Helper is a program that connects the box to other networks. It runs until the box is gone.
type Helper struct {
	Path  string
	Pasta bool // otherwise it is slirp4netns
	// Args are its arguments, in which PID is process 1 of the box.
	Args []string
}

// PID stands for the box's process 1 among the arguments of a helper.
const PID = "PID"

// Ports are Count ports in a row, at an address of the host from Host on, that lead
// to the box's ports from Box on.
type Ports struct {
	Protocol  string
	Address   string
	Host, Box uint16
	Count     int
}

// Maps is the content of uid_map and gid_map and how it is written: directly,
// or by the tools, which are set for an ordinary user.
type Maps struct {
	UIDs, GIDs       []IDLine
	UIDTool, GIDTool string
}

// IDLine is a line of uid_map(5): Size ids from Box on inside are those from Host on outside.
type IDLine struct{ Box, Host, Size uint32 }

// Program is a plan lowered to one machine.
type Program struct {
	Host    []HostOp
	Flags   uint64 // CLONE_NEW* of the child, clone3(2)
	Stage   []Op   // a child before that, which joins namespaces, makes new ones, and forks the box's; nil without
	Enter   []Op   // the child: process 1 of the box
	Init    []Op   // process 1 once the command has started; nil without HasInit
	Command []Op   // the command's process, or the child itself without HasInit
	HasInit bool
	Regs    Reg        // the highest register
	Plan    *plan.Plan // what it was lowered from, for messages
	Handed  *Handed    // descriptors that the box hands over, or nil
	Ends    bool       // the box ends through its cgroup: it shares its pid namespace
	// Rehearsal: there is no command, and all is taken back at once.
	Rehearsal bool
	skipped   []int // steps that ask nothing of this host

	Unenforced []Unenforced // limits that the file lets go
}

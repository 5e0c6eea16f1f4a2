package executor

import (
	"encoding/binary"
	"syscall"

	"github.com/boxfile/boxfile/executor/internal/fork"
	"github.com/boxfile/boxfile/executor/program"
)

// assemble writes a program down for the interpreter. Tags count the ops as
// WriteText does: Stage, Enter, Command, Init.
//
// With telling, the child says when each step begins: before its first op, and
// for the one that executes the command before that.
func assemble(p *program.Program, telling bool) (*fork.Listing, error) {
	lists := [...][]program.Op{fork.Stage: p.Stage, fork.Enter: p.Enter, fork.Command: p.Command, fork.Init: p.Init}
	size := fork.Sizes{Regs: int(p.Regs), HasInit: p.HasInit, Staged: p.Stage != nil}
	for part, ops := range lists {
		size.Calls[part] = len(ops)
		for i := range ops {
			size.Memory += room(ops[i].Args)
		}
	}
	l, err := fork.NewListing(size)
	if err != nil {
		return nil, err
	}
	a := assembler{listing: l, shared: map[*program.More]fork.Arg{}}
	if telling {
		a.told = make([]bool, len(p.Plan.Steps))
		a.exec = p.Command[len(p.Command)-1].Step
	}
	for part, ops := range lists {
		for i := range ops {
			if err := a.put(fork.Part(part), i, &ops[i]); err != nil {
				l.Free()
				return nil, err
			}
		}
	}
	return l, nil
}

// room is how much memory arguments take, at the most.
func room(args []program.Arg) int {
	n := 0
	for i := range args {
		a := &args[i]
		if a.Kind == program.Text {
			n += fork.Room(len(a.Text))
		}
		if a.More == nil {
			continue
		}
		for _, s := range a.More.Texts {
			n += fork.Room(len(s))
		}
		n += roomOf(a.More)
	}
	return n
}

// roomOf is the memory of a structure with those that it points to.
func roomOf(m *program.More) int {
	n := fork.Room(m.Size())
	for i := range m.Fields {
		if to := m.Fields[i].To; to != nil {
			n += roomOf(to)
		}
	}
	return n
}

type assembler struct {
	listing *fork.Listing
	shared  map[*program.More]fork.Arg // lists of texts, which several attempts to execute have in common
	tag     int
	errs    [2]fork.Skip
	told    []bool // steps that the child says it begins, or nil
	exec    int    // the step that executes the command
}

func (a *assembler) put(part fork.Part, i int, o *program.Op) error {
	c := fork.Call{Tag: a.tag, Nr: o.Call.Nr, Save: int(o.Save), Then: o.Then, Retry: o.Retry, Try: o.Try, HasWant: o.HasWant, Want: o.Want}
	a.tag++
	if a.told != nil && o.Step >= 0 && !a.told[o.Step] && (o.Step != a.exec || o.Executes()) {
		a.told[o.Step], c.Tell = true, true
	}
	c.Errs = a.errs[:0]
	for _, e := range o.Errs {
		if e.Errno != 0 {
			c.Errs = append(c.Errs, fork.Skip{Errno: syscall.Errno(e.Errno), N: int(e.N)})
		}
	}
	for j := range o.Args {
		c.Args[j] = a.arg(&o.Args[j])
	}
	return a.listing.Put(part, i, &c)
}

func (a *assembler) arg(from *program.Arg) fork.Arg {
	switch from.Kind {
	case program.Text:
		return a.listing.String(from.Text)
	case program.Texts:
		arg, ok := a.shared[from.More]
		if !ok {
			arg = a.listing.Strings(from.More.Texts)
			a.shared[from.More] = arg
		}
		return arg
	case program.Struct, program.Buffer:
		return a.structure(from.More)
	case program.Number:
	}
	return fork.Arg{Val: from.Num, Reg: int(from.Reg)}
}

// structure puts a structure down, behind those that it points to.
func (a *assembler) structure(m *program.More) fork.Arg {
	b, at := m.Bytes(), m.Buffer
	for i := range m.Fields {
		if to := m.Fields[i].To; to != nil {
			binary.NativeEndian.PutUint64(b[at:], a.structure(to).Val)
		}
		at += m.Fields[i].Size
	}
	return a.listing.Bytes(b)
}

// opAt returns the op with a tag of assemble's, or nil.
func opAt(p *program.Program, tag int) *program.Op {
	for _, list := range [][]program.Op{p.Stage, p.Enter, p.Command, p.Init} {
		if tag >= 0 && tag < len(list) {
			return &list[tag]
		}
		tag -= len(list)
	}
	return nil
}

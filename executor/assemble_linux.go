package executor

import (
	"github.com/boxfile/boxfile/executor/internal/fork"
	"github.com/boxfile/boxfile/executor/program"
)

// assemble writes a program down for the interpreter. Tags count the ops as
// WriteText does: Enter, Command, Init.
func assemble(p *program.Program) *fork.Listing {
	l := &fork.Listing{HasInit: p.HasInit, Regs: int(p.Regs)}
	tag := 0
	part := func(ops []program.Op) []fork.Call {
		calls := make([]fork.Call, len(ops))
		for i := range ops {
			calls[i] = call(l, &ops[i], tag)
			tag++
		}
		return calls
	}
	l.Enter, l.Command = part(p.Enter), part(p.Command)
	l.Init = part(p.Init)
	return l
}

func call(l *fork.Listing, o *program.Op, tag int) fork.Call {
	c := fork.Call{Tag: tag, Nr: o.Call.Nr, Save: int(o.Save), Then: o.Then, Retry: o.Retry, Try: o.Try}
	if o.Want != nil {
		c.Want, c.HasWant = *o.Want, true
	}
	for _, e := range o.Errs {
		c.Errs = append(c.Errs, fork.Skip{Errno: e.Errno, N: e.N})
	}
	for i, a := range o.Args {
		switch a.Kind {
		case program.Number:
			c.Args[i] = fork.Arg{Val: a.Num, Reg: int(a.Reg)}
		case program.Text:
			c.Args[i] = l.String(a.Text)
		case program.Texts:
			c.Args[i] = l.Strings(a.Texts)
		case program.Struct:
			c.Args[i] = l.Bytes(a.Bytes())
		case program.Buffer:
			c.Args[i] = l.Bytes(make([]byte, a.Num))
		}
	}
	return c
}

// opAt returns the op with a tag of assemble's, or nil.
func opAt(p *program.Program, tag int) *program.Op {
	for _, list := range [][]program.Op{p.Enter, p.Command, p.Init} {
		if tag >= 0 && tag < len(list) {
			return &list[tag]
		}
		tag -= len(list)
	}
	return nil
}

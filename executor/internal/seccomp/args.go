package seccomp

import (
	"fmt"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Where a comparison goes on.
const (
	here = iota // with the next instruction
	held        // the condition holds: with what follows it
	fail        // it does not: behind the rule
)

// step is an instruction with its ways on.
type step struct {
	op      uint16
	k       uint32
	yes, no int
}

// conditions is the instructions that go on behind their end only if all conditions
// hold, and otherwise pass over that and the one that follows (the rule's return).
// possible is false if they never hold.
func conditions(args []plan.SeccompArg) (b builder, possible bool, err error) {
	var parts [][]step
	total := 0
	for _, a := range args {
		s, possible, err := condition(a)
		if err != nil || !possible {
			return nil, false, err
		}
		parts = append(parts, s)
		total += len(s)
	}
	for _, part := range parts {
		for i, s := range part {
			left := len(part) - i - 1 // of this condition
			way := func(to int) uint8 {
				switch to {
				case held:
					return uint8(left)
				case fail:
					return uint8(total - len(b))
				}
				return 0
			}
			yes, no := uint8(0), uint8(0)
			if s.op != opLoad && s.op != opAnd {
				if total > maxSkip-1 {
					return nil, false, errLong
				}
				yes, no = way(s.yes), way(s.no)
			}
			b.add(s.op, s.k, yes, no)
		}
	}
	return b, true, nil
}

// condition compares the halves of an argument, the high one first.
func condition(a plan.SeccompArg) (s []step, possible bool, err error) {
	low, high := atArgs+8*uint32(a.Index), atArgs+8*uint32(a.Index)+4
	vLow, vHigh := uint32(a.Value), uint32(a.Value>>32)
	if a.Index > 5 || a.Mask != nil && a.Op != "==" {
		return nil, false, fmt.Errorf("the plan's seccomp condition on argument %d is not possible", a.Index)
	}
	switch a.Op {
	case "==":
		mask := ^uint64(0)
		if a.Mask != nil {
			mask = *a.Mask
		}
		if a.Value&^mask != 0 {
			return nil, false, nil
		}
		return append(equal(high, uint32(mask>>32), vHigh), equal(low, uint32(mask), vLow)...), true, nil
	case "!=":
		return []step{{op: opLoad, k: high}, {opEqual, vHigh, here, held}, {op: opLoad, k: low}, {opEqual, vLow, fail, held}}, true, nil
	case ">":
		return order(high, low, vHigh, held, fail, step{opGreater, vLow, held, fail}), true, nil
	case ">=":
		return order(high, low, vHigh, held, fail, step{opGreaterEqual, vLow, held, fail}), true, nil
	case "<":
		return order(high, low, vHigh, fail, held, step{opGreaterEqual, vLow, fail, held}), true, nil
	case "<=":
		return order(high, low, vHigh, fail, held, step{opGreater, vLow, fail, held}), true, nil
	}
	return nil, false, fmt.Errorf("the plan's seccomp comparison %q is not known", a.Op)
}

// equal compares one half, if the mask leaves anything of it.
func equal(at, mask, v uint32) []step {
	if mask == 0 {
		return nil
	}
	s := []step{{op: opLoad, k: at}}
	if mask != ^uint32(0) {
		s = append(s, step{op: opAnd, k: mask})
	}
	return append(s, step{opEqual, v, here, fail})
}

// order compares the high halves, and where they are the same the low ones.
func order(high, low, vHigh uint32, greater, less int, last step) []step {
	return []step{{op: opLoad, k: high}, {opGreater, vHigh, greater, here}, {opEqual, vHigh, here, less}, {op: opLoad, k: low}, last}
}

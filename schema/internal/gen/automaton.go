package main

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	symbols = 129 // ASCII, and one for everything beyond
	beyond  = utf8.RuneSelf
)

type table struct{ accept, next []byte }

// compile turns an anchored regular expression into a deterministic automaton.
func compile(pattern string) (*table, error) {
	inner, ok := strings.CutPrefix(pattern, "^")
	inner, ok2 := strings.CutSuffix(inner, "$")
	if !ok || !ok2 {
		return nil, errors.New("it has to be anchored at both ends")
	}
	re, err := syntax.Parse(inner, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	t := &table{accept: []byte{0}, next: make([]byte, symbols)}
	numbers := map[string]int{"": 0}
	var todo [][]uint32
	number := func(states []uint32) (byte, error) {
		key := fmt.Sprint(states)
		if len(states) == 0 {
			return 0, nil
		}
		if n, ok := numbers[key]; ok {
			return byte(n), nil
		}
		n := len(t.accept)
		if n > 255 {
			return 0, errors.New("it needs more than 255 states")
		}
		numbers[key] = n
		end := byte(0)
		if slices.ContainsFunc(states, func(s uint32) bool { return prog.Inst[s].Op == syntax.InstMatch }) {
			end = 1
		}
		t.accept, t.next = append(t.accept, end), append(t.next, make([]byte, symbols)...)
		todo = append(todo, states)
		return byte(n), nil
	}
	start, err := closure(prog, []uint32{uint32(prog.Start)})
	if err != nil {
		return nil, err
	}
	if _, err := number(start); err != nil {
		return nil, err
	}
	for at := 1; len(todo) > 0; at++ {
		states := todo[0]
		todo = todo[1:]
		for c := rune(0); c < symbols; c++ {
			to, err := step(prog, states, c)
			if err != nil {
				return nil, err
			}
			n, err := number(to)
			if err != nil {
				return nil, err
			}
			t.next[at*symbols+int(c)] = n
		}
	}
	return t, nil
}

// closure follows the instructions that read nothing.
func closure(p *syntax.Prog, from []uint32) ([]uint32, error) {
	seen := map[uint32]bool{}
	var out []uint32
	for todo := from; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[s] {
			continue
		}
		seen[s] = true
		switch in := &p.Inst[s]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			return nil, errors.New("an anchor inside")
		default:
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out, nil
}

func step(p *syntax.Prog, states []uint32, c rune) ([]uint32, error) {
	var to []uint32
	for _, s := range states {
		in := &p.Inst[s]
		if in.Op == syntax.InstMatch {
			continue
		}
		hit := in.MatchRune(c)
		if c == beyond && hit != in.MatchRune(utf8.MaxRune) {
			return nil, errors.New("it tells characters beyond ASCII apart")
		}
		if hit {
			to = append(to, in.Out)
		}
	}
	return closure(p, to)
}

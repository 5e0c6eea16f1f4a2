package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Instructions of classic BPF, linux/bpf_common.h.
const (
	opLoad         = 0x20 // BPF_LD | BPF_W | BPF_ABS
	opJump         = 0x05 // BPF_JMP | BPF_JA
	opEqual        = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opGreater      = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opGreaterEqual = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opAnd          = 0x54 // BPF_ALU | BPF_AND | BPF_K
	opReturn       = 0x06 // BPF_RET | BPF_K

	mostInstructions = 4096 // BPF_MAXINSNS
)

// SizeofInstruction is the size of struct sock_filter.
const SizeofInstruction = 8

// Places in struct seccomp_data.
const (
	atNumber = 0
	atArch   = 4
	atArgs   = 16 // the low half first, then the high one: all machines are little-endian
)

// killProcess is what becomes of calls of another architecture, SECCOMP_RET_KILL_PROCESS.
const killProcess = 0x80000000

type arch struct {
	audit   uint32 // AUDIT_ARCH_*, linux/audit.h
	numbers string // names and numbers in turns
	filter  string // of the default profile
}

// archOf is the architecture of that name (GOARCH).
func archOf(goarch string) (a arch, ok bool) {
	switch goarch {
	case "amd64":
		return arch{0xc000003e, numbersAMD64, defaultAMD64}, true
	case "arm64":
		return arch{0xc00000b7, numbersARM64, defaultARM64}, true
	}
	return arch{}, false
}

var (
	errDigest = errors.New("the plan has another default profile of seccomp than this boxfile")
	errLong   = errors.New("the profile has more rules than the kernel takes")
)

// Filter is an array of struct sock_filter for an architecture (GOARCH).
func Filter(s *plan.Seccomp, goarch string) (string, error) {
	a, ok := archOf(goarch)
	switch {
	case !ok:
		return "", fmt.Errorf("no seccomp filter for %s", goarch)
	case s.Digest == "":
		return compile(s, goarch, a)
	case s.Digest != DefaultDigest:
		return "", errDigest
	}
	return a.filter, nil
}

// test is a rule for one call: what it returns if its conditions hold.
type test struct {
	args    []plan.SeccompArg
	outcome uint32
}

// stretch is numbers from first on, up to the next stretch, that are decided in the same way.
type stretch struct {
	first uint32
	tests []test // the last has no conditions
}

func compile(s *plan.Seccomp, goarch string, a arch) (string, error) {
	if s.Otherwise == nil {
		return "", errors.New("the plan's seccomp profile has no action for other calls")
	}
	otherwise, err := outcome(*s.Otherwise)
	if err != nil {
		return "", err
	}
	byNumber := map[uint32][]test{}
	numbers := numbersOf(a.numbers)
	for i := range s.Rules {
		r := &s.Rules[i]
		out, err := outcome(r.SeccompAction)
		if err != nil {
			return "", err
		}
		if len(r.Arches) > 0 && !slices.Contains(r.Arches, goarch) {
			continue
		}
		for _, name := range r.Calls {
			n, ok := numbers[name]
			if t := byNumber[n]; ok && (len(t) == 0 || len(t[len(t)-1].args) > 0) { // nothing decides behind one without conditions
				byNumber[n] = append(t, test{r.Args, out})
			}
		}
	}
	b := builder{}
	b.add(opLoad, atArch, 0, 0)
	b.add(opEqual, a.audit, 1, 0)
	b.add(opReturn, killProcess, 0, 0)
	b.add(opLoad, atNumber, 0, 0)
	tree, err := search(stretches(byNumber, otherwise))
	if err != nil {
		return "", err
	}
	b = append(b, tree...)
	if len(b) > mostInstructions {
		return "", errLong
	}
	return b.String(), nil
}

func numbersOf(table string) map[string]uint32 {
	words := strings.Fields(table)
	m := make(map[string]uint32, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.ParseUint(words[i+1], 10, 32)
		if err != nil {
			panic("seccomp: the table of system calls: " + err.Error()) // it is generated
		}
		m[words[i]] = uint32(n)
	}
	return m
}

// outcome is what a filter returns, SECCOMP_RET_*.
func outcome(a plan.SeccompAction) (uint32, error) {
	switch a.Action {
	case "allow":
		return 0x7fff0000, nil
	case "log":
		return 0x7ffc0000, nil
	case "errno":
		return 0x00050000 | uint32(a.Errno), nil
	case "trap":
		return 0x00030000, nil
	case "kill_thread":
		return 0, nil
	case "kill_process":
		return killProcess, nil
	}
	return 0, fmt.Errorf("the plan's seccomp action %q is not known", a.Action)
}

// stretches covers all numbers, with neighbours joined that come to the same.
func stretches(byNumber map[uint32][]test, otherwise uint32) []stretch {
	numbers := make([]uint32, 0, len(byNumber))
	for n := range byNumber {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	rest := test{nil, otherwise}
	all := []stretch{}
	add := func(first uint32, tests []test) {
		if len(tests) == 0 || len(tests[len(tests)-1].args) > 0 {
			tests = append(slices.Clip(tests), rest)
		}
		if n := len(all); n > 0 && len(tests) == 1 && len(all[n-1].tests) == 1 && all[n-1].tests[0].outcome == tests[0].outcome {
			return
		}
		all = append(all, stretch{first, tests})
	}
	next := uint32(0)
	for _, n := range numbers {
		if n > next {
			add(next, nil)
		}
		add(n, byNumber[n])
		next = n + 1
	}
	add(next, nil)
	return all
}

// search finds a number's stretch by halves.
func search(all []stretch) (builder, error) {
	if len(all) == 1 {
		return decide(all[0].tests)
	}
	half := len(all) / 2
	below, err := search(all[:half])
	if err != nil {
		return nil, err
	}
	from, err := search(all[half:])
	if err != nil {
		return nil, err
	}
	var b builder
	if len(below) <= maxSkip {
		b.add(opGreaterEqual, all[half].first, uint8(len(below)), 0)
	} else {
		b.add(opGreaterEqual, all[half].first, 0, 1)
		b.add(opJump, uint32(len(below)), 0, 0)
	}
	return append(append(b, below...), from...), nil
}

// decide tries the tests in turn.
func decide(tests []test) (builder, error) {
	var b builder
	for _, t := range tests {
		one, possible, err := conditions(t.args)
		if err != nil {
			return nil, err
		}
		if possible {
			one.add(opReturn, t.outcome, 0, 0)
			b = append(b, one...)
		}
	}
	return b, nil
}

// builder is a list of instructions.
type builder []instruction

type instruction struct {
	op      uint16
	yes, no uint8 // to be passed over
	k       uint32
}

const maxSkip = 255

func (b *builder) add(op uint16, k uint32, yes, no uint8) {
	*b = append(*b, instruction{op, yes, no, k})
}

// String is the instructions as the kernel reads them.
func (b builder) String() string {
	out := make([]byte, 0, len(b)*SizeofInstruction)
	for _, i := range b {
		out = binary.LittleEndian.AppendUint16(out, i.op)
		out = append(out, i.yes, i.no)
		out = binary.LittleEndian.AppendUint32(out, i.k)
	}
	return string(out)
}

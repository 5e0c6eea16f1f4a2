package seccomp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/plan"
	profile "github.com/boxfile/boxfile/compiler/seccomp"
	other "github.com/elastic/go-seccomp-bpf"
	machines "github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
)

// machine runs a filter, as the kernel does. Its words are big-endian.
type machine struct {
	vm    *bpf.VM
	audit uint32
}

func audit(goarch string) uint32 { a, _ := archOf(goarch); return a.audit }

func table(goarch string) string { a, _ := archOf(goarch); return a.numbers }

func newMachine(t testing.TB, filter, goarch string) machine {
	t.Helper()
	var raw []bpf.RawInstruction
	for b := []byte(filter); len(b) > 0; b = b[SizeofInstruction:] {
		raw = append(raw, bpf.RawInstruction{Op: binary.LittleEndian.Uint16(b), Jt: b[2], Jf: b[3], K: binary.LittleEndian.Uint32(b[4:])})
	}
	list, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the filter has instructions that BPF does not")
	}
	vm, err := bpf.NewVM(list)
	if err != nil {
		t.Fatal(err)
	}
	return machine{vm, audit(goarch)}
}

func (m machine) ask(t testing.TB, audit, number uint32, args [6]uint64) uint32 {
	t.Helper()
	b := binary.BigEndian.AppendUint32(nil, number)
	b = binary.BigEndian.AppendUint32(b, audit)
	b = binary.BigEndian.AppendUint64(b, 0) // instruction_pointer
	for _, a := range args {
		b = binary.BigEndian.AppendUint32(b, uint32(a))
		b = binary.BigEndian.AppendUint32(b, uint32(a>>32))
	}
	n, err := m.vm.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

// expected is what the rules say, read one after the other.
func expected(t testing.TB, s *plan.Seccomp, goarch, name string, args [6]uint64) uint32 {
	t.Helper()
	act := *s.Otherwise
rules:
	for _, r := range s.Rules {
		if !slices.Contains(r.Calls, name) || len(r.Arches) > 0 && !slices.Contains(r.Arches, goarch) {
			continue
		}
		for _, a := range r.Args {
			v := args[a.Index]
			if a.Mask != nil {
				v &= *a.Mask
			}
			holds := map[string]bool{"==": v == a.Value, "!=": v != a.Value, "<": v < a.Value, "<=": v <= a.Value, ">": v > a.Value, ">=": v >= a.Value}
			if !holds[a.Op] {
				continue rules
			}
		}
		act = r.SeccompAction
		break
	}
	out, err := outcome(act)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// interesting are arguments near to what rules compare with.
func interesting(r *rand.Rand, s *plan.Seccomp) uint64 {
	v := r.Uint64() >> r.IntN(64)
	if rule := s.Rules[r.IntN(len(s.Rules))]; len(rule.Args) > 0 && r.IntN(4) > 0 {
		v = rule.Args[r.IntN(len(rule.Args))].Value + uint64(r.IntN(3)) - 1
		if r.IntN(4) == 0 {
			v ^= 1 << r.IntN(64)
		}
	}
	return v
}

func agree(t *testing.T, s *plan.Seccomp, filter, goarch string, r *rand.Rand, rounds int) {
	t.Helper()
	m := newMachine(t, filter, goarch)
	names := map[uint32]string{}
	most := uint32(0)
	for name, n := range numbersOf(table(goarch)) {
		names[n] = name
		most = max(most, n)
	}
	for n := range most + 3 {
		for range rounds {
			var args [6]uint64
			for i := range args {
				args[i] = interesting(r, s)
			}
			if got, want := m.ask(t, m.audit, n, args), expected(t, s, goarch, names[n], args); got != want {
				t.Fatalf("%s: call %d (%s) with %x: %#x, the rules say %#x", goarch, n, names[n], args, got, want)
			}
		}
	}
}

var goarches = []string{"amd64", "arm64"}

func TestDefaultFilterIsThatOfTheRules(t *testing.T) {
	full := profile.Full(nil)
	r := rand.New(rand.NewPCG(1, 2))
	for _, goarch := range goarches {
		fresh, err := Filter(full, goarch)
		if err != nil {
			t.Fatal(err)
		}
		ready, err := Filter(profile.Default(nil), goarch)
		if err != nil || ready != fresh {
			t.Errorf("%s: go generate has not run since the rules or the compiler changed: %v", goarch, err)
		}
		agree(t, full, ready, goarch, r, 40)
	}
}

func TestForeignCallsEndTheProcess(t *testing.T) {
	for _, goarch := range goarches {
		f, err := Filter(profile.Default(nil), goarch)
		if err != nil {
			t.Fatal(err)
		}
		m := newMachine(t, f, goarch)
		for _, audit := range []uint32{0x40000003, 0x40000028, 0, m.audit ^ 1} { // i386, arm
			if got := m.ask(t, audit, 1, [6]uint64{}); got != killProcess {
				t.Errorf("%s: a call of architecture %#x: %#x", goarch, audit, got)
			}
		}
		for _, n := range []uint32{0x40000000, 0x40000001, 1 << 20, 1<<32 - 1} { // x32, and what is no call
			if got := m.ask(t, m.audit, n, [6]uint64{}); got != 0x00050026 {
				t.Errorf("%s: call %#x: %#x", goarch, n, got)
			}
		}
	}
}

// The filter is a tree: a number that is always allowed is found in a few steps.
func TestDefaultFilterIsShallow(t *testing.T) {
	f, err := Filter(profile.Default(nil), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	deepest := 0
	for n := range uint32(500) {
		at, steps := 0, 0
		for {
			op, yes, no := binary.LittleEndian.Uint16([]byte(f[at:])), f[at+2], f[at+3]
			k := binary.LittleEndian.Uint32([]byte(f[at+4:]))
			steps++
			if op == opReturn || op == opLoad && k >= atArgs {
				break
			}
			skip := no
			if op == opEqual && k == audit("amd64") || op == opGreaterEqual && n >= k {
				skip = yes
			}
			at += (int(skip) + 1) * SizeofInstruction
		}
		deepest = max(deepest, steps)
	}
	if len(f)/SizeofInstruction > 260 || deepest > 14 {
		t.Errorf("%d instructions, %d deep", len(f)/SizeofInstruction, deepest)
	}
}

// Random profiles do as their rules say.
func TestCompileAgreesWithTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	acts := []plan.SeccompAction{{Action: "allow"}, {Action: "errno", Errno: 1}, {Action: "errno", Errno: 38}, {Action: "kill_process"}, {Action: "kill_thread"}, {Action: "log"}, {Action: "trap"}}
	names := strings.Fields(numbersAMD64)
	for range 60 {
		s := &plan.Seccomp{Otherwise: &acts[r.IntN(len(acts))]}
		for range 1 + r.IntN(20) {
			rule := plan.SeccompRule{SeccompAction: acts[r.IntN(len(acts))]}
			for range 1 + r.IntN(6) {
				rule.Calls = append(rule.Calls, names[r.IntN(len(names)/2)*2])
			}
			if r.IntN(8) == 0 {
				rule.Arches = []string{goarches[r.IntN(2)]}
			}
			for range r.IntN(4) {
				a := plan.SeccompArg{Index: uint8(r.IntN(6)), Op: []string{"==", "!=", "<", "<=", ">", ">="}[r.IntN(6)], Value: r.Uint64() >> r.IntN(64)}
				if a.Op == "==" && r.IntN(2) == 0 {
					mask := r.Uint64() >> r.IntN(64)
					a.Mask = &mask
					if r.IntN(8) > 0 {
						a.Value &= mask
					}
				}
				rule.Args = append(rule.Args, a)
			}
			s.Rules = append(s.Rules, rule)
		}
		for _, goarch := range goarches {
			f, err := Filter(s, goarch)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, s, f, goarch, r, 4)
		}
	}
}

// Another compiler of such filters knows the same numbers, and decides alike.
func TestCompileAgreesWithAnotherCompiler(t *testing.T) {
	full := profile.Full(nil)
	for goarch, info := range map[string]*machines.Info{"amd64": machines.X86_64, "arm64": machines.AARCH64} {
		numbers := numbersOf(table(goarch))
		var plain []string // calls that are allowed without conditions
		for _, r := range full.Rules {
			for _, name := range r.Calls {
				n, ok := numbers[name]
				theirs, known := info.SyscallNames[name]
				if ok && known && int(n) != theirs {
					t.Errorf("%s: %s is %d, and %d there", goarch, name, n, theirs)
				}
				if r.Action == "allow" && len(r.Args) == 0 && ok && known && !slices.Contains(plain, name) {
					plain = append(plain, name)
				}
			}
		}
		if len(plain) < 200 {
			t.Fatalf("%s: only %d calls", goarch, len(plain))
		}
		if info != machines.X86_64 {
			continue // it assembles for the machine it is built for
		}
		policy := other.Policy{DefaultAction: other.ActionErrno, Syscalls: []other.SyscallGroup{{Names: plain, Action: other.ActionAllow}}}
		list, err := policy.Assemble()
		if err != nil {
			t.Skipf("%s: %v", goarch, err)
		}
		vm, err := bpf.NewVM(list)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Filter(&plan.Seccomp{Otherwise: &plan.SeccompAction{Action: "errno", Errno: 1}, Rules: []plan.SeccompRule{{Calls: plain, SeccompAction: plan.SeccompAction{Action: "allow"}}}}, goarch)
		if err != nil {
			t.Fatal(err)
		}
		a, b := newMachine(t, ours, goarch), machine{vm, audit(goarch)}
		for n := range uint32(600) {
			if got, want := a.ask(t, a.audit, n, [6]uint64{}), b.ask(t, a.audit, n, [6]uint64{}); got != want {
				t.Errorf("%s: call %d: %#x, and %#x there", goarch, n, got, want)
			}
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	allow := plan.SeccompAction{Action: "allow"}
	many := &plan.Seccomp{Otherwise: &plan.SeccompAction{Action: "errno"}}
	for i := range uint64(3000) {
		many.Rules = append(many.Rules, plan.SeccompRule{Calls: []string{"read"}, SeccompAction: allow, Args: []plan.SeccompArg{{Op: "==", Value: i}}})
	}
	for want, s := range map[string]*plan.Seccomp{
		errDigest.Error():        {Digest: "sha256:0"},
		"no action for other":    {},
		`action "maybe"`:         {Otherwise: &plan.SeccompAction{Action: "maybe"}},
		`comparison "~"`:         {Otherwise: &allow, Rules: []plan.SeccompRule{{Calls: []string{"read"}, SeccompAction: allow, Args: []plan.SeccompArg{{Op: "~"}}}}},
		"argument 6":             {Otherwise: &allow, Rules: []plan.SeccompRule{{Calls: []string{"read"}, SeccompAction: allow, Args: []plan.SeccompArg{{Index: 6, Op: "=="}}}}},
		"more rules than the ke": many,
	} {
		if _, err := Filter(s, "amd64"); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Filter(&plan.Seccomp{}, "mips"); err == nil {
		t.Error("a filter for mips")
	}
}

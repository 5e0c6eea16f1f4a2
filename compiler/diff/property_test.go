package diff_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/compiler/diff"
	"github.com/boxfile/boxfile/compiler/plan"
)

// random makes values out of few, so that two plans often have things in common.
type random struct{ *rand.Rand }

var someWords = []string{"", "a", "/a", "b", "none", "discard", "keep", "0700", "0777", "127.0.0.1", "0.0.0.0", "default", "tty", "always", "allow", "errno", "memory", "0-3", "private", "\x1b[31m"}

func (r random) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.String:
		v.SetString(someWords[r.IntN(len(someWords))])
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.IntN(4)))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(r.IntN(4)))
	case reflect.Pointer:
		if r.IntN(3) == 0 {
			v.SetZero()
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		r.fill(v.Elem())
	case reflect.Slice:
		n := r.IntN(4)
		if n == 0 && r.IntN(2) == 0 {
			v.SetZero()
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			r.fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			r.fill(v.Field(i))
		}
	default:
		panic("no random " + v.Kind().String())
	}
}

func (r random) plan(steps int) *plan.Plan {
	p := &plan.Plan{Name: []string{"a", "b"}[r.IntN(2)], File: "x.yaml"}
	for range steps {
		kinds := plan.Kinds()
		s := kinds[r.IntN(len(kinds))].New()
		r.fill(reflect.ValueOf(s).Elem())
		p.Add(s, plan.Position{Line: r.IntN(9), Col: 1})
	}
	return p
}

// near is the plan with a few things changed.
func (r random) near(p *plan.Plan) *plan.Plan {
	q := &plan.Plan{Name: p.Name, File: "y.yaml", Steps: slices.Clone(p.Steps), Positions: slices.Clone(p.Positions)}
	for range r.IntN(3) {
		i := r.IntN(len(q.Steps))
		switch r.IntN(4) {
		case 0:
			q.Steps, q.Positions = slices.Delete(q.Steps, i, i+1), slices.Delete(q.Positions, i, i+1)
		case 1:
			j := r.IntN(len(q.Steps))
			q.Steps[i], q.Steps[j] = q.Steps[j], q.Steps[i]
		default:
			s := plan.InfoOf(q.Steps[i]).New()
			reflect.ValueOf(s).Elem().Set(reflect.ValueOf(q.Steps[i]).Elem())
			if v := reflect.ValueOf(s).Elem(); v.NumField() > 0 {
				r.fill(v.Field(r.IntN(v.NumField())))
			}
			q.Steps[i] = s
		}
		if len(q.Steps) == 0 {
			break
		}
	}
	return q
}

// Two plans have no difference exactly when their digests are equal, and every
// widening of one way is a narrowing of the way back.
func TestDiffsOfRandomPlans(t *testing.T) {
	for seed := range uint64(3000) {
		checkPair(t, seed)
	}
}

func FuzzDiff(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { checkPair(t, seed) })
}

func checkPair(t *testing.T, seed uint64) {
	t.Helper()
	r := random{rand.New(rand.NewPCG(seed, 1))}
	a := r.plan(1 + r.IntN(12))
	b := r.near(a)
	if r.IntN(4) == 0 {
		b = r.plan(1 + r.IntN(12))
	}
	forth, back := compare(t, a, b), compare(t, b, a)
	if (len(forth.Changes) == 0) != (digest(t, a) == digest(t, b)) {
		t.Errorf("seed %d: %d changes, digests %s %s\n%s", seed, len(forth.Changes), digest(t, a), digest(t, b), show(a, b))
	}
	if x, y := turned(forth, false), turned(back, true); !slices.Equal(x, y) {
		t.Errorf("seed %d: forth\n%s\nback, turned round\n%s\n%s", seed, strings.Join(x, "\n"), strings.Join(y, "\n"), show(a, b))
	}
	for _, c := range forth.Changes {
		if w := c.What(); strings.ContainsAny(w, "\x1b\n\u202e") || w == "" {
			t.Errorf("seed %d: %q", seed, w)
		}
	}
}

func compare(t *testing.T, a, b *plan.Plan) *diff.Diff {
	t.Helper()
	d, err := diff.Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func digest(t *testing.T, p *plan.Plan) string {
	t.Helper()
	d, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// turned lists the changes that have a direction, sorted; round is with both sides exchanged.
func turned(d *diff.Diff, round bool) []string {
	opposite := map[diff.Direction]diff.Direction{diff.Widens: diff.Narrows, diff.Narrows: diff.Widens}
	var out []string
	for _, c := range d.Changes {
		if c.Direction == diff.Neutral {
			continue
		}
		if round {
			c.Direction, c.Old, c.New = opposite[c.Direction], c.New, c.Old
		}
		out = append(out, fmt.Sprintf("%s %s: %s | %s", c.Direction, c.Kind, words(c.Old), words(c.New)))
	}
	slices.Sort(out)
	return out
}

// words sorts what is said together, whose order is that of the steps.
func words(s string) string {
	list := strings.Split(s, ", ")
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func show(plans ...*plan.Plan) string {
	var b strings.Builder
	for _, p := range plans {
		for _, s := range p.Steps {
			text, _ := json.Marshal(s)
			fmt.Fprintf(&b, "%s %s\n", plan.InfoOf(s).Name, text)
		}
		b.WriteString("--\n")
	}
	return b.String()
}

// Whatever field of whatever step is changed, the diff says so.
func TestNoFieldOfAStepEscapesTheDiff(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	for _, k := range plan.Kinds() {
		for range 20 {
			s := k.New()
			r.fill(reflect.ValueOf(s).Elem())
			mutate(t, r, k, s, reflect.ValueOf(s).Elem(), k.Name)
		}
	}
}

// mutate changes each field below v in turn, compares the step with a copy made before, and puts it back.
func mutate(t *testing.T, r random, k plan.Info, s plan.Step, v reflect.Value, name string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			mutate(t, r, k, s, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
		return
	case reflect.Slice:
		for i := range v.Len() {
			mutate(t, r, k, s, v.Index(i), fmt.Sprintf("%s[%d]", name, i))
		}
	}
	before := copyOf(t, k, s)
	was := reflect.ValueOf(v.Interface())
	for tries := 0; reflect.DeepEqual(before, s); tries++ {
		if tries == 100 {
			t.Fatalf("%s cannot be changed", name)
		}
		r.fill(v)
		if v.Kind() == reflect.Slice && was.Len() == 0 && v.Len() == 0 {
			v.Set(was)
		}
	}
	a, b := &plan.Plan{Name: "x"}, &plan.Plan{Name: "x"}
	a.Add(before, plan.Position{})
	b.Add(s, plan.Position{})
	if digest(t, a) != digest(t, b) && len(compare(t, a, b).Changes) == 0 {
		t.Errorf("a change of %s is not told:\n%s", name, show(a, b))
	}
	v.Set(was)
}

// copyOf is the step as JSON has it, which is deep.
func copyOf(t *testing.T, k plan.Info, s plan.Step) plan.Step {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out := k.New()
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

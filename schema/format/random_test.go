package format

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/schema"
)

// author writes right Boxfiles as nobody would.
type author struct {
	*rand.Rand
	b strings.Builder
	n int // of comments
}

func (a *author) oneOf(list ...string) string { return list[a.IntN(len(list))] }

// line begins a line at a column, behind comments and empty lines.
func (a *author) line(col int, lead string) {
	for a.IntN(4) == 0 {
		if a.IntN(2) == 0 {
			a.b.WriteString("\n")
			continue
		}
		a.n++
		fmt.Fprintf(&a.b, "%s# comment %d\n", strings.Repeat(" ", max(0, col+a.IntN(9)-4)), a.n)
	}
	a.b.WriteString(strings.Repeat(" ", col) + lead)
}

func (a *author) end() {
	if a.IntN(5) == 0 {
		a.n++
		fmt.Fprintf(&a.b, "%s# comment %d", strings.Repeat(" ", 1+a.IntN(4)), a.n)
	}
	a.b.WriteString("\n")
}

// text writes a string behind a key at a column.
func (a *author) text(col int) {
	in := strings.Repeat(" ", col+1+a.IntN(5))
	switch a.IntN(7) {
	case 0:
		a.b.WriteString(a.oneOf("|", ">", "|-", ">-") + "\n" + in + "# text: {\n\n" + in + a.oneOf("  ", "") + "- 'more\n")
	case 1:
		a.b.WriteString("|+\n" + in + "kept\n" + strings.Repeat("\n", a.IntN(3)))
	case 2:
		a.b.WriteString("\"a: # \\\"\n" + in + a.oneOf("# text", "b\\", "c  ") + "\n" + in + "d\"")
		a.end()
	case 3:
		a.b.WriteString("'it''s\n\n" + in + "# so'")
		a.end()
	case 4:
		a.b.WriteString("plain\n" + in + "text it's #1")
		a.end()
	case 5:
		n := 1 + a.IntN(4)
		fmt.Fprintf(&a.b, "|%d\n%s first\n%ssecond\n", n, strings.Repeat(" ", col+n), strings.Repeat(" ", col+n))
	default:
		a.b.WriteString(a.oneOf("x", `"x"`, "'#'"))
		a.end()
	}
}

// entries writes keys in any order; each has its own way to go on.
func (a *author) entries(col int, inline bool, values map[string]func(col int)) {
	names := slices.Sorted(func(yield func(string) bool) {
		for k := range values {
			if !yield(k) {
				return
			}
		}
	})
	a.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for i, name := range names {
		key := name + a.oneOf(":", ":", ": ", " :")
		if i == 0 && inline {
			a.b.WriteString(key)
		} else {
			a.line(col, key)
		}
		values[name](col)
	}
}

func (a *author) word(w string) func(int) {
	return func(int) { a.b.WriteString(" " + w); a.end() }
}

func (a *author) string(col int) { a.b.WriteString(" "); a.text(col) }

func (a *author) below(values map[string]func(int)) func(int) {
	return func(col int) {
		a.end()
		a.entries(col+1+a.IntN(4), false, values)
	}
}

func (a *author) list(items int, item func(col int)) func(int) {
	return func(col int) {
		a.end()
		in := col + a.IntN(4)
		for range items {
			a.line(in, "-")
			item(in)
		}
	}
}

func (a *author) mount(col int) {
	if a.IntN(4) == 0 {
		a.b.WriteString(a.oneOf(" ./a:/a", ` "./a:/a"`, " {type: tmpfs,\n"+strings.Repeat(" ", col+3)+"target: /t}"))
		a.end()
		return
	}
	values := map[string]func(int){"target": a.word("/f"), "type": a.word("file"), "content": a.string}
	if a.IntN(2) == 0 {
		values["perms"] = a.word(`"0644"`)
	}
	if a.IntN(4) == 0 {
		a.end()
		a.entries(col+1+a.IntN(3), false, values)
		return
	}
	gap := 1 + a.IntN(3)
	a.b.WriteString(strings.Repeat(" ", gap))
	a.entries(col+1+gap, true, values)
}

func (a *author) document() string {
	values := map[string]func(int){"boxfile": a.word("1"), "shell": a.string}
	for k, v := range map[string]func(int){
		"name": a.word("x"), "description": a.string, "timeout": a.word("90s"), "x-a": a.string, "x-b": a.list(2, a.list(2, a.string)),
		"env":        a.below(map[string]func(int){"A": a.string, "B": a.string, "C": a.word("3"), "D": a.string}),
		"mounts":     a.list(1+a.IntN(3), a.mount),
		"groups":     func(int) { a.b.WriteString(" [\n  " + a.oneOf("", "  ") + "1, # one\n]"); a.end() },
		"idmap":      a.word("subuid"),
		"rlimits":    a.below(map[string]func(int){"nofile": a.word("3"), "as": a.below(map[string]func(int){"soft": a.word("1M"), "hard": a.word("2M")})}),
		"namespaces": a.below(map[string]func(int){"uts": a.word("host"), "pid": a.word("new"), "x-n": a.string}),
		"stop":       a.word("{signal: INT}"),
	} {
		if a.IntN(2) == 0 || k == "idmap" || k == "timeout" {
			values[k] = v
		}
	}
	a.entries(0, false, values)
	a.line(0, "")
	return a.b.String()
}

// Whatever a file looks like, formatting keeps its words and its plan and is done at once.
func TestFormatAnything(t *testing.T) {
	right := 0
	for seed := range uint64(600) {
		a := &author{Rand: rand.New(rand.NewPCG(seed, 1))}
		in := a.document()
		if _, err := schema.Parse("f.yaml", []byte(in), nil); err != nil {
			continue // an indentation that means something else
		}
		right++
		out, err := Format("f.yaml", []byte(in))
		if err != nil {
			t.Fatalf("seed %d: %s\n%s", seed, schema.Render(err, false), in)
		}
		sound(t, []byte(in), out)
		if t.Failed() {
			t.Fatalf("seed %d\n%s\nbecame\n%s", seed, in, out)
		}
	}
	t.Logf("%d of 600 were right Boxfiles", right)
	if right < 500 {
		t.Errorf("only %d of 600 documents were right Boxfiles", right)
	}
}

func FuzzFormat(f *testing.F) {
	files, _ := filepath.Glob("../testdata/*.yaml")
	more, _ := filepath.Glob("../../examples/*.yaml")
	for _, name := range append(files, more...) {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	for seed := range uint64(50) {
		f.Add([]byte((&author{Rand: rand.New(rand.NewPCG(seed, 2))}).document()))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := Format("f.yaml", in)
		if err == nil {
			sound(t, in, out)
			return
		}
		for _, why := range []string{"would not be the same", "would be lost", "twice would give"} {
			if strings.Contains(err.Error(), why) && !strings.Contains(string(in), "\t") {
				t.Errorf("%v\n%s", err, in)
			}
		}
	})
}

// Package lines compares two texts line by line and writes what changes as a
// unified diff, which patch(1) and git apply take. It knows nothing of what the
// lines mean.
package lines

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

const (
	context = 3    // lines shown around a change
	most    = 1000 // changes that a shortest way is looked for; beyond, the middle is replaced as a whole
)

// edit is a run of lines that are taken from the old text and put into the new one,
// or kept where neither is.
type edit struct{ a, b, del, add int }

// Diff is the unified diff from one text to another, empty when they are equal.
func Diff(oldName string, old []byte, newName string, text []byte) []byte {
	if bytes.Equal(old, text) {
		return nil
	}
	x, y := split(old), split(text)
	var b bytes.Buffer
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", label(oldName), label(newName))
	edits := compare(x, y)
	for i := 0; i < len(edits); {
		j := i + 1
		for j < len(edits) && edits[j].a-(edits[j-1].a+edits[j-1].del) <= 2*context {
			j++
		}
		hunk(&b, x, y, edits[i:j])
		i = j
	}
	return b.Bytes()
}

// split keeps line ends, so that a last line without one differs from the same with one.
func split(text []byte) []string {
	list := strings.SplitAfter(string(text), "\n")
	if list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// label is a file's name as git writes it: one that could be misread stands in quotes.
func label(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r == '"' || r == '\\' || !strconv.IsPrint(r) }) {
		return strconv.QuoteToASCII(name)
	}
	if strings.Contains(name, " ") {
		return name + "\t" // where the name ends
	}
	return name
}

func hunk(b *bytes.Buffer, x, y []string, edits []edit) {
	first, last := edits[0], edits[len(edits)-1]
	before := min(context, first.a)
	after := min(context, len(x)-(last.a+last.del))
	from, to := first.a-before, last.a+last.del+after
	shift := first.b - first.a
	end := last.b + last.add + after
	fmt.Fprintf(b, "@@ -%s +%s @@\n", extent(from, to-from), extent(from+shift, end-from-shift))
	at := from
	for _, e := range edits {
		write(b, " ", x[at:e.a])
		write(b, "-", x[e.a:e.a+e.del])
		write(b, "+", y[e.b:e.b+e.add])
		at = e.a + e.del
	}
	write(b, " ", x[at:to])
}

// extent is a hunk's place: an empty one is told by the line before it.
func extent(from, n int) string {
	if n == 0 {
		return fmt.Sprintf("%d,0", from)
	}
	if n == 1 {
		return strconv.Itoa(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, n)
}

func write(b *bytes.Buffer, mark string, list []string) {
	for _, l := range list {
		b.WriteString(mark + l)
		if !strings.HasSuffix(l, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// compare finds the edits, in order.
func compare(x, y []string) []edit {
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	edits, ok := shortest(x[head:len(x)-tail], y[head:len(y)-tail])
	if !ok {
		edits = []edit{{0, 0, len(x) - head - tail, len(y) - head - tail}}
	}
	for i := range edits {
		edits[i].a += head
		edits[i].b += head
	}
	return edits
}

// shortest is Myers' greedy way through the table of both texts ("An O(ND)
// Difference Algorithm", 1986): furthest[k] is how far along x the diagonal k is reached.
func shortest(x, y []string) ([]edit, bool) {
	limit := min(len(x)+len(y), most)
	furthest := make([]int, 2*limit+3)
	var trail [][]int
	for d := 0; d <= limit; d++ {
		for k := -d; k <= d; k += 2 {
			i := furthest[limit+k] + 1
			if k == -d || k != d && furthest[limit+k] < furthest[limit+2+k] {
				i = furthest[limit+2+k]
			}
			for i < len(x) && i-k < len(y) && i-k >= 0 && x[i] == y[i-k] {
				i++
			}
			furthest[limit+1+k] = i
			if i >= len(x) && i-k >= len(y) {
				return back(trail, len(x), len(y), d), true
			}
		}
		trail = append(trail, append([]int(nil), furthest[limit+1-d:limit+2+d]...))
	}
	return nil, false
}

// back follows the way from its end and joins steps that touch.
func back(trail [][]int, i, j, d int) []edit {
	var edits []edit
	for ; d > 0; d-- {
		k, row := i-j, trail[d-1] // the row of d-1 has the diagonals 1-d to d-1
		at := func(k int) int {
			if k < 1-d || k > d-1 {
				return -1
			}
			return row[k+d-1]
		}
		e := edit{}
		if down := at(k + 1); k == -d || k != d && at(k-1) < down {
			e = edit{a: down, b: down - k - 1, add: 1}
		} else {
			e = edit{a: at(k - 1), b: at(k-1) - k + 1, del: 1}
		}
		i, j = e.a, e.b
		if n := len(edits); n > 0 && edits[n-1].a == e.a+e.del && edits[n-1].b == e.b+e.add {
			edits[n-1] = edit{e.a, e.b, e.del + edits[n-1].del, e.add + edits[n-1].add}
			continue
		}
		edits = append(edits, e)
	}
	for l, r := 0, len(edits)-1; l < r; l, r = l+1, r-1 {
		edits[l], edits[r] = edits[r], edits[l]
	}
	return edits
}

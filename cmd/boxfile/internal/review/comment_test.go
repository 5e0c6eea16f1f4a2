//go:build unix

package review

import (
	"fmt"
	"strings"
	"testing"
)

// manyMounts is a Boxfile with so many mounts that what is told of it takes some 20,000 bytes.
func manyMounts(mode string) string {
	var b strings.Builder
	b.WriteString("boxfile: 1\nmounts:\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  - ./a/folder/with/a/long/name/%d:/a/folder/in/the/box/%d:%s\n", i, i, mode)
	}
	return b.String() + "shell: make\n"
}

// Forges take no comment above a size. Whole files are left out, and those that widen come first.
func TestACommentOfManyFilesFits(t *testing.T) {
	r := newRepository(t)
	for i := range 6 {
		r.write(fmt.Sprintf("a%d.yaml", i), manyMounts("rw"))
	}
	r.write("z-widens.yaml", box("ro"))
	r.write("z-wrong.yaml", box("ro"))
	base := r.commit()
	for i := range 6 {
		r.write(fmt.Sprintf("a%d.yaml", i), manyMounts("ro"))
	}
	r.write("z-widens.yaml", box("rw"))
	r.write("z-wrong.yaml", "boxfile: 1\n"+strings.Repeat("shel: x\n", 1000))
	r.commit()

	for flags, c := range map[string]struct{ most, whole int }{"": {65000, 3}, "-c 1000000": {1000000, 7}, "-c 1000": {1000, 0}} {
		out, code := r.review(append(strings.Fields(flags), "-m", "out.md", base)...)
		text := r.read("out.md")
		if code != 1 || len(text) > c.most {
			t.Errorf("%q: exit code %d, %d bytes\n%s", flags, code, len(text), out)
		}
		want := []string{"Of 8 Boxfiles, 1 are wrong, 1 widen what the box may do, 6 change it otherwise, and 0 change waivers or locks alone.\n"}
		if c.whole > 0 {
			want = append(want, "**A file is wrong.**", "read-only → read-write")
		}
		if left := 7 - c.whole; left > 0 && c.whole > 0 {
			want = append(want, fmt.Sprintf("**%d more of them do not fit here.** All are in the log, and told by <code>contrib/review %s</code>.\n", left, base), "### <code>"+base[:7])
		}
		at := 0
		for _, w := range want {
			i := strings.Index(text[at:], w)
			if i < 0 {
				t.Fatalf("%q: nothing says %q, or not in this order\n%s", flags, w, text)
			}
			at += i
		}
		if got := strings.Count(text, "<details><summary>narrows (100)</summary>"); got != max(0, c.whole-1) && c.most > 1000 {
			t.Errorf("%q: %d files that narrow are told as a whole", flags, got)
		}
		if got := strings.Count(text, "<details>"); got != strings.Count(text, "</details>") {
			t.Errorf("%q: a part is cut in two", flags)
		}
	}
}

// Nor is what a lock holds: another tree comes into the box, and no line of the Boxfile has changed.
func TestALockAloneIsTold(t *testing.T) {
	r := newRepository(t)
	r.write("dev.yaml", "boxfile: 1\nrootfs: {dir: ./root}\nshell: x\n")
	r.write("root/tool", "a tool")
	lock := func() {
		if out, code := r.run(nil, program, "lock", "dev.yaml"); code != 0 {
			t.Fatal(out)
		}
	}
	lock()
	base := r.commit()
	r.write("root/tool", "another")
	lock()
	out, code := r.review("-f", "changed", "-m", "out.md", base)
	if md := r.read("out.md"); code != 0 || !strings.Contains(out, "lock: rootfs ./root has changed") || !strings.Contains(md, "has changed") {
		t.Errorf("exit code %d\n%s\n%s", code, out, md)
	}
}

// A waiver is no part of a plan, and has to be seen all the same.
func TestAWaiverAloneIsTold(t *testing.T) {
	r := newRepository(t)
	text := "boxfile: 1\nnetwork: outbound\nshell: x\n"
	r.write("dev.yaml", text)
	base := r.commit()
	r.write("dev.yaml", text+"waive:\n  - {risk: BX024, reason: never mind}\n")
	out, code := r.review("-f", "changed", "-m", "out.md", base)
	if code != 0 || !strings.Contains(out, "waives BX024") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if md := r.read("out.md"); !strings.Contains(md, "waives BX024") {
		t.Errorf("Markdown:\n%s", md)
	}
}

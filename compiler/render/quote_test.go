package render

import (
	"os/exec"
	"strings"
	"testing"
)

var hardWords = []string{"", "a", "a b", "it's", "''", `\`, `\n`, "\n", "a\n", "\n\n", "$HOME", "`id`", "$(id)", "*", "~", "~root", "-n", "a=b", "#", "!", "\x01", "\x1b[2J", "\xff", "\r", "\t", "é", "{a,b}", "&&", "if"}

// FuzzQuote runs a real sh: whatever the word, it has to come out as it went in.
func FuzzQuote(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("sh is not installed")
	}
	for _, w := range append(hardWords, "a\x00b") {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, word string) {
		q, err := quote(word)
		if strings.ContainsRune(word, 0) {
			if err == nil {
				t.Fatalf("%q has a NUL and was quoted as %q", word, q)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(sh, "-c", "printf '%s|' "+q+" "+q).Output()
		if want := word + "|" + word + "|"; err != nil || string(out) != want {
			t.Fatalf("%s means %q to sh, not %q (%v)", q, out, want, err)
		}
	})
}

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// completionIn writes a shell's script beside a Boxfile and a text file, and
// returns the script's path.
func completionIn(t *testing.T, shell string) string {
	t.Helper()
	var b strings.Builder
	if err := cli.WriteCompletion(&b, shell); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"script": b.String(), "dev.yaml": "", "notes.txt": "", "sub dir/x": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "script")
}

// offers is a table of what a shell must offer for an unfinished line, and must not.
var offers = []struct{ line, has, not string }{
	{"boxfile ", "up plan validate schema version completion help", "dev.yaml"},
	{"boxfile pl", "plan", "up"},
	{"boxfile up --", "--dry-run --verbose --input --input-file --help", "--output"},
	{"boxfile up ", "dev.yaml", "notes.txt"},
	{"boxfile plan -o ", "text json sh program", "dev.yaml"},
	{"boxfile up --input-file ", "notes.txt", ""},
	{"boxfile completion ", "bash zsh fish", "dev.yaml"},
	{"boxfile help ", "up completion", "dev.yaml"},
}

func check(t *testing.T, line string, got []string, has, not string) {
	t.Helper()
	for _, w := range strings.Fields(has) {
		if !slices.Contains(got, w) {
			t.Errorf("%q offers %q, without %s", line, got, w)
		}
	}
	for _, w := range strings.Fields(not) {
		if slices.Contains(got, w) {
			t.Errorf("%q offers %q, with %s", line, got, w)
		}
	}
}

func TestBashCompletes(t *testing.T) {
	bash := tool(t, "bash")
	script := completionIn(t, "bash")
	const ask = `source ./script; read -ra COMP_WORDS <<< "$1"; [[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _boxfile; printf '%s\n' "${COMPREPLY[@]}"`
	for _, o := range append(offers, struct{ line, has, not string }{"boxfile up dev.yaml -- ", "", "dev.yaml --dry-run"}) {
		cmd := exec.Command(bash, "--norc", "-c", ask, "bash", o.line)
		cmd.Dir = filepath.Dir(script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", o.line, err, out)
		}
		check(t, o.line, strings.Split(string(out), "\n"), o.has, o.not)
	}
}

func TestBashCompletionIsCleanShell(t *testing.T) {
	shellcheck := tool(t, "shellcheck")
	if out, err := exec.Command(shellcheck, "-s", "bash", completionIn(t, "bash")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestFishCompletes(t *testing.T) {
	fish := tool(t, "fish")
	script := completionIn(t, "fish")
	for _, o := range offers {
		cmd := exec.Command(fish, "--no-config", "-c", "source ./script; complete -C $argv[1]", o.line)
		cmd.Dir = filepath.Dir(script)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", o.line, err, out)
		}
		var got []string
		for _, l := range strings.Split(string(out), "\n") {
			word, _, _ := strings.Cut(l, "\t")
			got = append(got, word)
		}
		if o.not == "notes.txt" { // fish sorts other files last instead of leaving them out
			o.not = ""
		}
		check(t, o.line, got, o.has, o.not)
	}
}

// A zsh on a pseudo terminal (its own module zpty) is the only way to see what
// it would offer: the completion widgets run nowhere else.
func TestZshCompletes(t *testing.T) {
	zsh := tool(t, "zsh")
	script := completionIn(t, "zsh")
	const ask = `
zmodload zsh/zpty
zpty -b z "cd ${(q)PWD}; PS1= zsh -f -i"
say() { zpty -w z "$1"; }
say 'PROMPT=; RPROMPT=; unsetopt zle_bracketed_paste; LISTMAX=1000; COLUMNS=300; stty cols 300 rows 100'
say 'autoload -U compinit; compinit -D -u; zstyle ":completion:*" list-colors; source ./script'
say 'show() { compadd() { local -a found; builtin compadd -O found "$@"; print -rl -- OFFER\ $^found >> answers; builtin compadd "$@" } }'
say 'zle -C ask list-choices asks; asks() { show; _main_complete; unfunction compadd }; bindkey "^X" ask; print READY'
zpty -r -m z line '*READY*'
zpty -w -n z "$1"$'\x18'
for i in {1..100}; do sleep 0.05; [[ -s answers ]] && break; done
sleep 0.2
zpty -d z
sed -n 's/^OFFER //p' answers`
	for _, o := range offers {
		dir := filepath.Dir(script)
		os.Remove(filepath.Join(dir, "answers"))
		cmd := exec.Command(zsh, "-f", "-c", ask, "zsh", o.line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", o.line, err, out)
		}
		check(t, o.line, strings.Split(string(out), "\n"), o.has, o.not)
	}
}

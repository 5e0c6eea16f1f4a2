package schema

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Each bad line of testdata ends with what is to be said about it: surplus and
// missing diagnostics both fail. "---" lines part the chunks, unless a want stands on one.
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test documents", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, chunk := range strings.Split(string(data), "\n---\n") {
			t.Run(fmt.Sprintf("%s %d", filepath.Base(f), i), func(t *testing.T) { checkChunk(t, chunk) })
		}
	}
}

var wantComment = regexp.MustCompile(` # want "(.*)"$`)

func checkChunk(t *testing.T, chunk string) {
	wants := map[int]string{}
	var text []string
	for i, line := range strings.Split(chunk, "\n") {
		if m := wantComment.FindStringSubmatch(line); m != nil {
			wants[i+1] = m[1]
			line = strings.TrimSuffix(line, m[0])
		}
		text = append(text, line)
	}
	_, err := Parse("dir/test.yaml", []byte(strings.Join(text, "\n")+"\n"), nil)
	for _, d := range Diagnostics(err) {
		want, ok := wants[d.Pos.Line]
		got := fmt.Sprintf("%d: %s", d.Pos.Col, d.Message)
		if !ok {
			t.Errorf("line %d: unexpected: %s", d.Pos.Line, got)
			continue
		}
		if !regexp.MustCompile("^(" + want + ")").MatchString(got) {
			t.Errorf("line %d: %s\nwant %s", d.Pos.Line, got, want)
		}
		delete(wants, d.Pos.Line)
	}
	for line, want := range wants {
		t.Errorf("line %d: nothing was said, want %s", line, want)
	}
}

// Files that are wrong as a whole get one clear answer.
func TestWholeFile(t *testing.T) {
	good := "boxfile: 1\nshell: 'true'\n"
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for name, c := range map[string]struct{ text, want string }{
		"empty":      {"", "the file is empty"},
		"blank":      {"\n \n# only this\n", "the file is empty"},
		"UTF-16":     {"\xff\xfeb\x00o\x00", "UTF-16"},
		"UTF-8":      {"boxfile: 1\nname: \xff\n", "2:7: byte 0xff is not valid UTF-8"},
		"NUL":        {"boxfile: 1\nname: a\x00b\n", "2:8: a NUL"},
		"control":    {"boxfile: 1\nname: \x1b[2J\n", "2:7: control character U+001B"},
		"large":      {good + "#" + strings.Repeat("x", MaxSize), "more than 256 KiB"},
		"deep":       {"boxfile: 1\nx-a: " + deep + "\n", "more than 64 levels"},
		"very deep":  {"boxfile: 1\nx-a: " + strings.Repeat("[", 100000), "brackets"},
		"directive":  {"%TAG ! tag:x,2000:\n---\nboxfile: 1\n", "directives"},
		"reordered":  {"boxfile: 1\n# \u202e eman\n", "2:3: U+202E has what follows shown in another order"},
		"isolated":   {"boxfile: 1\nshell: a \u2066 b\n", `"\u2066"`},
		"line mark":  {"boxfile: 1\nname: a\u2028b\n", "U+2028"},
		"scalar":     {"hello\n", "the file has to be a map, not a string"},
		"list depth": {strings.Repeat("- ", 5000) + "x\n", "too deep"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(c.text), nil)
			if err == nil || !strings.Contains(Render(err, false), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for name, text := range map[string]string{"tab in a block": "boxfile: 1\nshell: |\n  if true; then\n  \techo\n  fi\n", "rulers": good + "# " + strings.Repeat("-", 400) + "\n", "BOM": "\ufeff" + good, "CRLF": strings.ReplaceAll(good, "\n", "\r\n"), "no end": strings.TrimSpace(good)} {
		if _, err := Parse("f.yaml", []byte(text), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files made to take long do not.
func TestHostileTime(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, (MaxSize-100)/len(unit)) }
	var keys strings.Builder
	for i := 0; keys.Len() < MaxSize-100; i++ {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"unknown keys": keys.String(), "duplicate keys": fill("a: 1\n"), "flow": "a: [" + fill("[],") + "]", "entries": "boxfile: 1\nmounts:\n" + fill("- a\n"), "ports": "boxfile: 1\nports:\n" + fill("- 1:70\n"), "free ports": "boxfile: 1\nports:\n" + fill("- 0:70\n"),
		"quotes": fill("'"), "colons": fill("a: "), "questions": fill("? "), "anchors": fill("- &a x\n"), "comments": fill("#\n"), "dashes": fill("-\n"),
		"braces": fill("{"), "percent": fill("%a\n"), "long line": "x-a: " + fill("x"), "interpolations": "boxfile: 1\nshell: " + fill("${{ inputs.A }}"), "lines of them": "boxfile: 1\nx-a:\n" + fill("- ${{ inputs.B }}\n"),
		"amplified": "boxfile: 1\ninputs: {A: {default: " + strings.Repeat("x", 100000) + "}}\nshell: " + strings.Repeat("${{ inputs.A }}", 9000), "env_pass": "boxfile: 1\nenv_pass:\n" + names(),
		"indents": indents(), "block": "a: |\n" + fill(" x\n"), "plain lines": "a: b\n" + fill(" c\n"),
	} {
		t.Run(name, func(t *testing.T) {
			least := time.Hour
			for i := 0; i < 5 && least > 2*time.Second; i++ { // 100 ms is the goal, see BenchmarkHostile; a loaded machine gets twenty times that, and may try again
				start := time.Now()
				_, err := Parse("f.yaml", []byte(text), nil)
				if err != nil {
					_ = Render(err, false)
				}
				least = min(least, time.Since(start))
			}
			if least > 2*time.Second {
				t.Errorf("%v for %d bytes", least, len(text))
			}
			t.Logf("%v", least)
		})
	}
}

func names() string {
	var b strings.Builder
	for i := 0; b.Len() < MaxSize-100; i++ {
		fmt.Fprintf(&b, "- A%d\n", i)
	}
	return b.String()
}

func indents() string {
	var b strings.Builder
	for i := 0; b.Len() < MaxSize-2000; i++ {
		b.WriteString(strings.Repeat(" ", i%700) + "a:\n")
	}
	return b.String()
}

// Everything that the language has comes out typed, with its place.
func TestTyped(t *testing.T) {
	b, err := Parse("some/dir/dev.yaml", []byte(`boxfile: 1
name: web
inputs:
  N: {default: 4096}
  TOKEN: {secret: true}
rootfs: {dir: ./r, write: {keep: ./k}}
idmap: {uids: [{box: 0, host: 100000, size: 10}], gids: [{box: 0, host: 100000, size: 10}]}
mounts:
  - ./a:/a:rw
  - {type: tmpfs, target: /tmp, size: 64M, perms: "0700"}
env: {V: 1.10, T: "x-${{ inputs.TOKEN }}"}
rlimits: {nofile: "${{ inputs.N }}", as: 1G, core: unlimited}
user: 7:8
command: [ls, 1]
security: {capabilities: [CAP_CHOWN]}
`), map[string]string{"TOKEN": "s3cret"})
	if err != nil {
		t.Fatal(Render(err, false))
	}
	checks := map[string]bool{
		"file":     b.File == "dev.yaml" && b.Name.Value == "web" && b.Name.Pos == Pos{2, 7},
		"rootfs":   b.Rootfs.Dir.Value == "./r" && b.Rootfs.Write.Mode == "keep" && b.Rootfs.Write.Keep.Value == "./k",
		"idmap":    b.IDMap.Mode == "ranges" && b.IDMap.UIDs[0].Host.Value == 100000,
		"short":    b.Mounts[0].Mode.Value == "rw" && b.Mounts[0].Source.Value == "./a" && b.Mounts[0].Target.Value == "/a",
		"tmpfs":    b.Mounts[1].Size.Value == 64<<20 && b.Mounts[1].Perms.Value == 0o700 && b.Mounts[1].Mode.Value == "rw",
		"env":      b.Env[0].Value[0].Text == "1.10",
		"secret":   len(b.Env[1].Value) == 2 && b.Env[1].Value[1].Secret == "TOKEN",
		"rlimits":  b.Rlimits[0].Soft.Value == 4096 && b.Rlimits[1].Hard.Value == 1<<30 && b.Rlimits[2].Soft.Value == Unlimited,
		"user":     b.User.UID == 7 && b.User.GID == 8,
		"command":  b.Command.Args[1].Value == "1",
		"caps":     b.Security.Capabilities.Mode == "list" && b.Security.Capabilities.Names[0].Value == "CHOWN",
		"defaults": b.Network.Mode.Value == "none" && b.Init.Value && b.Security.NoNewPrivs.Value && b.Umask.Value == 0o022 && b.Hostname.Value == "web" && b.Proc.Value == "new",
	}
	for what, ok := range checks {
		if !ok {
			t.Errorf("%s is not as written: %+v", what, b)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", *b), "s3cret") {
		t.Error("the secret is in the document")
	}
}

// A diagnostic cannot paint over a terminal.
func TestRenderEscapes(t *testing.T) {
	_, err := Parse("f.yaml", []byte("boxfile: 1\nname: \"\\e[2J\\u202e\"\nshell: x\n"), nil)
	if out := Render(err, false); strings.ContainsAny(out, "\x1b\u202e") || !strings.Contains(out, "^") {
		t.Errorf("%q", out)
	}
}

// Text from right to left is no mark that reorders, and an escape is none; in what a program has written marks are only text.
func TestRightToLeft(t *testing.T) {
	for _, text := range []string{"boxfile: 1\nshell: 'echo \u05e9\u05dc\u05d5\u05dd' # \u0645\u0631\u062d\u0628\u0627\n", "boxfile: 1\nshell: \"echo \\u202e\"\n"} {
		if _, err := Parse("f.yaml", []byte(text), nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseGenerated("plan", []byte("boxfile: 1\nshell: \"echo \u202e\"\n"), nil); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	more, _ := filepath.Glob("../examples/*.yaml")
	for _, name := range append(files, more...) {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Parse("f.yaml", data, map[string]string{"A": "x"})
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, d := range Diagnostics(err) {
			if d.Pos.Line > lines+1 || d.Pos.IsSet() && d.Pos.Col < 1 {
				t.Errorf("%d:%d is not in the file of %d lines: %s", d.Pos.Line, d.Pos.Col, lines, d.Message)
			}
		}
		if err != nil {
			_ = Render(err, true)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile("../examples/rlimits.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("f.yaml", data, nil); err != nil {
			b.Fatal(err)
		}
	}
}

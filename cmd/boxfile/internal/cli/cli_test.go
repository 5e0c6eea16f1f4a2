package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

func words(line string) []string { return strings.Fields(line) }

func TestFlagsAndFilesComeInAnyOrder(t *testing.T) {
	for _, line := range []string{
		"up dev.yaml --dry-run -v --input A=1 --input=B=2 -- sh -c x",
		"up --input A=1 -v dev.yaml --input B=2 --dry-run -- sh -c x",
		"up --verbose --dry-run --input=A=1 --input B=2 dev.yaml -- sh -c x",
	} {
		c, err := cli.Parse(words(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if !c.Has(cli.DryRun) || !c.Has(cli.Verbose) || !reflect.DeepEqual(c.Values(cli.Input), []string{"A=1", "B=2"}) ||
			!reflect.DeepEqual(c.Operands, []string{"dev.yaml"}) || !reflect.DeepEqual(c.Command, []string{"sh", "-c", "x"}) {
			t.Errorf("%s: %+v", line, c)
		}
	}
}

func TestAShortFlagTakesItsValueWithOrWithoutASpace(t *testing.T) {
	for _, line := range []string{"plan -o json", "plan -ojson", "plan --output json", "plan --output=json"} {
		if c, err := cli.Parse(words(line)); err != nil || c.Value(cli.Output) != "json" {
			t.Errorf("%s: %+v, %v", line, c, err)
		}
	}
}

func TestFlagsBehindTwoDashesBelongToTheCommand(t *testing.T) {
	c, err := cli.Parse(words("up -- ls --dry-run -- -v"))
	if err != nil || c.Has(cli.DryRun) || !reflect.DeepEqual(c.Command, words("ls --dry-run -- -v")) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestADashIsAFile(t *testing.T) {
	if c, err := cli.Parse(words("plan -")); err != nil || c.Operands[0] != "-" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestHelpIsAnsweredWhateverElseIsWrong(t *testing.T) {
	for _, line := range []string{"up --help", "up a b c --help", "validate -h", "completion --help nosuch"} {
		if c, err := cli.Parse(words(line)); err != nil || !c.Help {
			t.Errorf("%s: %+v, %v", line, c, err)
		}
	}
	for line, verb := range map[string]string{"--help": cli.Help, "-h": cli.Help, "--version": cli.Version, "-V": cli.Version} {
		if c, err := cli.Parse(words(line)); err != nil || c.Verb != verb {
			t.Errorf("%s: %+v, %v", line, c, err)
		}
	}
}

func TestWhatDoesNotFitTheTableIsNamed(t *testing.T) {
	for _, tt := range []struct {
		words []string
		fault cli.Fault
		word  string
		near  string
	}{
		{nil, cli.NoVerb, "", ""},
		{words("plam"), cli.UnknownVerb, "plam", "plan"},
		{words("comp"), cli.UnknownVerb, "comp", "completion"},
		{words("apply"), cli.UnknownVerb, "apply", ""},
		{[]string{""}, cli.UnknownVerb, "", ""},
		{words("up --dryrun"), cli.UnknownFlag, "--dryrun", "dry-run"},
		{words("up -x"), cli.UnknownFlag, "-x", ""},
		{words("validate --dry-run f"), cli.UnknownFlag, "--dry-run", ""},
		{words("up --input"), cli.NeedsValue, "--input", ""},
		{words("up --input -- ls"), cli.NeedsValue, "--input", ""},
		{[]string{"up", "--expect", ""}, cli.NeedsValue, "--expect", ""},
		{words("up --expect="), cli.NeedsValue, "--expect", ""},
		{[]string{"plan", "-o", ""}, cli.NeedsValue, "-o", ""},
		{[]string{"up", ""}, cli.TooFew, "FILE", ""},
		{[]string{"diff", "a", ""}, cli.TooFew, "NEW", ""},
		{[]string{"explain", "a", "b", ""}, cli.TooFew, "WHAT", ""},
		{words("up --dry-run=no"), cli.TakesNoValue, "--dry-run=no", ""},
		{words("up --dry-run --dry-run"), cli.GivenTwice, "--dry-run", ""},
		{words("plan -o json -o text"), cli.GivenTwice, "--output", ""},
		{words("plan -o yaml"), cli.NotAWord, "-o yaml", ""},
		{words("plan --output=jsn"), cli.NotAWord, "--output=jsn", "json"},
		{words("completion tcsh"), cli.NotAWord, "tcsh", ""},
		{words("help upp"), cli.NotAWord, "upp", ""},
		{words("validate"), cli.TooFew, "FILE", ""},
		{words("up a b"), cli.TooMany, "b", ""},
		{words("schema reprot"), cli.NotAWord, "reprot", "report"},
		{words("gc x"), cli.TooMany, "x", ""},
		{words("validate f -- ls"), cli.TakesNoCommand, "ls", ""},
		{words("validate f --"), cli.TakesNoCommand, "", ""},
		{words("up --"), cli.EmptyCommand, "", ""},
		{[]string{"up", "--", ""}, cli.EmptyCommand, "", ""},
	} {
		_, err := cli.Parse(tt.words)
		var u *cli.UsageError
		if !errors.As(err, &u) {
			t.Errorf("%q: %v", tt.words, err)
			continue
		}
		if u.Fault != tt.fault || u.Word != tt.word || u.Near != tt.near {
			t.Errorf("%q: %+v", tt.words, u)
		}
	}
}

func TestHelpFitsAScreen(t *testing.T) {
	names := []string{""}
	for _, v := range cli.Verbs() {
		names = append(names, v.Name)
	}
	for _, name := range names {
		var b strings.Builder
		if err := cli.WriteHelp(&b, name); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) > 23 { // the 24th is for the prompt
			t.Errorf("help %s has %d lines", name, len(lines))
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > 80 || strings.TrimRight(l, " ") != l {
				t.Errorf("help %s: too long, or blank at its end: %q", name, l)
			}
		}
	}
}

func TestEveryVerbIsAWordOfHelp(t *testing.T) {
	for _, v := range cli.Verbs() {
		if _, err := cli.Parse([]string{"help", v.Name}); err != nil {
			t.Error(err)
		}
	}
}

func TestManPagesAreFresh(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "docs", "man")
	want := map[string]bool{}
	for _, p := range cli.ManPages() {
		want[p.File] = true
		have, err := os.ReadFile(filepath.Join(folder, p.File))
		if err != nil || string(have) != p.Text {
			t.Errorf("%s is stale (%v): make man", p.File, err)
		}
	}
	have, err := filepath.Glob(filepath.Join(folder, "boxfile*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range have {
		if !want[filepath.Base(h)] {
			t.Errorf("%s belongs to no verb", h)
		}
	}
}

func TestManPagesHaveNoWarnings(t *testing.T) {
	groff := tool(t, "groff")
	for _, p := range cli.ManPages() {
		cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z")
		cmd.Stdin = strings.NewReader(p.Text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", p.File, err, out)
		}
	}
}

// tool finds a program of this machine that a test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("BOXFILE_TEST_NO_SKIP") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"up", "plan\x00-ojson\x00-", "up\x00--input\x00A=1\x00--\x00ls", "-", "--", "up\x00-\xff", "plan\x00--="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		in := strings.Split(line, "\x00")
		c, err := cli.Parse(in)
		if (c == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", in, c, err)
		}
		var u *cli.UsageError
		if err != nil && !errors.As(err, &u) {
			t.Fatalf("%q: %v is no *UsageError", in, err)
		}
		if c != nil && !c.Help && c.Verb == cli.Validate && len(c.Operands) == 0 {
			t.Fatalf("%q: validate without a file", in)
		}
	})
}

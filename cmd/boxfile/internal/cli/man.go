package cli

import (
	"fmt"
	"strings"
)

// Page is one man page: the name of its file and its text in man(7) form.
type Page struct{ File, Text string }

// ManPages are boxfile(1) and one page for each verb, made from the table.
func ManPages() []Page {
	pages := []Page{{"boxfile.1", mainPage()}}
	for _, v := range Verbs() {
		pages = append(pages, Page{"boxfile-" + v.Name + ".1", verbPage(v)})
	}
	return pages
}

// roff escapes text for man(7): backslashes, dashes that are typed, and lines
// that would begin a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func header(b *strings.Builder, name, short string) {
	fmt.Fprintf(b, ".\\\" Made from the table of verbs by \"make man\"; do not edit.\n.TH %s 1 \"\" \"boxfile\" \"User Commands\"\n.SH NAME\n%s \\- %s\n",
		strings.ToUpper(roff(name)), roff(name), roff(short))
}

func mainPage() string {
	var b strings.Builder
	header(&b, "boxfile", "run commands in boxes that YAML files describe")
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B boxfile\n.I VERB\n[ARGUMENTS]\n.SH DESCRIPTION\n%s\n", roff(Tagline))
	b.WriteString(roff(`What the file says is compiled to a plan: the ordered steps of the run, the same on every machine.
A box starts with nothing: new namespaces, a read-only root, no capabilities, no network but loopback, an empty environment.
Everything more is a line in the file.`))
	b.WriteString("\n.SH VERBS\n")
	for _, v := range Verbs() {
		fmt.Fprintf(&b, ".TP\n.BR boxfile\\-%s (1)\n%s\n", roff(v.Name), roff(v.Short))
	}
	b.WriteString(".SH FILES\n.TP\n.I Boxfile.yaml\nis read where no file is named, or else\n.I boxfile.yaml\nin the same folder. The name \\- is standard input.\n")
	b.WriteString(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nset to anything, keeps messages free of colour.\nNo environment variable changes what a box is.\n")
	b.WriteString(".SH EXIT STATUS\nThat of\n.BR boxfile\\-up (1)\nis the command's own. For the others: 0; 1 if the file is wrong; 64 if the command line is wrong.\n")
	return b.String()
}

func verbPage(v Verb) string {
	var b strings.Builder
	header(&b, "boxfile-"+v.Name, v.Short)
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff("boxfile "+v.Name))
	for _, f := range v.Flags {
		dots := ""
		if f.Repeat {
			dots = "..."
		}
		fmt.Fprintf(&b, "[%s]%s\n", roff(strings.TrimSpace(f.spelling())), dots)
	}
	if o := operands(v); o != "" {
		b.WriteString(roff(o) + "\n")
	}
	if v.Command {
		b.WriteString(roff("[-- COMMAND ARGS...]") + "\n")
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(v.Long))
	if len(v.Flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
	}
	for _, f := range v.Flags {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(f.spelling())), roff(f.Help))
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range v.Exit {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(e.Code), roff(e.Meaning))
	}
	if len(v.Examples) > 0 {
		b.WriteString(".SH EXAMPLES\n")
	}
	for _, e := range v.Examples {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(e.Line), roff(e.Does))
	}
	b.WriteString(".SH SEE ALSO\n.BR boxfile (1)\n")
	return b.String()
}

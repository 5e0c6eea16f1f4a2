package cli

import (
	"fmt"
	"io"
	"strings"
)

// WriteHelp writes the help of a verb, or the list of verbs for "". It fits a
// screen of 24 lines of 80 columns.
func WriteHelp(w io.Writer, name string) error {
	var b strings.Builder
	if v, ok := verb(name); ok {
		verbHelp(&b, v)
	} else {
		overview(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func overview(b *strings.Builder) {
	fmt.Fprintf(b, "%s\n\n", Tagline)
	for _, v := range Verbs() {
		fmt.Fprintf(b, "  boxfile %-26s %s\n", brief(v), v.Short)
	}
	b.WriteString(`
FILE is Boxfile.yaml, else boxfile.yaml, where none is named; - is standard
input. "boxfile help VERB" shows a verb's flags; "man boxfile" says more.

  boxfile plan dev.yaml                read what would happen
  boxfile up dev.yaml                  let it happen
`)
}

// brief is a verb with its operands, without flags.
func brief(v Verb) string {
	s := v.Name
	if o := operands(v); o != "" {
		s += " " + o
	}
	if v.Command {
		s += " [-- COMMAND]"
	}
	return s
}

func operands(v Verb) string {
	o := v.Operands
	if o.Name == "" {
		return ""
	}
	s := o.Name
	if o.Max < 0 {
		s += "…"
	}
	if o.Min == 0 {
		s = "[" + s + "]"
	}
	return s
}

func synopsis(v Verb) string {
	s := "boxfile " + v.Name
	if len(v.Flags) > 0 {
		s += " [FLAGS]"
	}
	if o := operands(v); o != "" {
		s += " " + o
	}
	if v.Command {
		s += " [-- COMMAND ARGS…]"
	}
	return s
}

// spelling is a flag as it is typed: "-o, --output FORM".
func (f Flag) spelling() string {
	s := "    --" + f.Name
	if f.Letter != "" {
		s = "-" + f.Letter + ", --" + f.Name
	}
	if f.Arg != "" {
		s += " " + f.Arg
	}
	return s
}

func verbHelp(b *strings.Builder, v Verb) {
	fmt.Fprintf(b, "usage: %s\n\n%s\n", synopsis(v), v.Long)
	if len(v.Flags) > 0 {
		b.WriteString("\n")
	}
	for _, f := range v.Flags {
		help := f.Help
		if f.Repeat {
			help += " (repeats)"
		}
		fmt.Fprintf(b, "  %-26s %s\n", f.spelling(), help)
	}
	if v.Operands.Words != nil {
		b.WriteString("\n")
		filled(b, v.Operands.Name+" is one of:", ",", v.Operands.Words)
	}
	b.WriteString("\n")
	for _, e := range v.Examples {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-40s  %s", e.Line, e.Does), " ") + "\n")
	}
	exits(b, v.Exit)
}

// exits lists exit codes.
func exits(b *strings.Builder, codes []Exit) {
	words := make([]string, len(codes))
	for i, e := range codes {
		words[i] = e.Code + " " + e.Meaning
	}
	filled(b, "exit:", ";", words)
}

// filled writes a list in as few lines as 80 columns allow.
func filled(b *strings.Builder, title, separator string, words []string) {
	line := title
	for i, w := range words {
		s := " " + w
		if i < len(words)-1 {
			s += separator
		}
		if len(line)+len(s) > 79 {
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", min(len(title), 5))
		}
		line += s
	}
	b.WriteString(line + "\n")
}

package cli

import (
	"slices"
	"strings"
)

// Fault is the way in which a command line does not fit the table.
type Fault int

// The faults. What they are called is cmd/boxfile's wording.
const (
	NoVerb Fault = iota
	UnknownVerb
	UnknownFlag
	NeedsValue     // the flag takes a value and has none, or an empty one
	TakesNoValue   // a switch was given a value
	GivenTwice     // a flag that does not repeat
	NotAWord       // a value or operand that is not among those allowed
	TooFew         // operands; an empty one is none
	TooMany        // operands
	TakesNoCommand // "--" with something behind it
	EmptyCommand   // "--" with nothing behind it, or an empty first word
)

// UsageError says what is wrong with a command line.
type UsageError struct {
	Fault Fault
	Verb  string   // "" before a verb is known
	Word  string   // the word that is wrong
	Near  string   // what was probably meant, or ""
	Words []string // what is allowed, for NotAWord and NoVerb
}

// Error is a bare form; cmd/boxfile words it for people.
func (e *UsageError) Error() string { return "usage: " + e.Verb + " " + e.Word }

// Parse fits the words behind the tool's name into the table. Flags and operands
// may come in any order; "--" ends both. The error is a *UsageError.
func Parse(words []string) (*Call, error) {
	if len(words) == 0 {
		return nil, &UsageError{Fault: NoVerb, Words: verbNames()}
	}
	name := words[0]
	switch name { // what people type at a tool they do not know yet
	case "-h", "--help":
		name = Help
	case "-V", "--version":
		name = Version
	}
	v, ok := verb(name)
	if !ok {
		return nil, &UsageError{Fault: UnknownVerb, Word: name, Near: near(name, verbNames())}
	}
	p := parser{verb: v, call: &Call{Verb: v.Name, flags: map[string][]string{}}}
	if err := p.words(words[1:]); err != nil {
		return nil, err
	}
	if p.call.Help {
		return p.call, nil
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.call, nil
}

type parser struct {
	verb Verb
	call *Call
}

func (p *parser) fault(f Fault, word string) *UsageError {
	return &UsageError{Fault: f, Verb: p.verb.Name, Word: word}
}

func (p *parser) words(ws []string) error {
	for i := 0; i < len(ws) && !p.call.Help; i++ {
		w := ws[i]
		switch {
		case w == "--":
			p.call.Command = ws[i+1:]
			return nil
		case w == "-h" || w == "--help":
			p.call.Help = true
		case len(w) > 1 && w[0] == '-':
			took, err := p.flag(w, ws[i+1:])
			if err != nil {
				return err
			}
			i += took
		default: // "-" alone is a file
			p.call.Operands = append(p.call.Operands, w)
		}
	}
	return nil
}

// flag takes the flag w, and its value from the words that follow where it has
// none of its own; took is the number of those.
func (p *parser) flag(w string, rest []string) (took int, err error) {
	name, value, attached := strings.TrimPrefix(w, "-"), "", false
	long := strings.HasPrefix(w, "--")
	if long {
		name, value, attached = strings.Cut(w[2:], "=")
	}
	f, ok := p.verb.flag(name, long)
	if !ok && !long && len(name) > 1 { // -ojson, or letters in one word
		f, ok = p.verb.flag(name[:1], false)
		value, attached = name[1:], true
	}
	if !ok {
		e := p.fault(UnknownFlag, w)
		e.Near = near(strings.TrimLeft(name, "-"), p.verb.flagNames())
		return 0, e
	}
	if p.call.Has(f.Name) && !f.Repeat {
		return 0, p.fault(GivenTwice, "--"+f.Name)
	}
	switch {
	case f.Arg == "" && attached:
		return 0, p.fault(TakesNoValue, w)
	case f.Arg == "":
		value = "true"
	case !attached && len(rest) == 0 || !attached && rest[0] == "--":
		return 0, p.fault(NeedsValue, w)
	case !attached:
		value, took = rest[0], 1
	}
	if value == "" { // a variable of a script that is not set: --expect "$DIGEST" must not expect nothing
		return 0, p.fault(NeedsValue, strings.TrimSuffix(w, "="))
	}
	if f.Words != nil && !slices.Contains(f.Words, value) {
		e := p.fault(NotAWord, w+" "+value)
		if attached {
			e.Word = w
		}
		e.Words, e.Near = f.Words, near(value, f.Words)
		return 0, e
	}
	p.call.flags[f.Name] = append(p.call.flags[f.Name], value)
	return took, nil
}

// check holds what was taken against the verb's operands.
func (p *parser) check() error {
	o, got, c := p.verb.Operands, p.call.Operands, p.call
	switch {
	case len(got) < o.Min:
		return p.fault(TooFew, strings.Fields(o.Name)[min(len(got), strings.Count(o.Name, " "))]) // the first that is missing
	case o.Max >= 0 && len(got) > o.Max:
		return p.fault(TooMany, got[o.Max])
	case c.Command != nil && !p.verb.Command:
		return p.fault(TakesNoCommand, strings.Join(c.Command, " "))
	case c.Command != nil && (len(c.Command) == 0 || c.Command[0] == ""):
		return p.fault(EmptyCommand, "")
	}
	for i, w := range got {
		if w == "" {
			names := strings.Fields(o.Name)
			return p.fault(TooFew, names[min(i, len(names)-1)])
		}
		if o.Words != nil && !slices.Contains(o.Words, w) {
			e := p.fault(NotAWord, w)
			e.Words, e.Near = o.Words, near(w, o.Words)
			return e
		}
	}
	return nil
}

func verbNames() []string {
	var names []string
	for _, v := range Verbs() {
		names = append(names, v.Name)
	}
	return names
}

func (v Verb) flagNames() []string {
	var names []string
	for _, f := range v.Flags {
		names = append(names, f.Name)
	}
	return names
}

// near is the word that was probably meant: at most two letters away and closer
// than half its length, or the only one that begins like it.
func near(word string, among []string) string {
	best, found := 3, ""
	for _, a := range among {
		if d := distance(word, a); d < best && d*2 < len(a) {
			best, found = d, a
		}
	}
	if found != "" || word == "" {
		return found
	}
	for _, a := range among {
		if strings.HasPrefix(a, word) {
			if found != "" {
				return ""
			}
			found = a
		}
	}
	return found
}

// distance counts the bytes to insert, drop or change to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

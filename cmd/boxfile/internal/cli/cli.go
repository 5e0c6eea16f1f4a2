// Package cli holds boxfile's command line as one table of verbs and flags, and
// everything that is derived from it: parsing, help, shell completion and man pages.
//
// It reads the words of a command line and returns a Call. It opens no file,
// prints nothing by itself and knows nothing of boxes. It exists because start-up
// is the product: a general command-line library costs a quarter of a
// millisecond on every start, this one does not show (docs/architecture.md).
package cli

// Verb is one row of the table: what "boxfile NAME" takes and says of itself.
type Verb struct {
	Name     string
	Short    string   // what it does, for the list of verbs
	Long     string   // paragraphs, in lines that fit 80 columns
	Operands Operands // the words that are no flags
	Flags    []Flag
	Command  bool // takes "-- COMMAND ARGS…"
	Exit     []Exit
	Examples []Example
}

// Operands says which words a verb takes besides its flags.
type Operands struct {
	Name     string // as help shows it, "FILE"
	Min, Max int    // Max < 0: any number
	Words    []string
}

// Flag is one row of a verb's flags.
type Flag struct {
	Name   string   // without dashes
	Letter string   // "" or the short form without its dash
	Arg    string   // "" for a switch, else the name help shows
	Words  []string // the values allowed; nil: any
	File   bool     // the value is a path
	Repeat bool
	Help   string
}

// Exit is an exit code, or a range of them, and its meaning.
type Exit struct{ Code, Meaning string }

// Example is a line of help: what to type and what for.
type Example struct{ Line, Does string }

// Call is a command line that fits the table.
type Call struct {
	Verb     string
	Operands []string
	Help     bool     // --help was among the flags: nothing else matters
	Command  []string // what follows "--"; nil when there is no "--"

	flags map[string][]string
}

// Has reports whether the flag of this name was given.
func (c *Call) Has(flag string) bool { return len(c.flags[flag]) > 0 }

// Value is the flag's value, or "" when it was not given.
func (c *Call) Value(flag string) string {
	if v := c.flags[flag]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Values are the values of a flag that repeats, in order.
func (c *Call) Values(flag string) []string { return c.flags[flag] }

package cli

// The names of verbs and flags, for those who ask a Call about them.
const (
	Up         = "up"
	Plan       = "plan"
	Validate   = "validate"
	Schema     = "schema"
	Doctor     = "doctor"
	GC         = "gc"
	Version    = "version"
	Completion = "completion"
	Help       = "help"

	DryRun    = "dry-run"
	Verbose   = "verbose"
	Output    = "output"
	Input     = "input"
	InputFile = "input-file"
	Report    = "report"
	Seccomp   = "seccomp"
	JSON      = "json"
)

// Tagline says what the tool is for.
const Tagline = "Runs a command in the box that a YAML file describes, and no wider."

// Verbs is the command line. Help, completion, man pages and the parser read it.
func Verbs() []Verb {
	return []Verb{up(), plan(), validate(), doctor(), gc(), schema(), version(), completion(), help()}
}

func inputs() []Flag {
	return []Flag{
		{Name: Input, Arg: "NAME=VALUE", Repeat: true, Help: "give a declared input its value"},
		{Name: InputFile, Arg: "FILE", File: true, Help: "read inputs from lines NAME=VALUE"},
	}
}

func up() Verb {
	return Verb{
		Name: Up, Short: "run the box",
		Long: "Compiles FILE to a plan and carries it out: the command runs in the box, with\n" +
			"boxfile's standard input, output and error. A COMMAND after -- replaces the\n" +
			"file's own and makes another plan. What this machine cannot do as planned is\n" +
			"not done at all. Signals reach the command; TERM and ^C also end the box after\n" +
			"the file's stop.grace, and a second ^C at once.",
		Operands: Operands{Name: "FILE", Max: 1},
		Flags: append([]Flag{
			{Name: DryRun, Help: "print the plan, touch nothing"},
			{Name: Verbose, Letter: "v", Help: "say each step when it begins, with the time since start"},
			{Name: Report, Arg: "FILE", File: true, Help: "write how it went to FILE, as JSON"},
		}, inputs()...),
		Command: true,
		Exit: []Exit{
			{"N", "the command's own"}, {"128+N", "signal N ended it"},
			{"124", "the timeout of the file ended it"},
			{"125", "boxfile could not run it; nothing ran"},
			{"126", "the command cannot be executed"}, {"127", "it was not found"},
			{"64", "the command line is wrong"},
		},
		Examples: []Example{
			{"boxfile up", "run ./Boxfile.yaml"},
			{"boxfile up dev.yaml -- sh -c 'id; ls /'", "another command in the same box"},
			{"boxfile up --report run.json dev.yaml", "reason, CPU time, peak memory, …"},
		},
	}
}

func plan() Verb {
	return Verb{
		Name: Plan, Short: "show every step of a run, do none",
		Long: "Prints what up would do, in order: each step, the side it happens on and the\n" +
			"line that asked for it. The plan is the same on every machine; its digest is\n" +
			"its identity. Only -o program looks at this machine: it shows the system calls.",
		Operands: Operands{Name: "FILE", Max: 1},
		Flags: append([]Flag{
			{Name: Output, Letter: "o", Arg: "FORM", Words: []string{"text", "json", "sh", "program"}, Help: "text (default), json, sh or program"},
		}, inputs()...),
		Command: true,
		Exit:    answers("the plan was printed", "the file is wrong, or (-o program) this machine cannot run it"),
		Examples: []Example{
			{"boxfile plan dev.yaml", "for a reviewer"},
			{"boxfile plan -o json dev.yaml > dev.plan.json", "for a program"},
			{"boxfile plan -o sh dev.yaml", "the same as a script of util-linux"},
		},
	}
}

func validate() Verb {
	return Verb{
		Name: Validate, Short: "say everything that is wrong with files",
		Long: "Reads each FILE and prints what is wrong with it, with line, column and a way\n" +
			"out; silent when all is well. Inputs need no values here unless the file\n" +
			"gives them no default.",
		Operands: Operands{Name: "FILE", Min: 1, Max: -1},
		Flags:    inputs(),
		Exit:     answers("every file is right", "a file is wrong"),
		Examples: []Example{{"boxfile validate *.yaml", "all of a folder"}},
	}
}

func doctor() Verb {
	return Verb{
		Name: Doctor, Short: "say what this machine can do, and why not",
		Long: "Makes the box that FILE describes, up to its command, takes it back, and says\n" +
			"what works: for each part ok, no with its cause and what to do, or - where the\n" +
			"file does not need it. Without FILE it tries a default box, and what more a box\n" +
			"can have. No source is created, nothing is kept, no command runs.",
		Operands: Operands{Name: "FILE", Max: 1},
		Flags:    append([]Flag{{Name: JSON, Help: "print JSON (boxfile schema doctor)"}}, inputs()...),
		Exit:     answers("all that is needed works", "something that is needed does not, or the file is wrong"),
		Examples: []Example{
			{"boxfile doctor", "the most this machine can do"},
			{"boxfile doctor dev.yaml", "will it run here?"},
		},
	}
}

func gc() Verb {
	return Verb{
		Name: GC, Short: "remove what killed boxes left behind",
		Long: "A boxfile that is killed (kill -9) takes its box along, but leaves the box's\n" +
			"cgroups, empty. The next start in the same place removes them, and so does\n" +
			"this, everywhere the caller may. Prints what it has removed.",
		Exit: answers("nothing is left", "this machine could not be looked at"),
	}
}

func schema() Verb {
	return Verb{
		Name: Schema, Short: "print a JSON Schema or the seccomp profile",
		Long:     "Prints the schema (draft 2020-12) for editors and other programs: that of the\nlanguage, of what up --report writes, or of what doctor --json prints. With\nseccomp it prints the profile of system calls that boxes have by default, in the\nform of OCI and Docker.",
		Operands: Operands{Name: "OF", Max: 1, Words: []string{"boxfile", Report, Doctor, Seccomp}},
		Exit:     answers("printed", "standard output could not be written"),
		Examples: []Example{{"boxfile schema > boxfile.schema.json", "for an editor's YAML mode"}, {"boxfile schema report", "what a report holds"}, {"boxfile schema seccomp > seccomp.json", "a profile to begin from"}},
	}
}

func version() Verb {
	return Verb{
		Name: Version, Short: "print what this boxfile is",
		Long: "Prints the tool's version and commit, the version of the language it reads\nand that of the plans it writes.",
		Exit: answers("printed", "standard output could not be written"),
	}
}

func completion() Verb {
	return Verb{
		Name: Completion, Short: "print a completion script for a shell",
		Long:     "Prints a script that completes verbs, flags, values and files.",
		Operands: Operands{Name: "SHELL", Min: 1, Max: 1, Words: []string{"bash", "zsh", "fish"}},
		Exit:     answers("printed", "standard output could not be written"),
		Examples: []Example{
			{"source <(boxfile completion bash)", "this shell, now"},
			{"boxfile completion zsh > ~/.zfunc/_boxfile", "a folder of $fpath"},
			{"boxfile completion fish > ~/.config/fish/completions/boxfile.fish", ""},
		},
	}
}

func help() Verb {
	return Verb{
		Name: Help, Short: "show this, or a verb's own help",
		Long:     "Prints the list of verbs, or what one of them takes.",
		Operands: Operands{Name: "VERB", Max: 1, Words: []string{Up, Plan, Validate, Doctor, GC, Schema, Version, Completion, Help}},
		Exit:     answers("printed", "standard output could not be written"),
	}
}

func answers(yes, no string) []Exit {
	return []Exit{{"0", yes}, {"1", no}, {"64", "the command line is wrong"}}
}

// verb finds a row of the table.
func verb(name string) (Verb, bool) {
	for _, v := range Verbs() {
		if v.Name == name {
			return v, true
		}
	}
	return Verb{}, false
}

// flag finds a row of the verb's flags by long name or by letter.
func (v Verb) flag(name string, long bool) (Flag, bool) {
	for _, f := range v.Flags {
		if long && f.Name == name || !long && f.Letter != "" && f.Letter == name {
			return f, true
		}
	}
	return Flag{}, false
}

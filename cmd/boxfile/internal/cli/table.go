package cli

// The names of verbs and flags, for those who ask a Call about them.
const (
	Up         = "up"
	Plan       = "plan"
	Diff       = "diff"
	Validate   = "validate"
	Explain    = "explain"
	Schema     = "schema"
	Format     = "fmt"
	Doctor     = "doctor"
	GC         = "gc"
	Lock       = "lock"
	LSNS       = "lsns"
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
	FailOn    = "fail-on"
	Locked    = "locked"
	Check     = "check"
	Task      = "task"
	SavedPlan = "plan" // the flag
	PlanOut   = "plan-out"
	Expect    = "expect"
	ExitCode  = "exit-code"
	Write     = "write"
)

// Tagline says what the tool is for.
const Tagline = "Runs a command in the box that a YAML file describes, and no wider."

// Verbs is the command line. Help, completion, man pages and the parser read it.
func Verbs() []Verb {
	return []Verb{up(), plan(), diff(), explain(), lock(), validate(), format(), doctor(), gc(), lsns(), schema(), version(), completion(), help()}
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
		Long: "Compiles FILE to a plan and carries it out as it is, or does nothing at all. A\n" +
			"COMMAND after -- makes another plan. TERM and ^C end the box after the file's\n" +
			"stop.grace, a second ^C at once.",
		Operands: Operands{Name: "FILE", Max: 1},
		Flags: append([]Flag{
			{Name: DryRun, Help: "print the plan, touch nothing"},
			{Name: Verbose, Letter: "v", Help: "say each step when it begins, with the time"},
			{Name: Locked, Help: "run only what the lock beside FILE holds"},
			{Name: Report, Arg: "FILE", File: true, Help: "write how it went to FILE, as JSON"},
			{Name: SavedPlan, Arg: "PLAN", File: true, Help: "run a saved plan instead of FILE"},
			{Name: Expect, Arg: "WHICH", File: true, Help: "refuse any plan but sha256:… or a saved one"},
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
			"its identity. Behind the steps stand the risks of the file (docs/risks.md), and\n" +
			"which of them it waives. Only -o program looks at this machine: it shows the\n" +
			"system calls.",
		Operands: Operands{Name: "FILE", Max: 1},
		Flags: append([]Flag{
			{Name: Output, Letter: "o", Arg: "FORM", Words: []string{"text", "json", "markdown", "sh", "program"}, Help: "text (default), json, markdown, sh or program"},
			{Name: PlanOut, Arg: "PLAN", File: true, Help: "save the plan beside the Boxfile, too"},
			{Name: SavedPlan, Arg: "PLAN", File: true, Help: "show a saved plan instead of FILE"},
			{Name: FailOn, Arg: "RISKS", Help: "end with 1 on these: high, medium, all, or ids"},
		}, inputs()...),
		Command: true,
		Exit:    answers("the plan was printed", "the file is wrong or has a risk to fail on; -o program: cannot run here"),
		Examples: []Example{
			{"boxfile plan dev.yaml", "for a reviewer"},
			{"boxfile plan -o json dev.yaml > dev.plan.json", "for a program"},
			{"boxfile plan -o sh dev.yaml", "the same as a script of util-linux"},
			{"boxfile plan --fail-on high dev.yaml", "for a job of CI"},
		},
	}
}

func diff() Verb {
	return Verb{
		Name: Diff, Short: "show what a change lets a box do",
		Long: "Compares the plans of two Boxfiles, not their text: what widens what the box\n" +
			"may do, what narrows it and what is neutral, with the lines of both. OLD and\n" +
			"NEW are files, saved plans, or REV:FILE in git; /dev/null is no box at all.",
		Operands: Operands{Name: "OLD NEW", Min: 2, Max: 2},
		Flags: append([]Flag{
			{Name: Output, Letter: "o", Arg: "FORM", Words: []string{"text", "json", "markdown", "sarif"}, Help: "text (default), json, markdown or sarif"},
			{Name: ExitCode, Help: "end with 2 for changes, 3 if any widens"},
			{Name: FailOn, Arg: "RISKS", Help: "exit 1 if NEW brings them: high, all, BX002,…"},
		}, inputs()...),
		Exit: []Exit{
			{"0", "compared; with --exit-code: no difference"}, {"1", "a file is wrong, or NEW has a risk of --fail-on"},
			{"2", "--exit-code: changes, of which none widens"}, {"3", "--exit-code: a change widens"}, {"64", "the command line is wrong"},
		},
		Examples: []Example{
			{"boxfile diff HEAD:dev.yaml dev.yaml", "what is not committed yet"},
			{"boxfile diff -o sarif main:dev.yaml dev.yaml", "for code scanning"},
			{"boxfile diff dev.plan.json dev.yaml", "against the plan that was approved"},
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

func lock() Verb {
	return Verb{
		Name: Lock, Short: "hold a box to what was reviewed",
		Long: "Writes a lock beside FILE (dev.lock for dev.yaml): the digest of the plan, and\n" +
			"of what enters the box from outside of it: the tree of its rootfs, layers of\n" +
			"overlays, files that are bound read-only. boxfile up --locked then refuses\n" +
			"anything else. Inputs, and a COMMAND after --, are part of the plan.",
		Operands: Operands{Name: "FILE", Max: 1},
		Flags:    append([]Flag{{Name: Check, Help: "write nothing; say what is not as it was locked"}}, inputs()...),
		Command:  true,
		Exit:     answers("the lock was written, or holds", "the file is wrong, or something is not as it was locked"),
		Examples: []Example{
			{"boxfile lock dev.yaml", "after the review"},
			{"boxfile lock --check dev.yaml", "in a job of CI"},
			{"boxfile up --locked dev.yaml", "this, or nothing"},
		},
	}
}

func explain() Verb {
	return Verb{
		Name: Explain, Short: "say what a box has, and why",
		Long: "Answers for each WHAT in a sentence, with the steps that decide it: 12 is a\n" +
			"step; mounts[2] a key; /etc/hosts a path of the box; CAP_NET_ADMIN a capability;\n" +
			":5432, 53/udp or 127.0.0.1:80 a port; bpf a system call; LANG a variable. step:\n" +
			"key: path: cap: port: call: or env: before it says what is meant.",
		Operands: Operands{Name: "FILE WHAT", Min: 2, Max: -1},
		Flags:    inputs(),
		Exit:     answers("all is answered", "the file is wrong, or it has no such thing"),
		Examples: []Example{
			{"boxfile explain dev.yaml /etc/hosts", "why is it read-only in the box?"},
			{"boxfile explain dev.yaml 12 mounts[0]", "a step, and an entry's steps"},
			{"boxfile explain dev.yaml call:umask", "the call, not the key"},
		},
	}
}

func format() Verb {
	return Verb{
		Name: Format, Short: "give files their canonical form",
		Long: "Prints each FILE with its keys in the order of the schema, two spaces for each\n" +
			"level and at most one empty line between entries. Only lines and the space\n" +
			"before them move: comments, quotes and blocks of text stay as they are, and so\n" +
			"do the plan and its digest. A file that is wrong is not touched.",
		Operands: Operands{Name: "FILE", Min: 1, Max: -1},
		Flags: []Flag{
			{Name: Diff, Letter: "d", Help: "print what would change, as a unified diff"},
			{Name: Write, Letter: "w", Help: "write the files that change, print nothing"},
		},
		Exit: answers("done; with -d: nothing would change", "with -d: a file would change; or a file is wrong"),
		Examples: []Example{
			{"boxfile fmt -w *.yaml", "all of a folder"},
			{"boxfile fmt -d dev.yaml", "for CI"},
		},
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

func lsns() Verb {
	return Verb{
		Name: LSNS, Short: "list namespaces, and whose box they are",
		Long: "Prints the namespaces of this machine as lsns(8) does, as far as the caller may\n" +
			"see them: inode, type, how many processes are in it, and the lowest of these\n" +
			"with its user and command. A namespace that is a box's own has the box's name;\n" +
			"one that a box shares with others has none.",
		Flags: []Flag{
			{Name: JSON, Help: "print JSON (boxfile schema lsns)"},
			{Name: Task, Letter: "p", Arg: "PID", Help: "only those that this process is in"},
		},
		Exit: answers("printed", "there is no such process, or this machine could not be looked at"),
		Examples: []Example{
			{"boxfile lsns", "all that you may see"},
			{"boxfile lsns -p $$", "those of this shell"},
		},
	}
}

func schema() Verb {
	return Verb{
		Name: Schema, Short: "print a JSON Schema or the seccomp profile",
		Long:     "Prints the schema (draft 2020-12) for editors and other programs: that of the\nlanguage, of what up --report writes, of what doctor and lsns print with --json,\nor of what diff -o json prints. With seccomp it prints the profile of system\ncalls that boxes have by default, in the form of OCI and Docker.",
		Operands: Operands{Name: "OF", Max: 1, Words: []string{"boxfile", Report, Doctor, LSNS, Diff, Seccomp}},
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
		Operands: Operands{Name: "VERB", Max: 1, Words: []string{Up, Plan, Diff, Explain, Lock, Validate, Format, Doctor, GC, LSNS, Schema, Version, Completion, Help}},
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

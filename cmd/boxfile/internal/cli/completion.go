package cli

import (
	"fmt"
	"io"
	"strings"
)

// WriteCompletion writes the completion script for bash, zsh or fish. The table
// vouches for the shell's name.
func WriteCompletion(w io.Writer, shell string) error {
	var b strings.Builder
	switch shell {
	case "bash":
		bash(&b)
	case "zsh":
		zsh(&b)
	case "fish":
		fish(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// takesFile says whether the verb's operands are files, or the first of them is.
func (v Verb) takesFile() bool {
	return strings.Contains(v.Operands.Name, "FILE") || v.Operands.Name == "OLD NEW"
}

// others names the operands behind a file.
func (v Verb) others() string {
	_, others, _ := strings.Cut(v.Operands.Name, "FILE")
	return others
}

// forms are the ways to type a flag.
func (f Flag) forms() []string {
	if f.Letter != "" {
		return []string{"-" + f.Letter, "--" + f.Name}
	}
	return []string{"--" + f.Name}
}

func bash(b *strings.Builder) {
	fmt.Fprintf(b, `# bash completion for boxfile; made by "boxfile completion bash".
_boxfile() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} i
    local words='' files=''
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W %q -- "$cur")
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do # behind "--" stands a command of the box, not of this machine
        [[ ${COMP_WORDS[i]} == -- ]] && return
    done
    case $verb in
`, strings.Join(verbNames(), " "))
	for _, v := range Verbs() {
		bashVerb(b, v)
	}
	b.WriteString(`    esac
    if [[ -n $files && $cur != -* ]]; then
        compopt -o filenames 2>/dev/null
        case $files in
        yaml) mapfile -t COMPREPLY < <(compgen -d -- "$cur"; compgen -f -X '!*.@(yaml|yml)' -- "$cur") ;;
        any) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        esac
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
shopt -s extglob
complete -F _boxfile boxfile
`)
}

func bashVerb(b *strings.Builder, v Verb) {
	var words []string
	fmt.Fprintf(b, "    %s)\n", v.Name)
	var cases strings.Builder
	for _, f := range v.Flags {
		words = append(words, f.forms()...)
		pattern := strings.Join(f.forms(), "|")
		switch {
		case f.Words != nil:
			fmt.Fprintf(&cases, "        %s) mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\"); return ;;\n", pattern, strings.Join(f.Words, " "))
		case f.File:
			fmt.Fprintf(&cases, "        %s) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n", pattern)
		case f.Arg != "":
			fmt.Fprintf(&cases, "        %s) return ;;\n", pattern)
		}
	}
	if cases.Len() > 0 {
		fmt.Fprintf(b, "        case $prev in\n%s        esac\n", cases.String())
	}
	words = append(words, "--help")
	if v.takesFile() {
		b.WriteString("        files=yaml\n")
	}
	fmt.Fprintf(b, "        words=%q ;;\n", strings.Join(append(words, v.Operands.Words...), " "))
}

// zquote quotes for a zsh _arguments spec inside single quotes: ':', '[' and ']'
// separate its parts.
func zquote(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`, "'", `'\''`).Replace(s)
}

func zsh(b *strings.Builder) {
	b.WriteString("#compdef boxfile\n# zsh completion for boxfile; made by \"boxfile completion zsh\".\n_boxfile() {\n    local -a verbs\n    verbs=(\n")
	for _, v := range Verbs() {
		fmt.Fprintf(b, "        '%s:%s'\n", v.Name, zquote(v.Short))
	}
	b.WriteString("    )\n    if (( CURRENT == 2 )); then\n        _describe -t verbs verb verbs\n        return\n    fi\n    local verb=$words[2]\n" +
		"    shift words\n    (( CURRENT-- ))\n    case $verb in\n")
	for _, v := range Verbs() {
		fmt.Fprintf(b, "    %s)\n        _arguments -s -S", v.Name)
		for _, f := range v.Flags {
			b.WriteString(" \\\n            " + zshFlag(f))
		}
		b.WriteString(" \\\n            '--help[show what the verb takes]'")
		switch {
		case v.Operands.Words != nil:
			fmt.Fprintf(b, " \\\n            ':%s:(%s)'", v.Operands.Name, strings.Join(v.Operands.Words, " "))
		case v.takesFile() && v.others() != "":
			fmt.Fprintf(b, " \\\n            '1:FILE:_files -g \"*.(yaml|yml)\"' '*:%s: '", strings.TrimSpace(v.others()))
		case v.takesFile():
			b.WriteString(" \\\n            '*:FILE:_files -g \"*.(yaml|yml)\"'")
		}
		b.WriteString(" ;;\n")
	}
	// Sourced, the script registers itself; in a folder of $fpath it is the function's body.
	b.WriteString("    esac\n}\nif [[ $funcstack[1] == _boxfile ]]; then\n    _boxfile \"$@\"\nelse\n    compdef _boxfile boxfile\nfi\n")
}

func zshFlag(f Flag) string {
	help := "[" + zquote(f.Help) + "]"
	value := ""
	switch {
	case f.Words != nil:
		value = fmt.Sprintf(":%s:(%s)", f.Arg, strings.Join(f.Words, " "))
	case f.File:
		value = ":" + f.Arg + ":_files"
	case f.Arg != "":
		value = ":" + f.Arg + ": "
	}
	long := "--" + f.Name
	if value != "" {
		long += "="
	}
	switch {
	case f.Repeat:
		return "'*" + long + help + value + "'"
	case f.Letter != "":
		return fmt.Sprintf("'(-%s --%s)'{-%s,%s}'%s%s'", f.Letter, f.Name, f.Letter, long, help, value)
	}
	return "'" + long + help + value + "'"
}

// fquote quotes for fish's single quotes.
func fquote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

func fish(b *strings.Builder) {
	b.WriteString("# fish completion for boxfile; made by \"boxfile completion fish\".\ncomplete -c boxfile -f\n")
	for _, v := range Verbs() {
		fmt.Fprintf(b, "complete -c boxfile -n __fish_use_subcommand -a %s -d %s\n", v.Name, fquote(v.Short))
	}
	for _, v := range Verbs() {
		on := "complete -c boxfile -n " + fquote("__fish_seen_subcommand_from "+v.Name)
		for _, f := range v.Flags {
			fmt.Fprintf(b, "%s -l %s", on, f.Name)
			if f.Letter != "" {
				b.WriteString(" -s " + f.Letter)
			}
			switch {
			case f.Words != nil:
				b.WriteString(" -x -a " + fquote(strings.Join(f.Words, " ")))
			case f.File:
				b.WriteString(" -r -F")
			case f.Arg != "":
				b.WriteString(" -x")
			}
			b.WriteString(" -d " + fquote(f.Help) + "\n")
		}
		fmt.Fprintf(b, "%s -l help -d 'show what the verb takes'\n", on)
		switch {
		case v.Operands.Words != nil:
			fmt.Fprintf(b, "%s -a %s\n", on, fquote(strings.Join(v.Operands.Words, " ")))
		case v.takesFile():
			fmt.Fprintf(b, "%s -a '(__fish_complete_suffix .yaml) (__fish_complete_suffix .yml)'\n", on)
		}
	}
}

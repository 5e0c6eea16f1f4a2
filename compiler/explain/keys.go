package explain

import (
	"slices"
	"strings"

	"github.com/boxfile/boxfile/schema"
)

// absences are what is so when no step comes from a key.
var absences = [...]struct{ key, text string }{
	{"boxfile", "it is the version of the language"}, {"description", "it is for readers"},
	{"waive", "it says which risks are accepted, and changes no step"},
	{"inputs", "inputs are filled in before there are steps"}, {"name", "it names the box, and the host in it"},
	{"mounts", "the file mounts nothing"}, {"ports", "no port of this machine leads into the box"},
	{"network.dns", "the box asks no name server of the file's"}, {"network.hosts", "the box knows no host of the file's"},
	{"proc", "there is no /proc in the box"}, {"sys", "there is no /sys in the box"}, {"hostname", "the box has this machine's host name"},
	{"resources", "the box has no limits as a whole"}, {"rlimits", "the caller's limit stands"}, {"timeout", "the box may run for ever"},
	{"init", "the command is process 1 of the box"},
	{"security.no_new_privs", "programs of the box may gain privileges"}, {"security.landlock", "Landlock is not used"},
	{"security.seccomp", "no system call is refused"}, {"security.mask", "nothing is hidden"}, {"security.readonly", "nothing more is read-only"},
	{"env", "the file sets no such variable"}, {"env_pass", "no variable of the caller's is passed on"}, {"groups", "the kernel keeps the caller's groups"},
}

// absent is that, for a key or the nearest above it.
func absent(key string) string {
	for k := key; ; {
		for _, a := range absences {
			if a.key == k {
				return "; " + a.text
			}
		}
		i := strings.LastIndexAny(k, ".[")
		if i < 0 {
			return ""
		}
		k = k[:i]
	}
}

// knownKey tells a key of the language, as people write it or with * for a chosen name.
func knownKey(word string) (key string, ok bool) {
	rows := schema.Keys()
	pattern := pattern(word)
	if slices.Contains(rows, pattern) {
		return word, true
	}
	for _, r := range rows { // env.PATH is env.*, resources.unified.memory.low is resources.unified.*
		open, ok := strings.CutSuffix(r, "*")
		if ok && len(pattern) > len(open) && strings.HasPrefix(pattern, open) && !strings.ContainsAny(word, "[]") {
			return word, true
		}
	}
	return word, false
}

// pattern is a key with all numbers of entries left out.
func pattern(word string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(word, '[')
		if i < 0 {
			b.WriteString(word)
			return b.String()
		}
		end := strings.IndexByte(word[i:], ']')
		if end < 2 || strings.Trim(word[i+1:i+end], "0123456789") != "" {
			b.WriteString(word)
			return b.String()
		}
		b.WriteString(word[:i] + "[]")
		word = word[i+end+1:]
	}
}

// nearKey is the key that a misspelt one probably was, with the numbers of its entries.
func (v *view) nearKey(word string) string {
	n := schema.Nearest(pattern(word), schema.Keys())
	if n == "" {
		if dot := strings.LastIndexByte(word, '.'); dot >= 0 { // of its own section
			n = schema.Nearest(word[dot+1:], topKeys())
		}
	}
	rest := word
	for strings.Contains(n, "[]") {
		_, after, _ := strings.Cut(rest, "[")
		number, after2, _ := strings.Cut(after, "]")
		if number == "" {
			number = "0"
		}
		n, rest = strings.Replace(n, "[]", "["+number+"]", 1), after2
	}
	return n
}

func topKeys() []string {
	return slices.DeleteFunc(schema.Keys(), func(k string) bool { return strings.ContainsAny(k, ".[") })
}

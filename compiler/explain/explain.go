package explain

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/compiler/render"
	"github.com/boxfile/boxfile/compiler/seccomp"
	"github.com/boxfile/boxfile/schema"
)

// Answer is what a plan says to one question. One of the pointers is set where there is
// something that a process in the box could find out.
type Answer struct {
	Asked    string // "path /etc/hosts"
	Sentence string
	Steps    []int    // that decide it, as places in the plan
	Also     []string // other questions that the same word could have been, as one has to type them

	Path       *Path
	Capability *Capability
	Port       *Port
	Call       *Call
	Variable   *Variable
}

// UnknownError says that a question's words ask for nothing.
type UnknownError struct {
	Word string
	Kind string // what it was taken for: "step", "key", …, or "" where it was nothing that is known
	Has  string // what there is instead, as in "the plan has 58 steps", or ""
	Near string // what was probably meant, or ""
}

// Error is a bare form; cmd/boxfile words it for people.
func (e *UnknownError) Error() string { return "nothing to explain: " + e.Word }

// kinds are what can be asked for, by the word that may stand before it.
var kinds = [...]struct {
	name string
	ask  func(*view, string) (*Answer, error)
}{
	{"step", (*view).askStep}, {"key", (*view).askKey}, {"path", (*view).askPath}, {"cap", (*view).askCapability},
	{"port", (*view).askPort}, {"env", (*view).askVariable}, {"call", (*view).askCall},
}

// Ask answers one question: a word, or one of "step:", "key:", "path:", "cap:", "port:",
// "env:" and "call:" before it. The error is an *UnknownError.
func Ask(p *plan.Plan, question string) (*Answer, error) {
	v := look(p)
	for _, k := range kinds {
		if word, ok := strings.CutPrefix(question, k.name+":"); ok {
			return k.ask(v, word)
		}
	}
	return v.guess(question)
}

// guess finds out what a word without a kind asks for. What is written differently is
// told apart by that; of what is not, the rarer meaning has to be written out.
func (v *view) guess(word string) (*Answer, error) {
	n, err := strconv.ParseUint(word, 10, 64)
	switch {
	case strings.HasPrefix(word, "/"):
		return v.askPath(word)
	case err == nil && n >= 1 && n <= uint64(len(v.plan.Steps)):
		a, err := v.askStep(word)
		return also(a, "port:"+word), err
	case err == nil && n > 0 && n <= 65535:
		return v.askPort(word)
	case err == nil:
		return v.askStep(word)
	case strings.Contains(word, ":") || strings.Contains(word, "/"):
		return v.askPort(word)
	}
	var found []*Answer
	var first error
	for _, kind := range order(word) {
		for _, k := range kinds {
			if k.name != kind {
				continue
			}
			a, err := k.ask(v, word)
			var no *UnknownError
			if errors.As(err, &no) && first == nil && no.Has != "" {
				first = err
			}
			if err == nil && (k.name != "env" || a.Variable.Step >= 0 || len(found) == 0 && isName(word)) {
				found = append(found, a)
				a.Asked = k.name + " " + strings.TrimPrefix(a.Asked, k.name+" ")
			}
		}
	}
	if len(found) == 0 {
		if first != nil {
			return nil, first
		}
		return nil, &UnknownError{Word: word, Near: v.near(word)}
	}
	for _, other := range found[1:] {
		kind, _, _ := strings.Cut(other.Asked, " ")
		also(found[0], kind+":"+word)
	}
	return found[0], nil
}

// order is in which a word is looked for: variables and capabilities are written in
// capitals, calls are not.
func order(word string) []string {
	if strings.HasPrefix(strings.ToUpper(word), "CAP_") {
		return []string{"cap"}
	}
	if word == strings.ToUpper(word) {
		return []string{"cap", "env"}
	}
	return []string{"key", "call", "cap", "env"}
}

func also(a *Answer, question string) *Answer {
	if a != nil {
		a.Also = append(a.Also, question)
	}
	return a
}

// isName reports whether a word could be a variable's name, as they are by custom.
func isName(word string) bool {
	return word == strings.ToUpper(word) && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// Write writes the answer for people: the sentence, and the steps as a plan shows them.
func (a *Answer) Write(w io.Writer, p *plan.Plan) error {
	text := a.Sentence + "\n"
	if len(a.Also) > 0 {
		text += "(ask " + strings.Join(a.Also, " or ") + " for the other meaning)\n"
	}
	if len(a.Steps) > 0 {
		text += "\n"
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return render.Steps(w, p, a.Steps)
}

// askPath answers for a path.
func (v *view) askPath(word string) (*Answer, error) {
	if !strings.HasPrefix(word, "/") {
		return nil, &UnknownError{Word: word, Kind: "path", Has: "a path of the box starts with /"}
	}
	if strings.IndexByte(word, 0) >= 0 {
		return nil, &UnknownError{Word: word, Kind: "path"}
	}
	if v.cover("/") == nil {
		return nil, &UnknownError{Word: word, Kind: "path", Has: "the plan has no root"}
	}
	return v.path(word), nil
}

// near is what a word was probably meant to be.
func (v *view) near(word string) string {
	if n := v.nearKey(word); n != "" {
		return n
	}
	if n := schema.Nearest(word, seccomp.Calls()); n != "" {
		return n
	}
	if n := schema.Nearest(strings.ToUpper(word), schema.CapabilityNames()); n != "" {
		return "CAP_" + n
	}
	return ""
}

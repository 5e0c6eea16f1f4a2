package main

import (
	"errors"

	"github.com/boxfile/boxfile/compiler/explain"
)

// asked is what messages call the kinds of questions.
func asked(kind string) string {
	switch kind {
	case "key":
		return "key of a Boxfile"
	case "cap":
		return "capability"
	case "env":
		return "name of a variable"
	case "call":
		return "system call"
	case "":
		return "step, key, path, capability, port, variable or system call"
	}
	return kind
}

// wordUnknown is the message about a question that asks for nothing.
func wordUnknown(file string, err error) error {
	var u *explain.UnknownError
	if !errors.As(err, &u) {
		return err
	}
	p := &problem{at: file, text: quote(u.Word) + " is no " + asked(u.Kind)}
	if u.Has != "" && u.Kind == "key" {
		p.text = "there is no " + quote(u.Word)
	}
	if u.Has != "" {
		p.text += ": " + u.Has
	}
	switch {
	case u.Near != "":
		p.text += "; did you mean " + quote(u.Near) + "?"
	case u.Kind == "":
		p.fix = "boxfile help explain"
	}
	return p
}

package main

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/boxfile/boxfile/compiler/plan"
)

// maxFile is the most that a Boxfile or a file of inputs may hold, in bytes.
const maxFile = 256 << 10

// source is a file that was read.
type source struct {
	name   string // as the user named it
	folder string // relative paths of the Boxfile start here
	data   []byte

	revision *revision // that it comes from; nil for one of the file system
}

// readBoxfile reads the file of this name; "" is the default file, "-" is
// standard input. It never waits for anything but standard input, and never reads more than one
// byte over maxFile.
func readBoxfile(name string, stdin io.Reader) (*source, error) {
	if name == "-" {
		data, err := readAll("<stdin>", stdin)
		return &source{name: "<stdin>", folder: ".", data: data}, err
	}
	if name == "" {
		return readDefault()
	}
	data, err := readFile(name)
	return &source{name: name, folder: filepath.Dir(name), data: data}, err
}

// other reads a file that the Boxfile names as part of itself. Its name is said with the error.
func (s *source) other(path string) (name string, text []byte, err error) {
	if s.revision != nil {
		return s.revision.other(path)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.folder, path)
	}
	text, err = readFile(path)
	return path, text, err
}

// defaultNames are the files that a verb without one reads, the first that is there.
var defaultNames = [...]string{"Boxfile.yaml", "boxfile.yaml"}

func readDefault() (*source, error) {
	names := defaultNames[:]
	for _, name := range names {
		data, err := readFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return &source{name: name, folder: ".", data: data}, err
	}
	return nil, &problem{
		text: "there is no " + strings.Join(names, " or ") + " in this folder",
		fix:  "name the file, as in: boxfile plan dev.yaml",
	}
}

// notRegular words the kinds of file that hold no text, with what to do instead.
func notRegular(name string, mode fs.FileMode) *problem {
	p := &problem{at: name, text: "is not a regular file"}
	switch {
	case mode.IsDir():
		p.text, p.fix = "is a folder, not a file", "name a file in it: "+filepath.Join(name, "Boxfile.yaml")
	case mode&fs.ModeNamedPipe != 0:
		p.text, p.fix = "is a pipe, not a file", "read it as standard input: boxfile VERB - < "+name
	}
	return p
}

// readFile reads a regular file of at most maxFile bytes.
func readFile(name string) ([]byte, error) {
	data, err := readRegular(name, maxFile+1)
	return check(name, data, err)
}

func readAll(name string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	return check(name, data, err)
}

func check(name string, data []byte, err error) ([]byte, error) {
	return checkSize(name, data, err, maxFile)
}

func checkSize(name string, data []byte, err error, limit int) ([]byte, error) {
	var said *problem
	switch {
	case errors.As(err, &said):
		return nil, err
	case err != nil:
		return nil, &unreadable{problem{at: name, text: "cannot read it: " + reason(err)}, err}
	case len(data) > limit:
		return nil, tooLarge(name, limit)
	}
	return data, nil
}

func tooLarge(name string, limit int) *problem {
	return &problem{at: name, text: "is larger than " + plan.Bytes(uint64(limit)) + ", the most that is read", fix: "check that it is the right file"}
}

// readBoxfileOrPlan reads a file that may be either, and so be larger than a Boxfile.
func readBoxfileOrPlan(name string, stdin io.Reader) (*source, error) {
	var data []byte
	var err error
	if name == "-" {
		name = "<stdin>"
		data, err = io.ReadAll(io.LimitReader(stdin, maxPlan+1))
	} else {
		data, err = readRegular(name, maxPlan+1)
	}
	data, err = checkSize(name, data, err, maxPlan)
	return &source{name: name, folder: filepath.Dir(name), data: data}, err
}

// unreadable is a problem that unwraps to the error of the operating system.
type unreadable struct {
	problem
	err error
}

func (u *unreadable) Unwrap() []error { return []error{&u.problem, u.err} }

// readInputs gathers the values of --input and --input-file by name. A name given
// twice in one place is an error; the command line wins over the file.
func readInputs(flags []string, file string) (map[string]string, error) {
	inputs := map[string]string{}
	if file != "" {
		data, err := readFile(file)
		if err != nil {
			return nil, err
		}
		if err := inputLines(inputs, file, string(data)); err != nil {
			return nil, err
		}
	}
	given := map[string]bool{}
	for _, f := range flags {
		name, value, ok := strings.Cut(f, "=")
		if !ok || name == "" {
			return nil, &problem{text: "--input " + quote(f) + " is not NAME=VALUE", fix: "boxfile help up", code: exitUsage}
		}
		if given[name] {
			return nil, &problem{text: "--input " + name + " is given twice", fix: "keep one of them", code: exitUsage}
		}
		given[name], inputs[name] = true, value
	}
	return inputs, nil
}

// inputLines reads lines NAME=VALUE. Values are literal: no quotes, no escapes.
// Empty lines and those that begin with # say nothing. Values are never shown,
// because they may be secrets.
func inputLines(into map[string]string, file, text string) error {
	for i, line := range strings.Split(strings.TrimPrefix(text, "\uFEFF"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		at := linePosition(file, i+1)
		name, value, ok := strings.Cut(line, "=")
		switch _, twice := into[name]; {
		case !ok || name == "":
			return &problem{at: at, text: "expected NAME=VALUE", fix: "begin the line with # if it is a comment"}
		case strings.ContainsRune(line, 0) || !utf8.ValidString(line):
			return &problem{at: at, text: "the line holds a NUL or is not UTF-8"}
		case twice:
			return &problem{at: at, text: "the input " + name + " is given twice", fix: "keep one of them"}
		}
		into[name] = value
	}
	return nil
}

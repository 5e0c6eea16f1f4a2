package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/boxfile/boxfile/schema"
)

// value is a JSON value with its place in the text.
type value struct {
	at     schema.Pos
	scalar any // string, json.Number, bool, nil
	object bool
	keys   []key   // of an object
	items  []value // of an array
	array  bool
}

type key struct {
	name  string
	at    schema.Pos
	value value
}

// has reports whether the value is an object with this key.
func (v *value) has(name string) bool {
	return slices.ContainsFunc(v.keys, func(k key) bool { return k.name == name })
}

// reader walks through a JSON text.
type reader struct {
	text  []byte
	d     *json.Decoder
	line  int // of the offset that was asked for last, which only grows
	start int // of that line
	seen  int
}

const mostDeep = 16

var errDeep = errors.New("it is nested too deep")

// read parses a whole text. The place is where an error is.
func read(text []byte) (value, schema.Pos, error) {
	r := &reader{text: text, d: json.NewDecoder(bytes.NewReader(text)), line: 1}
	r.d.UseNumber()
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil { // it knows where
		offset := len(text)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && !strings.HasPrefix(err.Error(), "unexpected end") {
			offset = int(syntax.Offset) - 1
		}
		return value{}, r.place(min(max(offset, 0), len(text))), err
	}
	v, err := r.value(0)
	return v, r.place(min(int(r.d.InputOffset()), len(text))), err
}

// place is the line and column of an offset.
func (r *reader) place(offset int) schema.Pos {
	for ; r.seen < offset; r.seen++ {
		if r.text[r.seen] == '\n' {
			r.line, r.start = r.line+1, r.seen+1
		}
	}
	return schema.Pos{Line: r.line, Col: offset - r.start + 1}
}

// next is the next token and its place.
func (r *reader) next() (json.Token, schema.Pos, error) {
	from := int(r.d.InputOffset())
	for from < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[from]) >= 0 {
		from++
	}
	t, err := r.d.Token()
	return t, r.place(from), err
}

func (r *reader) value(depth int) (value, error) {
	t, at, err := r.next()
	if err != nil {
		return value{}, err
	}
	if depth > mostDeep {
		return value{}, errDeep
	}
	v := value{at: at, scalar: t}
	switch t {
	case json.Delim('{'):
		v.object, v.scalar = true, nil
		for r.d.More() {
			name, at, err := r.next()
			if err != nil {
				return v, err
			}
			member, err := r.value(depth + 1)
			if err != nil {
				return v, err
			}
			v.keys = append(v.keys, key{name.(string), at, member})
		}
	case json.Delim('['):
		v.array, v.scalar = true, nil
		for r.d.More() {
			item, err := r.value(depth + 1)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, item)
		}
	default:
		return v, nil
	}
	_, _, err = r.next() // its end
	return v, err
}

package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Twice is the error of JSON that has a member of an object twice, or nil. encoding/json takes the last,
// and takes "Args" for "args"; a person, or another program, may read the first.
func Twice(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var open []map[string]bool // the members of each object that is open; nil for an array
	name := false              // whether a member's name comes next
	for {
		t, err := d.Token()
		if err != nil {
			return nil //nolint:nilerr // its end, or what Decode says better
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			name = len(open) > 0 && open[len(open)-1] != nil
			continue
		case string:
			if name {
				seen, key := open[len(open)-1], strings.Map(folded, t)
				if seen[key] {
					return fmt.Errorf("the member %q is there twice", t)
				}
				seen[key], name = true, false
				continue
			}
		}
		name = len(open) > 0 && open[len(open)-1] != nil // behind a value
	}
}

// folded is the letter that encoding/json compares for r: the least of those that differ in case only, as S for ſ.
func folded(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}

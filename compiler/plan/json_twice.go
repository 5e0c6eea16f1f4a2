package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Twice is the error of what encoding/json has decoded, but in which an object has a member twice. It takes
// the last, and takes "Args" for "args"; a person, or another program, may read the first. The objects
// of members that are called as one of maps have members of any name, which may differ in case alone.
func Twice(text []byte, maps ...string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	var value func(isMap bool) error
	value = func(isMap bool) error {
		t, err := d.Token()
		open, nested := t.(json.Delim)
		if err != nil || !nested {
			return err
		}
		for seen := map[string]bool{}; d.More(); {
			name := ""
			if open == '{' {
				if t, err = d.Token(); err != nil {
					return err
				}
				name, _ = t.(string)
				key := name
				if !isMap {
					key = strings.Map(folded, name)
				}
				if seen[key] {
					return fmt.Errorf("the member %q is there twice", name)
				}
				seen[key] = true
			}
			if err := value(slices.Contains(maps, name)); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	}
	return value(false)
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

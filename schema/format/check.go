package format

import (
	"bytes"

	"github.com/boxfile/boxfile/schema"
	"gopkg.in/yaml.v3"
)

// check holds the new text against the old: it must be the same document, with every
// character but space, and formatting it again must change nothing.
func check(name string, old *schema.Outline, out []byte) error {
	refuse := func(fix, why string) error {
		c := schema.NewCollector(name, old.Text)
		c.Add(schema.Pos{}, fix, "cannot format it: %s", why)
		return c.ErrorOrNil()
	}
	now, err := schema.NewOutline(name, out)
	if err != nil || !same(old, now, old.Root, now.Root) {
		if n := len(old.Text); old.Text[n-1] != '\n' {
			return refuse("end the last line; a block of text then ends with a line end, too, unless it begins with |-", "the file does not end with a line end, and moving its last line would change the document")
		}
		return refuse("", "the document would not be the same")
	}
	if characters(old.Text) != characters(now.Text) {
		return refuse("", "a part of the text would be lost")
	}
	again, err := text(name, now)
	if err != nil || !bytes.Equal(again, out) {
		return refuse("", "formatting it twice would give another text")
	}
	return nil
}

// same compares documents: equal values, written alike, and in the same order where that is the file's own.
func same(a, b *schema.Outline, x, y *yaml.Node) bool {
	if x.Kind != y.Kind || x.Value != y.Value || x.Style != y.Style || x.Tag != y.Tag || len(x.Content) != len(y.Content) {
		return false
	}
	if x.Kind != yaml.MappingNode {
		for i := range x.Content {
			if !same(a, b, x.Content[i], y.Content[i]) {
				return false
			}
		}
		return true
	}
	values := make(map[string]*yaml.Node, len(x.Content)/2)
	free := false // whether the schema orders the keys
	for i := 0; i < len(x.Content); i += 2 {
		values[x.Content[i].Value] = x.Content[i+1]
		free = free || a.Rank(x.Content[i]) != 0
	}
	for i := 0; i < len(y.Content); i += 2 {
		value := values[y.Content[i].Value]
		if value == nil || !same(a, b, value, y.Content[i+1]) || !free && x.Content[i].Value != y.Content[i].Value {
			return false
		}
	}
	return true
}

// characters counts every byte that is not space.
func characters(text []byte) (count [256]int) {
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\n' {
			count[c]++
		}
	}
	return count
}

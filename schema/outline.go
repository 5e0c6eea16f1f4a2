package schema

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Outline is a right Boxfile as its text has it, for tools that move that text.
type Outline struct {
	Text []byte     // without a byte order mark, with plain line ends
	Root *yaml.Node // its lines and columns are those of Text

	ranks map[*yaml.Node]int
}

// NewOutline reads a Boxfile. Inputs need no values. The error is that of Parse.
func NewOutline(name string, data []byte) (*Outline, error) {
	if _, err := parse(name, data, nil, reading{most: MaxSize, lenient: true}); err != nil {
		return nil, err
	}
	text, c := checkText(name, data, MaxSize)
	o := &Outline{Text: text, Root: readTree(c, text), ranks: map[*yaml.Node]int{}}
	o.rank(o.Root, 1)
	return o, nil
}

// Rank is the place that the schema gives a key among those of its map, counted from 1. It
// is 0 for keys whose names are the file's own: their order may mean something.
func (o *Outline) Rank(key *yaml.Node) int { return o.ranks[key] }

func (o *Outline) rank(n *yaml.Node, number int) {
	r := &rules[number-1]
	for _, other := range r.oneOf {
		if allows(rules[other-1].types, kindOf(n)) {
			o.rank(n, other)
			return
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at, found := slices.BinarySearchFunc(r.props, key.Value, func(p property, k string) int { return strings.Compare(p.name, k) })
			switch {
			case found:
				o.ranks[key] = r.props[at].rank
				o.rank(value, r.props[at].rule)
			case r.others > 0:
				o.rank(value, r.others)
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if r.items > 0 {
				o.rank(item, r.items)
			}
		}
	}
}

package schema

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// readTree parses one YAML document and refuses what a Boxfile may not use of YAML.
func readTree(c *Collector, data []byte) *yaml.Node {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decodeNode(d, &doc); err != nil && !errors.Is(err, io.EOF) {
		at, text := syntaxError(err)
		if tab, ok := tabNear(data, at.Line); ok {
			c.Add(tab, "indent with spaces", "a tab in the indentation; YAML allows only spaces there")
			return nil
		}
		c.Add(at, "", "%s", text)
		return nil
	}
	if len(doc.Content) == 0 {
		c.Add(Pos{}, "begin with: boxfile: 1", "the file is empty")
		return nil
	}
	var second yaml.Node
	if err := decodeNode(d, &second); !errors.Is(err, io.EOF) {
		at := posOf(&second)
		if err != nil {
			at, _ = syntaxError(err)
		}
		c.Add(at, "split the file", "a second document; a Boxfile is one")
	}
	root := doc.Content[0]
	checkNodes(c, root, 1)
	return root
}

// decodeNode shields against panics of the parser: a bad file is an error of the file.
func decodeNode(d *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("yaml: the file cannot be read as YAML")
		}
	}()
	return d.Decode(n)
}

// tabNear looks for a tab in the indentation of a line or its neighbours. Only
// where the parser has failed: inside a block of text tabs are text.
func tabNear(data []byte, line int) (Pos, bool) {
	lines := bytes.Split(data, []byte("\n"))
	for i := max(0, line-2); i < min(len(lines), line+1); i++ {
		lead := lines[i][:len(lines[i])-len(bytes.TrimLeft(lines[i], " \t"))]
		if at := bytes.IndexByte(lead, '\t'); at >= 0 {
			return Pos{i + 1, at + 1}, true
		}
	}
	return Pos{}, false
}

// syntaxError finds the line in the parser's message.
func syntaxError(err error) (Pos, string) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, message, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil && line > 0 {
			if strings.HasPrefix(message, "did not find expected") {
				line++ // yaml.v3 counts the lines of its scanner from 1 and those of its parser from 0
			}
			return Pos{line, 1}, "not valid YAML: " + message
		}
	}
	return Pos{1, 1}, "not valid YAML: " + text
}

// checkNodes walks the tree once. Aliases are refused before they are followed.
func checkNodes(c *Collector, n *yaml.Node, depth int) {
	if depth > maxNesting {
		c.Add(posOf(n), "", "more than %d levels deep", maxNesting)
		return
	}
	switch {
	case n.Kind == yaml.AliasNode:
		c.Add(posOf(n), "write the value again", "aliases (*%s) are not allowed: a reviewer could miss what they stand for", n.Value)
		return
	case n.Anchor != "":
		c.Add(posOf(n), "write the value where it is used", "anchors (&%s) are not allowed: a reviewer could miss where they are used", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		c.Add(posOf(n), "remove the tag", "tags (%s) are not allowed", n.Tag)
	}
	if n.Kind == yaml.MappingNode {
		checkKeys(c, n)
	}
	for _, child := range n.Content {
		checkNodes(c, child, depth+1)
	}
}

func checkKeys(c *Collector, n *yaml.Node) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind == yaml.AliasNode || k.Anchor != "" {
			continue // told when it is walked
		}
		if k.Value == "<<" && kindOf(k) == kindString && k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			c.Add(posOf(k), "write the keys out", "merge keys (<<) are not allowed: a reviewer could miss what they bring in")
			continue
		}
		if kindOf(k) != kindString {
			c.Add(posOf(k), "put it in quotes, if it is meant", "a key has to be a string, and this one is %s", kindOf(k).words())
			continue
		}
		if line, ok := seen[k.Value]; ok {
			c.Add(posOf(k), "remove one of the two", "duplicate key %q; it is already on line %d", k.Value, line)
			continue
		}
		seen[k.Value] = k.Line
	}
}

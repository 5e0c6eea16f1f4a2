package schema

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

func quoteRune(r rune) string { return strconv.QuoteRuneToASCII(r) }

// kindOf resolves a node by the YAML 1.2 core schema. yaml.v3's own resolver
// still reads 0755, 1_000 and 12:34:56 as YAML 1.1 did, so it is not asked.
func kindOf(n *yaml.Node) kind {
	switch n.Kind {
	case yaml.MappingNode:
		return kindMap
	case yaml.SequenceNode:
		return kindList
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return kindString
	}
	switch v := n.Value; {
	case v == "" || v == "~" || v == "null" || v == "Null" || v == "NULL":
		return kindNull
	case v == "true" || v == "false" || v == "True" || v == "False" || v == "TRUE" || v == "FALSE":
		return kindBool
	case isInt(v):
		return kindInt
	case isFloat(v):
		return kindFloat
	}
	return kindString
}

// isInt is [-+]?[0-9]+. The decoding refuses a leading zero, which too many read as octal.
func isInt(v string) bool {
	d := strings.TrimLeft(v, "+-")
	return len(v)-len(d) <= 1 && d != "" && strings.Trim(d, "0123456789") == ""
}

func isFloat(v string) bool {
	d := strings.TrimLeft(v, "+-")
	if len(v)-len(d) > 1 {
		return false
	}
	switch d {
	case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
		return true
	}
	if d == "" || strings.Trim(d, "0123456789.eE+-") != "" || !strings.ContainsAny(d[:1], "0123456789.") || !strings.ContainsAny(d, ".eE") {
		return false
	}
	_, err := strconv.ParseFloat(d, 64)
	return err == nil || strings.Contains(err.Error(), "range")
}

func posOf(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }

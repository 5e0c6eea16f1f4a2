package schema

import (
	"strconv"
	"strings"
)

func (d *decoder) waive(n *node) {
	if n == nil {
		return
	}
	seen := make(map[string]int, len(n.Content))
	for _, c := range n.Content {
		w := Waiver{Pos: posOf(c), Risk: text(child(c, "risk"), ""), Reason: text(child(c, "reason"), ""), Until: text(child(c, "until"), "")}
		if strings.TrimSpace(w.Reason.Value) == "" && w.Reason.IsSet() {
			d.fail(w.Reason.Pos, "say why the box needs it", "the reason of a waiver is empty")
		}
		if w.Until.IsSet() && !isDate(w.Until.Value) {
			d.fail(w.Until.Pos, "", "until %q is no day of the calendar", escape(short(w.Until.Value)))
		}
		if line, ok := seen[w.Risk.Value]; ok && w.Risk.IsSet() {
			d.fail(w.Risk.Pos, "remove one of the two", "%s is waived on line %d already", escape(short(w.Risk.Value)), line)
		}
		seen[w.Risk.Value] = w.Risk.Pos.Line
		d.box.Waive = append(d.box.Waive, w)
	}
}

// isDate reports whether YYYY-MM-DD, a form that the schema demands, is a day there is.
func isDate(s string) bool {
	if len(s) != len("2006-01-02") {
		return false
	}
	year, err1 := strconv.Atoi(s[:4])
	month, err2 := strconv.Atoi(s[5:7])
	day, err3 := strconv.Atoi(s[8:])
	if err1 != nil || err2 != nil || err3 != nil || month < 1 || month > 12 {
		return false
	}
	days := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
		days++
	}
	return day >= 1 && day <= days
}

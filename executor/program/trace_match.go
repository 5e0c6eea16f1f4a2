//go:build linux

package program

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

func (a *Arg) match(got string, regs map[Reg]int64) error {
	switch a.Kind {
	case Number:
		want := int64(a.Num)
		if a.Reg != 0 {
			v, ok := regs[a.Reg]
			if !ok {
				return fmt.Errorf("register %s has no value", a.Reg)
			}
			want += v
		}
		n, err := number(got)
		if err != nil {
			return err
		}
		if n != want && uint32(n) != uint32(want) || n != want && n>>32 != 0 && n>>32 != -1 {
			return fmt.Errorf("%s is not %d", got, want)
		}
		return nil
	case Text:
		return matchText(got, a.Text)
	case Texts:
		items := splitTop(strings.Trim(got, "[]"))
		if len(items) != len(a.More.Texts) {
			return fmt.Errorf("%d texts, the program has %d", len(items), len(a.More.Texts))
		}
		for i, t := range a.More.Texts {
			if err := matchText(items[i], t); err != nil {
				return err
			}
		}
		return nil
	case Struct:
		return a.matchStruct(got)
	case Buffer:
	}
	return nil
}

func matchText(got, want string) error {
	if strings.HasPrefix(got, "[[") {
		return matchChars(got, want)
	}
	b, err := hexString(got)
	if err != nil {
		return err
	}
	if string(b) != want {
		return fmt.Errorf("%q is not %q", b, want)
	}
	return nil
}

// matchChars compares the characters of a terminal, which strace prints as [[VINTR]=0x3, …].
func matchChars(got, want string) error {
	var b []byte
	for _, item := range splitTop(strings.TrimSuffix(strings.TrimPrefix(got, "["), "]")) {
		_, value, _ := strings.Cut(item, "]=")
		n, err := number(value)
		if err != nil {
			return err
		}
		b = append(b, byte(n))
	}
	if string(b) != want {
		return fmt.Errorf("%q is not %q", b, want)
	}
	return nil
}

func hexString(s string) ([]byte, error) {
	inner, ok := strings.CutPrefix(s, `"`)
	inner, ok2 := strings.CutSuffix(inner, `"`)
	if !ok || !ok2 {
		return nil, fmt.Errorf("%s is not a whole string", s)
	}
	return hex.DecodeString(strings.ReplaceAll(inner, `\x`, ""))
}

func (a *Arg) matchStruct(got string) error {
	want := a.More.Bytes()
	switch {
	case strings.HasPrefix(got, `"`): // bytes that are written
		b, err := hexString(got)
		if err == nil && !bytes.Equal(b, want) {
			err = fmt.Errorf("%x is not %x", b, want)
		}
		return err
	case strings.HasPrefix(got, "["): // a signal set, a list of ids
		items := strings.FieldsFunc(strings.Trim(got, "[]"), func(r rune) bool { return r == ',' || r == ' ' })
		if len(items) == 0 && len(bytes.Trim(want, "\x00")) == 0 {
			return nil
		}
		if len(items) != len(a.More.Fields) {
			return fmt.Errorf("%s has not %d members", got, len(a.More.Fields))
		}
		for i, f := range a.More.Fields {
			if n, err := number(items[i]); err != nil || uint64(n) != f.Num {
				return fmt.Errorf("%s is not %d", items[i], f.Num)
			}
		}
		return nil
	case strings.HasPrefix(got, "{"):
		return matchFields(a.More.Fields, got)
	}
	return fmt.Errorf("%s is not a structure", got)
}

func matchFields(fields []Field, got string) error {
	left := map[string]*Field{}
	for i := range fields {
		if fields[i].Name != "" && (fields[i].Num != 0 || fields[i].Text != "" || fields[i].To != nil) {
			left[fields[i].Name] = &fields[i]
		}
	}
	for _, part := range splitTop(strings.Trim(got, "{}")) {
		name, value, _ := strings.Cut(part, "=")
		if name == "..." {
			continue
		}
		f := left[name]
		delete(left, name)
		switch {
		case f == nil:
			if n, err := number(value); err == nil && n != 0 {
				return fmt.Errorf("%s, and the program has 0", part)
			}
		case f.To != nil:
			if err := f.To.match(value); err != nil {
				return err
			}
		case f.Text != "":
			if err := matchText(value, f.Text); err != nil {
				return err
			}
		default:
			if n, err := number(value); err != nil || uint64(n) != f.Num {
				return fmt.Errorf("%s is not %d", part, f.Num)
			}
		}
	}
	if strings.HasSuffix(got, ", ...}") { // a structure that has grown since that strace
		return nil
	}
	for name := range left {
		return fmt.Errorf("%s is missing in %s", name, got)
	}
	return nil
}

// match compares what a member points to: bytes, or a list of one structure.
func (m *More) match(got string) error {
	if strings.HasPrefix(got, `"`) {
		return (&Arg{Kind: Struct, More: m}).matchStruct(got)
	}
	if f := &m.Fields[0]; f.Names != nil && f.Names.Filter {
		return matchFilter(got, f.Text)
	}
	inner, ok := strings.CutPrefix(got, "[")
	inner, ok2 := strings.CutSuffix(inner, "]")
	if !ok || !ok2 {
		return fmt.Errorf("%s is not a list", got)
	}
	head, data, ok := strings.Cut(strings.Trim(inner, "{}"), ", cmsg_data=[")
	if !ok {
		return matchFields(m.Fields, inner)
	}
	var fds []string // strace lists them without names
	var others []Field
	for _, f := range m.Fields {
		if strings.HasPrefix(f.Name, "fd") {
			fds = append(fds, strconv.FormatUint(f.Num, 10))
		} else {
			others = append(others, f)
		}
	}
	if want := strings.Join(fds, ", "); strings.TrimSuffix(data, "]") != want {
		return fmt.Errorf("[%s is not [%s]", data, want)
	}
	return matchFields(others, "{"+head+"}")
}

// matchFilter compares instructions of BPF, which strace prints as BPF_STMT(code, k)
// and BPF_JUMP(code, k, jt, jf).
func matchFilter(got, want string) error {
	var text []byte
	for _, item := range splitTop(strings.TrimSuffix(strings.TrimPrefix(got, "["), "]")) {
		head, rest, _ := strings.Cut(item, "(")
		var n [4]uint64
		parts := splitTop(strings.TrimSuffix(rest, ")"))
		for i, p := range parts {
			v, err := number(p)
			if err != nil || i >= len(n) {
				return fmt.Errorf("%s is not an instruction", item)
			}
			n[i] = uint64(v)
		}
		if (head != "BPF_STMT" || len(parts) != 2) && (head != "BPF_JUMP" || len(parts) != 4) {
			return fmt.Errorf("%s is not an instruction", item)
		}
		text = binary.LittleEndian.AppendUint16(text, uint16(n[0]))
		text = append(text, byte(n[2]), byte(n[3]))
		text = binary.LittleEndian.AppendUint32(text, uint32(n[1]))
	}
	if string(text) != want {
		return fmt.Errorf("%d instructions are not the filter's %d, or others", len(text)/8, len(want)/8)
	}
	return nil
}

// matchCapabilities joins the two halves of each set, as strace does.
func matchCapabilities(f []Field, got string) error {
	joined := make([]Field, 3)
	for i := range joined {
		joined[i] = Field{Name: f[i].Name, Num: f[i].Num | f[i+3].Num<<32}
	}
	return matchFields(joined, got)
}

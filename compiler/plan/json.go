package plan

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// document is the JSON form. Only Plan is hashed.
type document struct {
	FormatVersion int        `json:"format_version"`
	Digest        string     `json:"digest"`
	File          string     `json:"file"`
	Plan          body       `json:"plan"`
	Positions     []Position `json:"positions"`
	Waivers       []Waiver   `json:"waivers,omitempty"`
}

type body struct {
	Name  string            `json:"name"`
	Steps []json.RawMessage `json:"steps"`
}

// Digest is the plan's identity: "sha256:" and the hash of the canonical JSON of
// its name and steps, prefixed by the format version. Positions, comments and
// the spelling of the file do not enter it.
func (p *Plan) Digest() (string, error) {
	b, err := p.body()
	if err != nil {
		return "", err
	}
	c, err := canonical(b)
	if err != nil {
		return "", err
	}
	sum := SHA256(append(fmt.Appendf(nil, "boxfile plan %d\n", FormatVersion), c...))
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

func (p *Plan) body() (body, error) {
	b := body{Name: p.Name, Steps: make([]json.RawMessage, 0, len(p.Steps))}
	for _, s := range p.Steps {
		k := InfoOf(s)
		head, err := marshal(struct {
			Kind string `json:"kind"`
			Side Side   `json:"side"`
		}{k.Name, k.Side})
		if err != nil {
			return b, err
		}
		ops, err := marshal(s)
		if err != nil {
			return b, err
		}
		if len(ops) > len("{}") {
			head = append(append(head[:len(head)-1], ','), ops[1:]...)
		}
		b.Steps = append(b.Steps, head)
	}
	return b, nil
}

// marshal is json.Marshal without HTML escaping, which would make plans harder to read.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// canonical is JSON without white space and with sorted keys; numbers stay as they are written.
func canonical(v any) ([]byte, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return marshal(tree)
}

// Encode writes the plan as JSON, indented, with its digest and positions.
func (p *Plan) Encode(w io.Writer) error {
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	b, err := p.body()
	if err != nil {
		return err
	}
	out, err := marshal(document{FormatVersion, digest, p.File, b, p.Positions, p.Waivers})
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, out, "", "  "); err != nil {
		return err
	}
	buf.WriteByte('\n')
	_, err = w.Write(EscapeJSON(buf.Bytes()))
	return err
}

// EscapeJSON writes what a terminal would obey or hide as JSON's own escapes: the
// same values, safe to look at. encoding/json leaves such letters as they are.
func EscapeJSON(text []byte) []byte {
	out, done := make([]byte, 0, len(text)), 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		if r == '\n' || r >= ' ' && r < 0x7f || r > 0x7f && strconv.IsPrint(r) && !Blank(r) {
			i += size
			continue
		}
		out = append(out, text[done:i]...)
		if r <= 0xffff {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			a, b := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, a, b)
		}
		i += size
		done = i
	}
	return append(out, text[done:]...)
}

// ErrDigest means that a saved plan is not the one its digest names.
var ErrDigest = errors.New("the plan does not match its digest")

// Decode reads what Encode wrote. It refuses unknown versions, kinds and
// members, and a plan whose digest is not its own (ErrDigest).
func Decode(r io.Reader) (*Plan, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var head struct {
		FormatVersion int `json:"format_version"`
	}
	// a newer format may have members that are unknown here: its version says more than they do
	if err := json.Unmarshal(text, &head); err == nil && head.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("plan format version %d is not supported; this program reads version %d", head.FormatVersion, FormatVersion)
	}
	var doc document
	if err := strict(bytes.NewReader(text), &doc); err != nil {
		return nil, err
	}
	if err := Twice(text); err != nil {
		return nil, err
	}
	if len(doc.Positions) != len(doc.Plan.Steps) {
		return nil, fmt.Errorf("plan has %d steps but %d positions", len(doc.Plan.Steps), len(doc.Positions))
	}
	p := &Plan{Name: doc.Plan.Name, File: doc.File, Waivers: doc.Waivers}
	for i, raw := range doc.Plan.Steps {
		s, err := decodeStep(raw)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		p.Add(s, doc.Positions[i])
	}
	digest, err := p.Digest()
	if err != nil {
		return nil, err
	}
	if digest != doc.Digest {
		return nil, fmt.Errorf("%w: it says %s, its steps are %s", ErrDigest, doc.Digest, digest)
	}
	return p, nil
}

func strict(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func decodeStep(raw json.RawMessage) (Step, error) {
	var head struct {
		Kind string `json:"kind"`
		Side Side   `json:"side"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, err
	}
	for _, k := range Kinds() {
		if k.Name != head.Kind {
			continue
		}
		if k.Side != head.Side {
			return nil, fmt.Errorf("%s happens on the %s side, not %q", k.Name, k.Side, head.Side)
		}
		// the two members of the head are not the step's own
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		delete(members, "kind")
		delete(members, "side")
		rest, err := json.Marshal(members)
		if err != nil {
			return nil, err
		}
		s := k.New()
		return s, strict(bytes.NewReader(rest), s)
	}
	return nil, fmt.Errorf("unknown kind %q", head.Kind)
}

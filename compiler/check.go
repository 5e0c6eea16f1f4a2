package compiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/boxfile/boxfile/compiler/plan"
	"github.com/boxfile/boxfile/schema"
)

// Check refuses a plan that no Boxfile can become, as one that a program has made or
// changed. It writes the Boxfile that the plan would come from and compiles that:
// what comes out has to be the same plan. So there is no second list of what a plan
// must have, in which order, and with which operands.
func Check(p *plan.Plan) error {
	if strings.ContainsAny(p.File, `/\`) { // the digest does not hold it
		return errors.New("the name of its file is a path")
	}
	for i, at := range p.Positions {
		if at.Line < 0 || at.Col < 0 {
			return wrong(p, i, "there is no such line")
		}
	}
	o := &origin{doc: map[string]any{"boxfile": 1, "name": p.Name}, inputs: map[string]string{}, secrets: map[string]any{}}
	o.security = o.section("security")
	for i, s := range p.Steps {
		o.plan, o.at = p, i
		if err := s.Accept(o); err != nil {
			return wrong(p, i, err.Error())
		}
	}
	o.finish()
	o.waivers(p.Waivers)
	text, err := o.text()
	if err != nil {
		return err
	}
	b, err := schema.ParseGenerated("plan", text, o.inputs)
	if err != nil {
		return first(err)
	}
	made, err := Compile(b, o.read)
	if err != nil {
		return first(err)
	}
	return same(p, made)
}

// same compares a plan with the one that was made again.
func same(p, made *plan.Plan) error {
	was, err := p.Digest()
	if err != nil {
		return err
	}
	if is, err := made.Digest(); err != nil || is == was {
		return errors.Join(err, sameWaivers(p.Waivers, made.Waivers))
	}
	for i, s := range p.Steps {
		if i >= len(made.Steps) {
			return wrong(p, i, "there is no such step in a plan that was compiled")
		}
		a, err1 := json.Marshal(s)
		b, err2 := json.Marshal(made.Steps[i])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		name := plan.InfoOf(made.Steps[i]).Name
		if name != plan.InfoOf(s).Name {
			return wrong(p, i, "a compiled plan has "+name+" there")
		}
		if !bytes.Equal(a, b) {
			return wrong(p, i, "a compiled plan says it in another way")
		}
	}
	if len(made.Steps) > len(p.Steps) {
		return fmt.Errorf("it ends before %s", plan.InfoOf(made.Steps[len(p.Steps)]).Name)
	}
	return errors.New("it is written in another way")
}

// sameWaivers compares waivers, which the digest does not hold, but for their lines.
func sameWaivers(was, made []plan.Waiver) error {
	like := func(a, b plan.Waiver) bool {
		return a.Line >= 0 && a.Col >= 0 && a.Risk == b.Risk && a.Reason == b.Reason && a.Until == b.Until
	}
	if !slices.EqualFunc(was, made, like) {
		return errors.New("its waivers are written in another way")
	}
	return nil
}

func wrong(p *plan.Plan, i int, what string) error {
	return fmt.Errorf("step %d, %s: %s", i+1, plan.InfoOf(p.Steps[i]).Name, what)
}

// first is the first thing that is wrong with the document, without its place: nobody has seen it.
func first(err error) error {
	if list := schema.Diagnostics(err); len(list) > 0 {
		return errors.New(list[0].Message)
	}
	return err
}

// origin is the visitor that writes the Boxfile of a plan.
type origin struct {
	plan *plan.Plan
	at   int // the step that is looked at

	doc      map[string]any
	security map[string]any
	inputs   map[string]string // strings that would be taken for uses of inputs, by made-up names
	secrets  map[string]any    // declared
	profile  []byte            // of seccomp

	built    bool // /dev is there: what follows is the file's own mounts
	creates  []*plan.CreateSource
	hosts    map[string]any
	dns      []any
	shares   map[string]bool // namespaces of the box's own
	joins    map[string]string
	outbound *plan.Outbound
	filtered bool // seccomp
	noNew    bool
	init     bool
}

func (o *origin) section(key string) map[string]any {
	if m, ok := o.doc[key].(map[string]any); ok {
		return m
	}
	m := map[string]any{}
	o.doc[key] = m
	return m
}

func (o *origin) add(key string, v any) {
	list, _ := o.doc[key].([]any)
	o.doc[key] = append(list, v)
}

// text is the document. JSON is YAML.
func (o *origin) text() ([]byte, error) {
	o.literal(o.doc)
	inputs := map[string]any{}
	for name := range o.inputs {
		inputs[name] = map[string]any{}
	}
	for name, v := range o.secrets {
		inputs[name] = v
	}
	if len(inputs) > 0 {
		o.doc["inputs"] = inputs
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(o.doc)
	return b.Bytes(), err
}

// literal puts strings that would be taken for uses of inputs into inputs.
func (o *origin) literal(v any) any {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "${{") {
			return v
		}
		name := o.unused()
		o.inputs[name] = v
		return use("${{ inputs." + name + " }}")
	case []any:
		for i := range v {
			v[i] = o.literal(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = o.literal(v[k])
		}
	}
	return v
}

// use is text that uses inputs on purpose.
type use string

func (o *origin) unused() string {
	for n := len(o.inputs); ; n++ {
		name := "text" + strconv.Itoa(n)
		if _, taken := o.secrets[name]; !taken {
			if _, taken = o.inputs[name]; !taken {
				return name
			}
		}
	}
}

// read is the file that the document names: the profile of seccomp.
func (o *origin) read(path string) (string, []byte, error) { return path, o.profile, nil }

func stringList(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

// unlimitedOr is a bound as a Boxfile has it.
func unlimitedOr(n *uint64) any {
	if n == nil {
		return "unlimited"
	}
	return *n
}

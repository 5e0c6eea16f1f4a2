// Package plan holds the portable, hashed form of a Boxfile: the ordered steps a
// reviewer reads, the position in the file that asked for each, and the digest
// that names them.
//
// A plan is a plain value made by package compiler. It knows nothing of the
// machine it will run on: paths from the file stay relative to the Boxfile's
// folder, the caller's identity stays the word "caller", secrets are names.
// Package plan neither makes plans nor runs them, and imports nothing of this module.
package plan

// FormatVersion is the version of the JSON form that Encode writes and Decode reads.
const FormatVersion = 1

// Plan is a compiled Boxfile.
type Plan struct {
	Name      string     // the box's name
	Steps     []Step     // in order; see Step
	File      string     // base name of the Boxfile; not hashed
	Positions []Position // one for each step, in the same order; not hashed
	Waivers   []Waiver   // what the file says of known risks; not hashed, because it changes no step
}

// Waiver says that a risk of the plan (package risk) is known and accepted. Whether
// it has ended is for whoever has a clock.
type Waiver struct {
	Risk   string `json:"risk"` // an id, as in "BX002"
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"` // the last day, as in "2027-01-31"; "": for good
	Line   int    `json:"line,omitempty"`
	Col    int    `json:"col,omitempty"`
}

// Position is where a step comes from. The zero Position means "default": no
// line of the file asked for it.
type Position struct {
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
	Key  string `json:"key,omitempty"` // as in "mounts[2]"; set for defaults too where a key would change them
}

// IsDefault reports whether no line of the file asked for the step.
func (p Position) IsDefault() bool { return p.Line == 0 }

// Add appends a step with its position.
func (p *Plan) Add(s Step, at Position) {
	p.Steps = append(p.Steps, s)
	p.Positions = append(p.Positions, at)
}

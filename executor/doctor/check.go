package doctor

// Answer is what was found out about a part of a box.
type Answer string

// The answers.
const (
	Works     Answer = "ok"
	Fails     Answer = "no"
	NotNeeded Answer = "not_needed" // the plan has no such part
	NotTried  Answer = "not_tried"  // what it builds on fails
	// NotEnforced is a limit that this machine does not enforce, and that the plan lets go.
	NotEnforced Answer = "not_enforced"
)

// Check is one part of a box. A part of which several steps fail has a check for each.
type Check struct {
	Part   string
	Answer Answer
	Found  string // what works, or what cannot be done
	Step   int    // the one that fails: index into the plan's steps; or -1
	Cause  string // as in executor.Failure and program.Refusal
	Fix    string
	Detail string
	Undo   error // what could not be taken back, or nil
}

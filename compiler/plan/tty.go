package plan

// TTY gives the command a terminal of its own, from the box's own devpts, as its
// controlling one and in place of each of descriptors 0, 1 and 2 that is a terminal.
// Required: nothing runs unless 0 is one. Otherwise there is one where 0 and 1 are.
type TTY struct {
	Required bool `json:"required"`
}

package executor

// began tells the one who watches that a step begins, once.
func (r *run) began(step int) {
	if r.opts.Progress == nil {
		return
	}
	if step >= 0 {
		if r.told == nil {
			r.told = make([]bool, len(r.prog.Plan.Steps))
		}
		if r.told[step] {
			return
		}
		r.told[step] = true
	}
	r.opts.Progress(step)
}

// begins is the child's word that an op comes next.
func (r *run) begins(tag int) {
	op := opAt(r.prog, tag)
	if op == nil || op.Step < 0 {
		return
	}
	if op.Executes() { // the steps that no other op does are done by it
		for step := range op.Step {
			if !r.prog.Skips(step) {
				r.began(step)
			}
		}
	}
	r.began(op.Step)
}

// cloned is the step that the fork itself does.
func (r *run) cloned() {
	if r.opts.Progress == nil {
		return
	}
	for i := range r.prog.Plan.Steps {
		if r.prog.Kind(i) == "unshare" {
			r.began(i)
		}
	}
}

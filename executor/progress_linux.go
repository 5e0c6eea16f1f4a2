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

// silent takes the end of what a child says for the command's beginning, where
// there is no process 1 of boxfile's own to say it: execve closes the socket.
func (r *run) silent(h *hearing) {
	if exec := r.prog.Command[len(r.prog.Command)-1].Step; !r.prog.HasInit && h.failure == nil && r.told != nil && r.told[exec] {
		r.began(Started)
	}
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

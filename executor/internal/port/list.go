//go:build linux

package port

// list is a queue of flows, by their indices. A flow is in one list at most.
type list struct{ first, last int32 }

var empty = list{-1, -1}

func (l *list) push(flows []flow, i int32) {
	flows[i].next = -1
	if l.first < 0 {
		l.first = i
	} else {
		flows[l.last].next = i
	}
	l.last = i
}

// pop returns the first flow, or -1.
func (l *list) pop(flows []flow) int32 {
	i := l.first
	if i < 0 {
		return -1
	}
	if l.first = flows[i].next; l.first < 0 {
		l.last = -1
	}
	return i
}

// unpop puts a flow back in front.
func (l *list) unpop(flows []flow, i int32) {
	if flows[i].next = l.first; l.first < 0 {
		l.last = i
	}
	l.first = i
}

// moveTo puts all flows of one list behind those of another.
func (l *list) moveTo(to *list, flows []flow) {
	if l.first < 0 {
		return
	}
	if to.first < 0 {
		to.first = l.first
	} else {
		flows[to.last].next = l.first
	}
	to.last = l.last
	*l = empty
}

package diff

import (
	"math"

	"github.com/boxfile/boxfile/compiler/plan"
)

// value is one thing that a step says. Two values are the same exactly when all of
// it is; text tells apart whatever a plan tells apart.
type value struct {
	text string
	rank int64  // more is wider
	bits uint64 // a set; more of it is wider
	when string // for what is neither wider nor narrower when it is another: which one, or on which conditions
}

// relate is the one place that knows how two values relate. It asks the same
// question in both ways, so that the way back has the other direction.
func relate(from, to value) Direction {
	up, down := from.within(to), to.within(from)
	switch {
	case up && !down:
		return Widens
	case down && !up:
		return Narrows
	}
	return Neutral // the same reach, or more of one thing and less of another
}

func (v value) within(o value) bool { return v.rank <= o.rank && v.bits&^o.bits == 0 }

// Ranks of there being something, against its not being there.
const (
	takes  = -1
	says   = 0
	grants = 1
)

// unlimited is wider than every number.
const unlimited = math.MaxInt64

func word(text string) value { return value{text: plan.Literal(text)} }

// switched is one of two words, of which the first is wider.
func switched(on bool, wide, narrow string) value {
	if on {
		return value{text: wide, rank: 1}
	}
	return value{text: narrow}
}

// amount is a number of which more is wider; nil is unlimited.
func amount(n *uint64, show func(uint64) string) value {
	if n == nil {
		return value{text: "unlimited", rank: unlimited}
	}
	return value{text: show(*n), rank: int64(min(*n, unlimited-1))}
}

// ranked is one of some words, the narrowest first. Others are no wider than any.
func ranked(text string, narrowToWide ...string) value {
	for i, w := range narrowToWide {
		if w == text {
			return value{text: text, rank: int64(i)}
		}
	}
	return word(text)
}

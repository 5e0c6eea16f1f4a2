//go:build !linux

package lock

import (
	"errors"

	"github.com/boxfile/boxfile/compiler/plan"
)

// Sources reads sources as boxes get them, which is on Linux only.
func Sources(*plan.Plan, string) ([]Source, error) {
	return nil, &Error{Path: "boxfile", Err: errors.New("boxes, and so what enters them, are on Linux only")}
}

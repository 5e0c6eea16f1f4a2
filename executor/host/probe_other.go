//go:build !linux

package host

import "errors"

// Probe says that boxes run on Linux only.
func Probe(Needs) (Facts, error) { return Facts{}, errors.New("boxes run on Linux only") }

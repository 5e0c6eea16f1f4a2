//go:build amd64 || arm64

package stack

// reserve calls for more stack than there is and does nothing with it.
func reserve()

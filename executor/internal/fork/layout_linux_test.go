package fork

import (
	"testing"
	"unsafe"
)

// invoke reads a call's fields at offsets that are written in assembly.
func TestCallLayout(t *testing.T) {
	var c call
	if n, a, r := unsafe.Offsetof(c.nr), unsafe.Offsetof(c.args), unsafe.Offsetof(c.regs); n != 0 || a != 8 || r != 64 {
		t.Errorf("nr, args and regs are at %d, %d and %d; the assembly has 0, 8 and 64", n, a, r)
	}
}

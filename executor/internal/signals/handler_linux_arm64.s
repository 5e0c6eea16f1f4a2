#include "textflag.h"

// The kernel calls it on the thread's signal stack, with C's calling convention:
// the signal's number is in R0, and the kernel's own code for the return in R30. It
// may use any register: the return restores them all.
TEXT ·handler(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	SUB	$16, RSP
	MOVD	R0, (RSP)
	MOVW	·to(SB), R0
	CBZW	R0, none // the last one was on its way when they were released
	MOVD	RSP, R1
	MOVD	$1, R2
	MOVD	$64, R8 // write; a pipe that is full has signals enough
	SVC
none:
	ADD	$16, RSP
	RET

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVD	$·handler(SB), R0
	MOVD	R0, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB), NOSPLIT, $0-8
	MOVD	ZR, ret+0(FP) // none is needed
	RET

#include "textflag.h"

// BECOME is the rest of a child's life: the Go function whose code is at R20, with
// the image in R19 as its argument, as the compiler passes it (ABIInternal). A call
// by name would lead through a wrapper, which asks for the goroutine when the race
// detector is built in; there is none here. The function never returns.
#define BECOME \
	SUB	$48, RSP; \
	MOVD	R19, R0; \
	MOVD	ZR, g; \
	BL	(R20); \
	BRK

// func vfork(flags, stack uintptr, im *image, entry uintptr) (pid, errno uintptr)
//
// The child has a stack of its own, so that it touches no frame of its waiting parent.
TEXT ·vfork(SB), NOSPLIT, $0-48
	MOVD	flags+0(FP), R0
	MOVD	stack+8(FP), R1
	MOVD	im+16(FP), R19
	MOVD	entry+24(FP), R20
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$220, R8 // clone
	SVC
	CBZ	R0, child
	CMN	$4095, R0
	BCC	ok
	NEG	R0, R0
	MOVD	$-1, R1
	MOVD	R1, pid+32(FP)
	MOVD	R0, errno+40(FP)
	RET
ok:
	MOVD	R0, pid+32(FP)
	MOVD	ZR, errno+40(FP)
	RET
child:
	BECOME

// func rawcall(nr, a, b, c, d, e, f uintptr) (result, errno uintptr)
TEXT ·rawcall(SB), NOSPLIT, $0-72
	MOVD	nr+0(FP), R8
	MOVD	a+8(FP), R0
	MOVD	b+16(FP), R1
	MOVD	c+24(FP), R2
	MOVD	d+32(FP), R3
	MOVD	e+40(FP), R4
	MOVD	f+48(FP), R5
	SVC
	CMN	$4095, R0
	BCC	good
	NEG	R0, R0
	MOVD	$-1, R1
	MOVD	R1, result+56(FP)
	MOVD	R0, errno+64(FP)
	RET
good:
	MOVD	R0, result+56(FP)
	MOVD	ZR, errno+64(FP)
	RET

// ARG loads argument n of the call at R9, plus its register out of those at R11.
#define ARG(n, to) \
	MOVHU	(64+2*n)(R9), R10; \
	MOVD	(R11)(R10<<3), to; \
	MOVD	(8+8*n)(R9), R12; \
	ADD	R12, to

// func invoke(c *call, regs *uintptr) (result, errno uintptr)
TEXT ·invoke(SB), NOSPLIT, $0-32
	MOVD	c+0(FP), R9
	MOVD	regs+8(FP), R11
	ARG(0, R0)
	ARG(1, R1)
	ARG(2, R2)
	ARG(3, R3)
	ARG(4, R4)
	ARG(5, R5)
	MOVD	0(R9), R8
	SVC
	CMN	$4095, R0
	BCC	fine
	NEG	R0, R0
	MOVD	$-1, R1
	MOVD	R1, result+16(FP)
	MOVD	R0, errno+24(FP)
	RET
fine:
	MOVD	R0, result+16(FP)
	MOVD	ZR, errno+24(FP)
	RET

// func clone3(args *cloneArgs, size uintptr, im *image, entry uintptr) (pid, errno uintptr)
//
// args has a stack for the child.
TEXT ·clone3(SB), NOSPLIT, $0-48
	MOVD	args+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	im+16(FP), R19
	MOVD	entry+24(FP), R20
	MOVD	$435, R8 // clone3
	SVC
	CBZ	R0, first
	CMN	$4095, R0
	BCC	started
	NEG	R0, R0
	MOVD	$-1, R1
	MOVD	R1, pid+32(FP)
	MOVD	R0, errno+40(FP)
	RET
started:
	MOVD	R0, pid+32(FP)
	MOVD	ZR, errno+40(FP)
	RET
first:
	BECOME

// func trap()
TEXT ·trap(SB), NOSPLIT, $0-0
	UNDEF

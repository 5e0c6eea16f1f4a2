#include "textflag.h"

// func vfork(flags, stack uintptr, im *image) (pid, errno uintptr)
//
// The child runs commandChild on a stack of its own and never returns, so that
// it touches no frame of its waiting parent.
TEXT ·vfork(SB), NOSPLIT, $0-40
	MOVD	flags+0(FP), R0
	MOVD	stack+8(FP), R1
	MOVD	im+16(FP), R19
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
	MOVD	R1, pid+24(FP)
	MOVD	R0, errno+32(FP)
	RET
ok:
	MOVD	R0, pid+24(FP)
	MOVD	ZR, errno+32(FP)
	RET
child:
	SUB	$48, RSP
	MOVD	R19, 8(RSP)
	BL	·commandChild(SB)
	BRK

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

// func clone3(args *cloneArgs, size uintptr, im *image) (pid, errno uintptr)
//
// args has a stack for the child, which runs firstChild on it and never returns.
TEXT ·clone3(SB), NOSPLIT, $0-40
	MOVD	args+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	im+16(FP), R19
	MOVD	$435, R8 // clone3
	SVC
	CBZ	R0, first
	CMN	$4095, R0
	BCC	started
	NEG	R0, R0
	MOVD	$-1, R1
	MOVD	R1, pid+24(FP)
	MOVD	R0, errno+32(FP)
	RET
started:
	MOVD	R0, pid+24(FP)
	MOVD	ZR, errno+32(FP)
	RET
first:
	SUB	$48, RSP
	MOVD	R19, 8(RSP)
	BL	·firstChild(SB)
	BRK

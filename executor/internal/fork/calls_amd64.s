#include "textflag.h"

// BECOME is the rest of a child's life: the Go function whose code is at R13, with
// the image in R12 as its argument, as the compiler passes it (ABIInternal). A call
// by name would lead through a wrapper, which asks for the goroutine when the race
// detector is built in; there is none here. The function never returns.
#define BECOME \
	SUBQ	$32, SP; \
	MOVQ	R12, AX; \
	XORPS	X15, X15; \
	XORL	R14, R14; \
	CALL	R13; \
	INT	$3

// func vfork(flags, stack uintptr, im *image, entry uintptr) (pid, errno uintptr)
//
// The child has a stack of its own, so that it touches no frame of its waiting parent.
TEXT ·vfork(SB), NOSPLIT, $0-48
	MOVQ	flags+0(FP), DI
	MOVQ	stack+8(FP), SI
	MOVQ	im+16(FP), R12
	MOVQ	entry+24(FP), R13
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$56, AX // clone
	SYSCALL
	TESTQ	AX, AX
	JZ	child
	CMPQ	AX, $0xfffffffffffff001
	JLS	ok
	NEGQ	AX
	MOVQ	$-1, pid+32(FP)
	MOVQ	AX, errno+40(FP)
	RET
ok:
	MOVQ	AX, pid+32(FP)
	MOVQ	$0, errno+40(FP)
	RET
child:
	BECOME

// func rawcall(nr, a, b, c, d, e, f uintptr) (result, errno uintptr)
TEXT ·rawcall(SB), NOSPLIT, $0-72
	MOVQ	nr+0(FP), AX
	MOVQ	a+8(FP), DI
	MOVQ	b+16(FP), SI
	MOVQ	c+24(FP), DX
	MOVQ	d+32(FP), R10
	MOVQ	e+40(FP), R8
	MOVQ	f+48(FP), R9
	SYSCALL
	CMPQ	AX, $0xfffffffffffff001
	JLS	good
	NEGQ	AX
	MOVQ	$-1, result+56(FP)
	MOVQ	AX, errno+64(FP)
	RET
good:
	MOVQ	AX, result+56(FP)
	MOVQ	$0, errno+64(FP)
	RET

// ARG loads argument n of the call at BX, plus its register out of those at CX.
#define ARG(n, to) \
	MOVWLZX	(64+2*n)(BX), AX; \
	MOVQ	(CX)(AX*8), to; \
	ADDQ	(8+8*n)(BX), to

// func invoke(c *call, regs *uintptr) (result, errno uintptr)
TEXT ·invoke(SB), NOSPLIT, $0-32
	MOVQ	c+0(FP), BX
	MOVQ	regs+8(FP), CX
	ARG(0, DI)
	ARG(1, SI)
	ARG(2, DX)
	ARG(3, R10)
	ARG(4, R8)
	ARG(5, R9)
	MOVQ	0(BX), AX
	SYSCALL
	CMPQ	AX, $0xfffffffffffff001
	JLS	fine
	NEGQ	AX
	MOVQ	$-1, result+16(FP)
	MOVQ	AX, errno+24(FP)
	RET
fine:
	MOVQ	AX, result+16(FP)
	MOVQ	$0, errno+24(FP)
	RET

// func clone3(args *cloneArgs, size uintptr, im *image, entry uintptr) (pid, errno uintptr)
//
// args has a stack for the child.
TEXT ·clone3(SB), NOSPLIT, $0-48
	MOVQ	args+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	im+16(FP), R12
	MOVQ	entry+24(FP), R13
	MOVL	$435, AX // clone3
	SYSCALL
	TESTQ	AX, AX
	JZ	first
	CMPQ	AX, $0xfffffffffffff001
	JLS	started
	NEGQ	AX
	MOVQ	$-1, pid+32(FP)
	MOVQ	AX, errno+40(FP)
	RET
started:
	MOVQ	AX, pid+32(FP)
	MOVQ	$0, errno+40(FP)
	RET
first:
	BECOME

// func trap()
TEXT ·trap(SB), NOSPLIT, $0-0
	UNDEF

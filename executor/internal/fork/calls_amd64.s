#include "textflag.h"

// func vfork(flags, stack uintptr, im *image) (pid, errno uintptr)
//
// The child runs commandChild on a stack of its own and never returns, so that
// it touches no frame of its waiting parent.
TEXT ·vfork(SB), NOSPLIT, $0-40
	MOVQ	flags+0(FP), DI
	MOVQ	stack+8(FP), SI
	MOVQ	im+16(FP), R12
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
	MOVQ	$-1, pid+24(FP)
	MOVQ	AX, errno+32(FP)
	RET
ok:
	MOVQ	AX, pid+24(FP)
	MOVQ	$0, errno+32(FP)
	RET
child:
	SUBQ	$32, SP
	MOVQ	R12, 0(SP)
	CALL	·commandChild(SB)
	INT	$3

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

// func clone3(args *cloneArgs, size uintptr, im *image) (pid, errno uintptr)
//
// args has a stack for the child, which runs firstChild on it and never returns.
TEXT ·clone3(SB), NOSPLIT, $0-40
	MOVQ	args+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	im+16(FP), R12
	MOVL	$435, AX // clone3
	SYSCALL
	TESTQ	AX, AX
	JZ	first
	CMPQ	AX, $0xfffffffffffff001
	JLS	started
	NEGQ	AX
	MOVQ	$-1, pid+24(FP)
	MOVQ	AX, errno+32(FP)
	RET
started:
	MOVQ	AX, pid+24(FP)
	MOVQ	$0, errno+32(FP)
	RET
first:
	SUBQ	$32, SP
	MOVQ	R12, 0(SP)
	CALL	·firstChild(SB)
	INT	$3

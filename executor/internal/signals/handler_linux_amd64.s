#include "textflag.h"

// The kernel calls it on the thread's signal stack, with C's calling convention:
// the signal's number is in DI. It may use any register: the return restores them all.
TEXT ·handler(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	SUBQ	$8, SP
	MOVQ	DI, 0(SP)
	MOVL	·to(SB), DI
	TESTL	DI, DI
	JZ	none // the last one was on its way when they were released
	MOVQ	SP, SI
	MOVL	$1, DX
	MOVL	$1, AX // write; a pipe that is full has signals enough
	SYSCALL
none:
	ADDQ	$8, SP
	RET

TEXT ·restorer(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL	$15, AX // rt_sigreturn
	SYSCALL
	INT	$3

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ	·handler(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB), NOSPLIT, $0-8
	LEAQ	·restorer(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

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

// Package lsns lists the namespaces of this machine as lsns(8) does, as far as the
// caller may see them, and knows which are a box's own.
//
// Its input is /proc alone, its output a list of plain values. No box leaves anything
// on disk to be found by: the boxfile that waits for one holds a mark in memory, which
// ends with it.
package lsns

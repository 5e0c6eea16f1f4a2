// Package executor runs a program: it does the host side's ops, forks the child
// that makes the box side's calls, watches it until it has ended, forwards
// signals, and undoes what it did when the box cannot be made.
//
// It takes a program and nothing else. It never sees a Boxfile or a plan, so it
// cannot do what they do not say; and it decides nothing about the box.
package executor

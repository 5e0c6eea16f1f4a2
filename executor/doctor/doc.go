// Package doctor says whether this machine can make a box, by making it.
//
// Its input is a plan. It rehearses the plan (program.Rehearse): everything is
// done that boxfile up would do, up to the command, and taken back. A step that
// fails is left out, or replaced by a stand-in, and the rest is rehearsed again, so
// that all that is missing is found at once. Its output is a list of checks, one
// for each part of a box.
//
// It knows no causes of its own: what a check says is the refusal or the failure
// that boxfile up would end with. It prints nothing.
package doctor

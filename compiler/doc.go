// Package compiler turns a Boxfile into a plan: the ordered steps that a
// reviewer reads and package program lowers.
//
// Compile is a pure function. It reads no clock, user, directory, environment
// or file, so that the same Boxfile and inputs give the same bytes on every
// machine. It decides everything that the file leaves to defaults, and writes
// each decision down as a step with the place it comes from. What depends on the
// host stays open in the plan and is settled by executor/program.
package compiler

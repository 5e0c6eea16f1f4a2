// Package explain answers questions about a plan: what a step is there for, what a key
// decides, and what the box will find at a path, a capability, a port, a system call or
// a variable.
//
// Its input is a plan.Plan and the question's words; its output an Answer: one sentence,
// the steps that decide it, and, for paths, the claims that a process in the box can
// check. It reads no file and asks no machine. Where only the machine knows, such as
// what lies in a directory, the answer says so.
package explain

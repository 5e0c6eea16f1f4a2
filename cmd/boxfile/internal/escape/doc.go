// Package escape is a suite of tests, and nothing else: for each published hole of
// the programs that do what boxfile does (runc, crun, bubblewrap, firejail, …) it makes
// the attack against the boxfile that ships, and against nothing inside of it.
//
// Its rows are in table_linux_test.go. Every row has an attack, which must reach
// nothing, and a twin: what an honest user does with the same feature, which must
// still work. Rows run as root, as an ordinary user, with subordinate ids, without
// init and without the filter of system calls. After each the host is looked over: a
// canary that must be as it was, a secret that no box may print, sockets that no box
// may reach, and no process, mount or cgroup that stays. Mutants show that a row can
// fail: the same attack with the guard gone must be seen.
package escape

//go:build linux

package pty

import (
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Hold makes the caller's terminal raw, if boxfile is in its foreground, and hands
// on its size. It undoes LetGo, and is right after every SIGCONT: meanwhile a shell may
// have set the terminal otherwise, or kept it.
func (r *Relay) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = false
	r.hold()
}

// LetGo gives the caller's terminal back as it was, until Hold.
func (r *Relay) LetGo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = true
	if r.saved != nil && r.foreground() { // in the background it is somebody else's already
		_ = term.Restore(r.in, r.saved) // it has gone away
	}
	r.saved = nil
}

// Resize hands on the size of the caller's terminal.
func (r *Relay) Resize() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resize()
}

func (r *Relay) resize() {
	if size, err := unix.IoctlGetWinsize(r.in, unix.TIOCGWINSZ); err == nil && r.master >= 0 {
		_ = unix.IoctlSetWinsize(r.master, unix.TIOCSWINSZ, size) // the kernel tells the box, if it has changed
	}
}

func (r *Relay) hold() {
	if r.paused || !r.foreground() {
		r.saved = nil
		return
	}
	before, err := term.MakeRaw(r.in)
	if err != nil {
		return // it has gone away, which a poll tells
	}
	if r.saved == nil {
		r.saved = before
		poke(r.typed.wake)
	}
	r.neverWait()
	r.resize()
}

// neverWait has a read return at once if another program has read what was there.
func (r *Relay) neverWait() {
	if m, err := unix.IoctlGetTermios(r.in, unix.TCGETS); err == nil {
		m.Cc[unix.VMIN] = 0
		_ = unix.IoctlSetTermios(r.in, unix.TCSETS, m)
		r.mode = *m
	}
}

// foreground reports whether the caller's terminal is boxfile's to set: a job in
// the background that tried would be stopped (SIGTTOU). On a terminal that controls another
// session, or none, there are no jobs.
func (r *Relay) foreground() bool {
	group, err := unix.IoctlGetInt(r.in, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

func (r *Relay) held() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saved != nil
}

// again holds the terminal if that is possible by now.
func (r *Relay) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold()
}

// drop forgets that the terminal was held, unless it still is: then another program has
// only read what was typed, and what was there before hold is still what to restore.
func (r *Relay) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, err := unix.IoctlGetTermios(r.in, unix.TCGETS); err == nil && *m == r.mode && r.foreground() {
		return
	}
	r.saved = nil
}

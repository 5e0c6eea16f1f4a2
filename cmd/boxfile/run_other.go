//go:build !linux

package main

import (
	"io"

	"github.com/boxfile/boxfile/cmd/boxfile/internal/cli"
)

// Boxes are made of what the Linux kernel offers. Plans are not.

func needsLinux() error {
	return &problem{text: "boxes run on Linux only", fix: "boxfile plan shows what would run; it and validate work here"}
}

func writeProgram(io.Writer, *compiled) error { return needsLinux() }

func (t *terminal) runBox(*compiled, bool, *report) (int, error) { return exitCannot, needsLinux() }

func (t *terminal) gc() error { return needsLinux() }

func (t *terminal) lsns(*cli.Call) error { return needsLinux() }

func diagnose(*compiled) (*diagnosis, error) { return nil, needsLinux() }

func diagnoseMachine() (*diagnosis, error) { return nil, needsLinux() }

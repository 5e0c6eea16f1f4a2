//go:build unix && !linux

package main

import "errors"

const filterEnv = "BOXFILE_TEST_FILTER"

func underFilter(string, []string) error { return errors.New("seccomp is Linux's") }

//go:build !unix

package main

import (
	"io/fs"
	"os"
)

const noFollow = 0

func keepOwner(*os.File, fs.FileInfo) error { return nil }

func hardLinks(fs.FileInfo) uint64 { return 1 }

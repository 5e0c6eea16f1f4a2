//go:build !linux

package executor

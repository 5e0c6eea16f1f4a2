//go:build !linux

package main

func refusePrivilege() error { return nil }

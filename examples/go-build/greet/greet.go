// Package greet says hello.
package greet

// From greets in the name of a host.
func From(host string) string { return "hello from " + host }

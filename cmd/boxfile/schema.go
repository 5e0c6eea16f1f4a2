package main

import "github.com/boxfile/boxfile/schema"

// schema prints the JSON Schema of the language.
func (t *terminal) schema() error { return t.result(schema.JSON()) }

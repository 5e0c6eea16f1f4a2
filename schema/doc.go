// Package schema is the document: it reads a Boxfile's bytes and returns it
// typed, with the position of every value and with every default filled in.
//
// Parse is a pure function of the bytes and of the values of declared inputs. It
// reads no file, no clock and no environment. What it cannot accept it explains,
// all at once, as diagnostics with file, line and column.
//
// boxfile.schema.json is the contract. The generator compiles it with jsonschema
// into the rules of validate_gen.go, which check the YAML nodes themselves, so
// that positions are kept and the program needs no schema compiler at start. What
// JSON Schema cannot say in a useful way, as that a path may not contain "..", the
// typed decoding checks. The package decides nothing about the host.
package schema

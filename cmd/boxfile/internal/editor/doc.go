// Package editor holds tests and nothing else: it has yaml-language-server, which is what
// editors run, work with the schema that boxfile prints. What people see of a Boxfile in
// an editor is what these tests see.
package editor

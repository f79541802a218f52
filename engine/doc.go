// Package engine decides where a chain of pages goes on and whether it has ended.
//
// It is arithmetic: a State and a Page give Evidence, and judge turns the evidence into a Verdict
// that carries the next State. The package does no I/O, reads no clock, starts no goroutine and
// imports nothing but the standard library, so a step can run in a loop over a checkpoint file,
// behind an HTTP function, or as an activity of a workflow engine.
//
// It does not know HTTP, YAML, JavaScript or SQL: package runtime evaluates references and
// expressions and hands over what they gave.
package engine

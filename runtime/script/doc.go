// Package script runs the JavaScript of a connector: the `${…}` expressions of its YAML and the
// functions of its hook file.
//
// Compile checks and compiles everything once, with every problem at its file, line and column. A
// call gets a runtime of its own, so that nothing outlives it but what it returned; values of a
// response are read lazily from the page's bytes; run time, call depth and memory are bounded, and
// an exception or an exceeded limit is an error that names function, file and line.
//
// Calls run in the process or, with Options.Worker, in child processes that are killed at their
// limits. Both give the same results; docs/hooks.md lists what only the second can stop.
//
// The package does not know pages, chains or YAML: package runtime says what the names mean, and
// turns a Result into a verdict with the decoders (DecodeNext and its like). No type of the
// JavaScript engine shows in its interface.
package script

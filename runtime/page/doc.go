// Package page turns the body of an answer into records and the few scalars that decide where a
// chain goes on: bytes in, sub-slices of the same bytes out, nothing decoded into maps.
//
// A body is accepted whole or not at all: Plan.Read looks at every byte before it hands out the
// first record. JSON takes one pass that validates, finds the records and notes keys, fields and
// references on the way; csv and xml are written out as JSON first and then read the same way.
//
// The package does not fetch, evaluate expressions, or decide what a value means for the chain.
package page

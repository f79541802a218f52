// Package demo is an HTTP API of made-up threat indicators that speaks every way of paging the
// connector format knows, and misbehaves on request. `runner demo` serves it, `runner run demo`
// drains it, and the project's tests run against it.
//
// Content is made by a seeded generator: the same seed and size give the same bytes on every
// machine, and every endpoint lists the same records, so that any two walks can be compared record
// by record. A request belongs to a world (/w/<name>/… or ?run=<name>), which has its own copy of
// the records, its own counters and its own open sessions.
//
// The front page (GET /) documents every endpoint, parameter and fault. The package checks no
// secrets worth keeping and is meant for the loopback interface. It imports no other package of
// the project.
package demo

// Package runtime runs a connector's streams to their end: it loads the connector, asks, fetches,
// steps, delivers, commits and tells, chain by chain, and says at the end how well the end is
// attested.
//
// It owns everything that waits: network, clock, scripts, files. It knows no pagination pattern
// (package engine decides) and neither files nor databases (a Sink and a Ledger are handed in).
package runtime

// Package transport is the one polite, hardened HTTP client of a connector.
//
// A Client takes its turn in a rate limit group, lets the connector's hook and its authentication
// finish the request, sends it, reads the body to its last byte within a bound, classifies the
// answer, and repeats what may be repeated. Waits that are longer than allowed come back as an
// error with the time to come back. Nothing reaches an origin that the connector did not name, and
// credentials never leave the base origin.
//
// It does not know pagination, record formats, expressions or files: those come in as callbacks.
package transport

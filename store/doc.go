// Package store keeps what runs need to go on where the last one stopped, in one SQLite file:
// streams and their rounds, chains and their states, bookmarks, the marks of outputs, a journal of
// pages, runs, leases, and secrets that an API has rotated. *DB is the ledger of package runtime.
//
// A commit is one transaction: the chains' states, the journal and the outputs' marks are durable
// together or not at all, and only under the newest lease of the stream. The cost of a commit does
// not depend on how many pages or chains came before it.
//
// States, positions and marks are opaque JSON to this package; it decides nothing about paging.
// Where records go is the business of package sink.
package store

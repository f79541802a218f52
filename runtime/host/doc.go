// Package host is the service that `runner serve` is: it runs the jobs of a file at their times, takes
// orders over an HTTP API, reads single pages for workflow engines (POST /v1/step), and tells what it
// does as metrics and events. It decides nothing about paging: runs are package runtime's, checkpoints
// package store's, connectors come from a catalog.
//
// What it has to remember beside the ledger (when a job was due, which runs are paused or parked) is
// in two tables of its own in the ledger's file, so that a service that is killed goes on where it was.
package host

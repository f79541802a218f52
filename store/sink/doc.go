// Package sink writes the records of a run where they belong: files, SQLite, services.
//
// A sink takes whole pages and says after each how far its output is good. The caller keeps that mark
// together with its own checkpoint and hands it back when it opens the sink again; the sink then cuts
// away whatever came after it. So a run that is killed at any instant and run again leaves each record
// exactly once, in every sink whose output can be cut.
//
// The order is: Open, then Mark, which the caller stores before the first Write: it is the place to
// come back to when the very first page is interrupted. Then for each page Write, Mark, store; at the
// end Close. What is written but not marked and stored is cut away by the next Open. A Seal, stored before
// Close, is a mark behind which nothing is cut: the run has ended in order, and what comes later is
// somebody else's.
//
// The package knows nothing of paging, checkpoints or connectors.
package sink

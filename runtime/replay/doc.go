// Package replay plays recorded exchanges: a case is one text file that holds what a connector is
// configured with, what it must ask, what the API answers, and what must come of it. A case is run
// by the real runtime without a network and on a simulated clock, so that an hour's wait takes no
// time. docs/cases.md is the manual.
//
// It also records cases from a live run (Recorder), with secrets removed.
package replay

//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// A file that grows over the process's limit (RLIMIT_FSIZE) gives an error to the writer, which says
// so, instead of ending the process with a signal.
func outlast() { signal.Ignore(syscall.SIGXFSZ) }

// hearOut makes a reader of standard output that goes away an error of the writer, which the run reports,
// instead of the end of the process. It is not ignored, for the processes that are started would inherit that.
func hearOut() (undo func()) {
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGPIPE)
	return func() { signal.Stop(gone) }
}

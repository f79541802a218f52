//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// A file that grows over the process's limit (RLIMIT_FSIZE) gives an error to the writer, which says
// so, instead of ending the process with a signal.
func outlast() { signal.Ignore(syscall.SIGXFSZ) }

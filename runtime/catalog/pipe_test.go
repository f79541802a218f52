//go:build unix

package catalog_test

import "syscall"

// pipe makes a named pipe, which a reader would wait for.
func pipe(path string) error { return syscall.Mkfifo(path, 0o644) }

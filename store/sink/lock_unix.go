//go:build unix

package sink

import (
	"errors"
	"os"
	"syscall"
)

// Lock keeps other processes that lock from writing to f; it ends with f. Where a file system has no
// locks there is none.
func Lock(f *os.File) (ok bool) {
	return !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

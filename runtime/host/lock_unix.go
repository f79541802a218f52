//go:build unix

package host

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps other processes that lock from having f; it ends with f. Where a file system has no locks
// there is none.
func lock(f *os.File) (ok bool) {
	return !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

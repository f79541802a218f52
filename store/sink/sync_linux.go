package sink

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// dataSync waits until what was written to f is on the disk (fdatasync).
func dataSync(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := c.Control(func(fd uintptr) {
		for {
			if failed = syscall.Fdatasync(int(fd)); failed != syscall.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	if failed != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return nil
}

// startSync asks the kernel to begin writing a part of f to the disk, so that the next dataSync finds
// little left to do.
func startSync(f *os.File, offset, n int64) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), offset, n, unix.SYNC_FILE_RANGE_WRITE) })
	}
}

// dropCache lets the kernel take back the memory of a part of f that is on the disk; of the rest it
// begins the writing.
func dropCache(f *os.File, offset, n int64) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), offset, n, unix.FADV_DONTNEED) })
	}
}

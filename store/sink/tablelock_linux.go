package sink

import (
	"errors"
	"os"
	"strings"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"
)

// tableLocks keep two runs from writing to one table of a database at a time. Each table is a byte of a
// file beside the database, locked for the open file (F_OFD_SETLK, fcntl(2)): the lock ends with the
// process, and is apart from those of SQLite.
type tableLocks struct{ f *os.File }

// lockFile is what the file beside a database is called.
const lockFile = "-tables"

// take is false when somebody else writes to the table. Where a file system has no such locks there are
// none.
func (l *tableLocks) take(database, table string) bool {
	at := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(xxhash.Sum64String(strings.ToLower(table)) >> 2), Len: 1}
	for {
		f := l.f
		if f == nil {
			var err error
			if f, err = os.OpenFile(database+lockFile, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
				return true
			}
		}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &at)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			if l.f == nil {
				f.Close()
			}
			return false
		}
		if l.f != nil {
			return true
		}
		mine, err := f.Stat()
		there, errThere := os.Stat(database + lockFile)
		if err != nil || errThere == nil && os.SameFile(mine, there) {
			l.f = f
			return true
		}
		f.Close() // the last run that held a lock has taken the file away
	}
}

// end gives all locks back; the last one to do so takes the file away.
func (l *tableLocks) end(database string) {
	if l.f == nil {
		return
	}
	if unix.FcntlFlock(l.f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}) == nil {
		_ = os.Remove(database + lockFile)
	}
	l.f.Close()
	l.f = nil
}

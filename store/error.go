package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Error is a state file that could not be used: which file, what is wrong with it, what to try.
type Error struct {
	Path string
	Code string // stable: missing newer not_a_database corrupt read_only permission full busy io other
	What string
	Try  string // "" when there is nothing near to suggest
	Err  error  // the cause
}

func (e *Error) Error() string {
	s := "state file " + e.Path + ": " + e.What
	if e.Try != "" {
		s += "; " + e.Try
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// explain turns what SQLite or the system said about the file into an *Error. Errors that are not
// about the file (fencing, cancellation, a caller's own) pass as they are.
func (db *DB) explain(err error) error { return explain(db.name, err) }

func explain(path string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	say := func(code, what, try string) error {
		return &Error{Path: path, Code: code, What: what, Try: try, Err: err}
	}
	var newer errNewer
	if errors.As(err, &newer) {
		return say("newer", newer.Error(), "use that runner, or another state file (--state FILE)")
	}
	var full sqlite3.Error
	if !errors.As(err, &full) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return say("missing", "the folder "+filepath.Dir(path)+" does not exist", "create it, or name another state file (--state FILE)")
		case errors.Is(err, fs.ErrPermission):
			return say("permission", "no permission to open it", "check who owns the file and its folder, or name another one (--state FILE)")
		case errors.Is(err, syscall.EISDIR):
			return say("not_a_database", "it is a folder", "name a file in it (--state FILE)")
		case errors.Is(err, syscall.EROFS):
			return say("read_only", "it lies on a read-only file system", "name a file that can be written (--state FILE)")
		case errors.Is(err, syscall.ENOSPC):
			return say("full", "the disk is full", "free some space and run again: the run goes on from its last checkpoint")
		}
		return err
	}
	switch full.Code {
	case sqlite3.ErrNotADB:
		return say("not_a_database", "it is not a state file (not an SQLite database)", "name another file (--state FILE)")
	case sqlite3.ErrCorrupt:
		return say("corrupt", "it is damaged ("+full.Error()+")", "restore it from a copy, or move it away to start over")
	case sqlite3.ErrReadonly:
		return say("read_only", "it cannot be written (the file or its folder is read-only)", "change its permissions, or name another file (--state FILE)")
	case sqlite3.ErrPerm, sqlite3.ErrAuth:
		return say("permission", "no permission to use it", "check who owns the file and its folder, or name another one (--state FILE)")
	case sqlite3.ErrFull:
		return say("full", "the disk is full", "free some space and run again: the run goes on from its last checkpoint")
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return say("busy", "another process keeps it locked", "wait for it to finish, or look for one that hangs")
	case sqlite3.ErrCantOpen:
		return say("permission", "it cannot be opened ("+full.Error()+")", "check that it is a file and that its folder can be written, or name another one (--state FILE)")
	case sqlite3.ErrIoErr:
		if full.SystemErrno == syscall.ENOSPC || full.SystemErrno == syscall.EDQUOT {
			return say("full", "the disk is full", "free some space and run again: the run goes on from its last checkpoint")
		}
		return say("io", fmt.Sprintf("the disk failed (%s)", full.Error()), "check the disk and run again: the run goes on from its last checkpoint")
	}
	return say("other", full.Error(), "")
}

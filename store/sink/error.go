package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Error is an output that could not be used: which, what is wrong with it, what to try.
type Error struct {
	Output string
	What   string
	Try    string // "" when there is nothing near to suggest
	Err    error  // the cause
}

func (e *Error) Error() string {
	s := e.Output + ": " + e.What
	if e.Try != "" {
		s += "; " + e.Try
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// ShortError says that an output holds less than what was committed to it.
type ShortError struct {
	Target string // as Mark names it
	Path   string // the file
	Have   int64  // what is there and whole: bytes of a file, rows of a table
	Want   int64  // what was committed
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("%s: it holds %d of the %d that were committed: it was cut or changed since the last run; "+
		"restore it, move it away to go on in a new one, or start over with --fresh", e.Path, e.Have, e.Want)
}

// ShortOutput is the target, for callers that do not know this package: any error with this method
// asks them to go back to the last mark that was durable.
func (e *ShortError) ShortOutput() string { return e.Target }

func errBusy(output string) error {
	return &Error{Output: output, What: "another run is writing to it", Try: "wait for it to end, or name another output"}
}

// explain says in one sentence what the system said about an output. The cause stays wrapped.
func explain(output string, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	say := func(what, try string) error { return &Error{Output: output, What: what, Try: try, Err: err} }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return say("the disk is full", "nothing of the page was kept; free some space and run again: the run goes on from its last checkpoint")
	case errors.Is(err, syscall.EFBIG):
		return say("the file may not grow any more", "nothing of the page was kept; raise the limit, or write to several files with ?rotate=1GB")
	case errors.Is(err, syscall.EROFS):
		return say("it lies on a read-only file system", "name an output that can be written")
	case errors.Is(err, syscall.EISDIR):
		return say("it is a folder", "name a file in it")
	case errors.Is(err, syscall.ENOTDIR):
		return say("a part of its path is not a folder", "name another output")
	case errors.Is(err, syscall.EPIPE):
		return say("the reader has gone away", "")
	case errors.Is(err, fs.ErrPermission):
		return say("no permission to write it", "check who owns the file and its folder, or name another output")
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return say(path.Err.Error(), "")
	}
	return &Error{Output: output, What: err.Error(), Err: err}
}

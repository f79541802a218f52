package runtime

import (
	"errors"
	"fmt"
	"time"
)

// Codes of run errors that the runtime itself finds; those of package transport pass through.
const (
	CodeNullInRequest  = "null_in_request"
	CodeScript         = "script"
	CodeHook           = "hook"
	CodeRecordsPath    = "records_path_missing"
	CodeWitness        = "witness_malformed"
	CodeSink           = "sink"
	CodeState          = "state"
	CodeForeignOrigin  = "foreign_origin"
	CodeTokenExpired   = "token_expired"
	CodeSessionExpired = "session_expired"
	CodeSessionFailed  = "session_failed"
	CodeParked         = "parked"
	CodeLimit          = "limit"
	CodeCap            = "cap"
	CodeWindow         = "window_too_full"
	CodeInterrupted    = "interrupted"
	CodeStream         = "parent_failed"
	CodeNotSupported   = "not_supported"
)

// Error is a run error: Code is stable, the message says where, what and what to try.
type Error struct {
	Code  string
	Msg   string
	Until time.Time // parked: when to come back
	Err   error
}

func (e *Error) Error() string {
	if e.Msg == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

func codeError(code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Msg: err.Error(), Err: errors.Unwrap(err)}
}

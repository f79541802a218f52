package runtime

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lastpage/lastpage/runtime/transport"
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

// untilOf is when to come back after an error that parks, zero for others.
func untilOf(err error) time.Time {
	var re *Error
	var te *transport.Error
	switch {
	case errors.As(err, &re):
		return re.Until
	case errors.As(err, &te):
		return te.Until
	}
	return time.Time{}
}

// parks reports whether err is a wait that is longer than the run may wait.
func parks(err error) bool {
	var re *Error
	var te *transport.Error
	return errors.As(err, &re) && re.Code == CodeParked || errors.As(err, &te) && te.Code == transport.CodeParked
}

// expired reports whether an API has forgotten a session.
func expired(err error) bool {
	var re *Error
	return errors.As(err, &re) && re.Code == CodeSessionExpired
}

// passing reports whether what failed may well go right when it is asked for again as it is: a wait, an
// end from outside, an answer that did not come or that the API calls its own fault.
func passing(err error) bool {
	var re *Error
	var te *transport.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &re):
		return re.Code == CodeParked || re.Code == CodeInterrupted
	case !errors.As(err, &te):
		return false
	}
	switch te.Code {
	case transport.CodeParked, transport.CodeNetwork, transport.CodeTimeout, transport.CodeRateLimited, transport.CodeProxy:
		return true
	}
	return te.Status >= 500 || te.Status == http.StatusRequestTimeout || te.Status == http.StatusTooEarly || te.Status == http.StatusTooManyRequests
}

func codeError(code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Msg: err.Error(), Err: errors.Unwrap(err)}
}

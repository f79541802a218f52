package transport

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Codes of Error that do not depend on a status. A status that the defaults or a rule call failed
// has the code "http_" and the status ("http_404"); on a 2xx status it is CodeRefused.
const (
	CodeNetwork        = "network"           // no answer: name not found, refused, broke off
	CodeTimeout        = "timeout"           // the attempt took longer than `timeout`
	CodeBody           = "body"              // the body is not what the connector reads
	CodePageTooLarge   = "page_too_large"    // longer than `max_page`
	CodeHeaders        = "headers_too_large" // more than MaxHeader bytes of headers
	CodeForeignOrigin  = "foreign_origin"    // another origin than the base and allow_hosts
	CodePrivateAddress = "private_address"   // refused by deny_private
	CodeRedirects      = "redirects"         // more than MaxRedirects, or a broken one
	CodeUnauthorized   = "unauthorized"      // credentials refused
	CodeRateLimited    = "rate_limited"      // refused for its rate to the last attempt
	CodeRefused        = "api_error"         // a rule calls a 2xx answer failed
	CodeParked         = "parked"            // the wait is longer than allowed; Until says when
	CodeTokenExpired   = "token_expired"     // Request.NotAfter
	CodeTokenSpent     = "token_spent"       // Request.OneUse and the request may have been consumed
	CodeTLS            = "tls"
	CodeProxy          = "proxy"
	CodeAuth           = "auth"   // the credentials could not be made
	CodeScript         = "script" // an expression or hook threw
	CodeRequest        = "request"
)

// Error is why there is no answer. Its text, URL and Message carry no secret.
type Error struct {
	Code     string
	Method   string
	URL      string // without secrets
	Status   int    // 0 without an answer
	Message  string // one sentence
	Hint     string // what to try, "" when nothing is near
	Until    time.Time
	Attempts []Attempt
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.URL != "" {
		fmt.Fprintf(&b, "%s %s: ", e.Method, e.URL)
	}
	b.WriteString(e.Message)
	if n := len(e.Attempts); n > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", n)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// ErrStopped is that Request.Stop was closed while the request waited for its turn: nothing was sent.
var ErrStopped = errors.New("it was asked to stop while it waited for its turn")

// Cut is the error of a context that ended, with the attempts by then: also that which was on its way.
type Cut struct {
	Attempts []Attempt
	Err      error // the context's
}

func (e *Cut) Error() string { return e.Err.Error() }

// Unwrap returns the context's error.
func (e *Cut) Unwrap() error { return e.Err }

// ErrorCode returns Code, for callers that do not import this package.
func (e *Error) ErrorCode() string { return e.Code }

// ComeBack returns Until, for callers that do not import this package.
func (e *Error) ComeBack() time.Time { return e.Until }

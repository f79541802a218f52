package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/lastpage/lastpage/engine/spec"
)

// callKey finds the call of a request that go-retryablehttp hands to the attempt and to checkRetry.
type callKey struct{}

// call is one Do: what has happened so far and what comes next.
type call struct {
	*Client
	req    *Request
	target *url.URL
	moved  *outgoing // where a redirect of the attempt has led, nil without
	base   Origin

	attempts []Attempt
	tries    int       // attempts that count against retry.attempts
	refusals int       // of the credentials, in a row
	renewals int       // of them that this call caused, in a row
	revived  bool      // a kept connection was closed, and the request went out again at once
	resume   time.Time // the next attempt is not sent before
	grant    uint64    // credential of the exchange under way, 0 when it is settled or there is none

	again  bool // another attempt follows
	answer *Answer
	err    error
}

// Do sends req until there is an answer that stands, and returns it; the caller releases it.
//
// Answers of the classes ok, end, skip, token_expired and session_expired come without an error.
// Every other end is an *Error, or ctx's error (a *Cut); with an *Error the last answer comes along when
// there was one, and is to be released too.
func (c *Client) Do(ctx context.Context, req *Request) (*Answer, error) {
	x := &call{Client: c, req: req, base: c.base}
	u, err := url.Parse(req.URL)
	if err != nil {
		return nil, &Error{Code: CodeRequest, Method: x.method(), URL: c.redact.String(req.URL), Message: "the URL cannot be read"}
	}
	x.target = u
	if c.cfg.Base == nil {
		x.base = OriginOf(u)
	}
	carrier, err := retryablehttp.NewRequestWithContext(context.WithValue(ctx, callKey{}, x), http.MethodGet, "http://attempt.invalid/", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.retries.Do(carrier)
	if resp != nil {
		resp.Body.Close()
	}
	if x.again || x.answer == nil && x.err == nil { // the loop ended before its end
		x.answer.Release()
		if ctx.Err() != nil {
			return nil, &Cut{x.attempts, ctx.Err()}
		}
		return nil, err
	}
	if x.err != nil && x.answer == nil && x.err == ctx.Err() {
		return nil, &Cut{x.attempts, x.err}
	}
	if x.answer != nil {
		x.answer.Attempts = x.attempts
	}
	var e *Error
	if errors.As(x.err, &e) && e.Attempts == nil {
		e.Attempts = x.attempts
	}
	return x.answer, x.err
}

// attempts is the round tripper below go-retryablehttp: one round trip is one whole attempt.
// Having no CloseIdleConnections it keeps go-retryablehttp from closing connections of others.
type attempts struct{}

func (attempts) RoundTrip(carrier *http.Request) (*http.Response, error) {
	x := carrier.Context().Value(callKey{}).(*call)
	x.answer.Release()
	x.answer, x.err, x.again = nil, nil, false
	x.attempt(carrier.Context())
	status := 0
	if x.answer != nil {
		status = x.answer.Status
	}
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: carrier}, nil
}

// checkRetry is retryablehttp.CheckRetry: the attempt has decided.
func checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	x := ctx.Value(callKey{}).(*call)
	return x.again && err == nil, err
}

func (x *call) method() string {
	if x.req.Method == "" {
		return http.MethodGet
	}
	return x.req.Method
}

// attempt waits for its turn, sends the request once, and decides what comes next.
func (x *call) attempt(ctx context.Context) {
	a := Attempt{Number: len(x.attempts) + 1}
	waiting := x.clock.Now()
	if d := x.resume.Sub(waiting); d > 0 {
		if err := x.clock.Sleep(ctx, d); err != nil {
			x.err = err
			return
		}
	}
	group := x.cfg.Group
	err := group.Acquire(ctx, x.ticket())
	if err != nil {
		x.err = x.waitFailure(err)
		return
	}
	defer group.Release()
	a.Queued = x.clock.Now().Sub(waiting)
	x.send(ctx, &a)
	x.settle(false)
}

// settle tells the credentials how the exchange under way ended, once.
func (x *call) settle(accepted bool) {
	if x.grant != 0 {
		x.cfg.Authenticator.Settled(x.grant, accepted)
		x.grant = 0
	}
}

// waitFailure turns the error of a wait into the call's.
func (x *call) waitFailure(err error) error {
	var w *waitError
	if !errors.As(err, &w) {
		return err
	}
	e := x.fail(w.code, 0, w.Error())
	if w.code == CodeParked {
		e.Until = w.until
		e.Hint = "the run goes on from its checkpoint when it is started again then"
	}
	return e
}

// fail makes an Error of this call.
func (x *call) fail(code string, status int, message string) *Error {
	e := &Error{Code: code, Method: x.method(), URL: x.redactURL(x.target), Status: status, Message: x.redact.String(message)}
	if x.moved != nil {
		e.Method, e.URL = x.moved.method, x.redactURL(x.moved.target)
	}
	return e
}

// finish ends the attempt a: it is kept, and told once more when the wait is known.
func (x *call) finish(a *Attempt, e *Exchange) {
	x.attempts = append(x.attempts, *a)
	if e != nil && x.cfg.Observe != nil {
		e.Attempt = *a
		x.cfg.Observe(e)
	}
}

// pause is how long to leave the API alone after the answer ans of class rate_limited or retry.
func (x *call) pause(ans *Answer, o Outcome) (wait time.Duration, asked bool) {
	m := moment{ans.Received, ans.Skew}
	if d, ok := retryAfter(ans.Header, m); ok && d > 0 {
		wait, asked = d, true
	}
	if o.HasWait {
		wait, asked = max(wait, o.Wait), true
	}
	if ans.used || !asked && o.Class == spec.ClassRateLimited && ans.reset > 0 {
		wait, asked = max(wait, ans.reset), true
	}
	if asked && wait > 0 {
		return wait, true
	}
	return x.backoff(), false
}

// backoff is min(initial·factor^(n-1), max) for the n-th failed try, times a random number in
// [0, 1) with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
func (x *call) backoff() time.Duration {
	r := x.cfg.Retry
	d := float64(r.Initial)
	for range x.tries - 1 {
		d *= r.Factor
		if d >= float64(r.Max) {
			break
		}
	}
	d = min(d, float64(r.Max))
	if r.Jitter != "none" {
		d *= x.random()
	}
	return time.Duration(d)
}

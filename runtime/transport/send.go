package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// outgoing is what the next exchange of an attempt sends.
type outgoing struct {
	target *url.URL
	method string
	header http.Header
	body   []byte
	left   bool // the base origin was left: no credentials from here on
}

// attemptKey finds the number of the attempt that a request is built for.
type attemptKey struct{}

// AttemptOf is the number of the attempt, from 1, that Config.Edit or an Authenticator is asked to finish
// a request for; 0 outside of them.
func AttemptOf(ctx context.Context) int {
	n, _ := ctx.Value(attemptKey{}).(int)
	return n
}

// send makes the exchanges of one attempt: one, and one more for each redirect.
func (x *call) send(ctx context.Context, a *Attempt) {
	ctx = context.WithValue(ctx, attemptKey{}, a.Number)
	x.moved = nil
	out := outgoing{x.target, x.method(), x.req.Header.Clone(), x.req.Body, false}
	if out.header == nil {
		out.header = http.Header{}
	}
	var timed context.Context
	for hop := 0; ; hop++ {
		r, err := x.build(ctx, &out, hop)
		if err != nil {
			x.stop(a, nil, err)
			return
		}
		if hop == 0 {
			if !x.req.NotAfter.IsZero() && x.clock.Now().After(x.req.NotAfter) {
				x.stop(a, nil, x.fail(CodeTokenExpired, 0, "the token's life ended before it could be sent"))
				return
			}
			var cancel context.CancelFunc
			timed, cancel = context.WithTimeout(ctx, x.cfg.Timeout)
			defer cancel()
			a.At = x.clock.Now()
		}
		t := newTracer(x.cfg.Observe != nil)
		e := x.exchange(r, out.body)
		resp, err := x.roundTrip(r.WithContext(t.context(timed)))
		headersAt := x.clock.Now()
		defer t.stop(nil)
		if err != nil {
			a.Duration = headersAt.Sub(a.At)
			t.end()
			e.timed(t)
			if t.dropped() && !x.req.OneUse && !ended(timed) {
				x.dropped(ctx, a, e, r.URL.Host)
				return
			}
			f := x.failureOf(err, r.URL.Host, timed.Err() != nil)
			x.failed(ctx, a, e, f, nil, t.written())
			return
		}
		next, err := x.redirect(resp, &out)
		if next == nil && err == nil {
			x.receive(ctx, timed, a, e, resp, t, headersAt)
			return
		}
		_, _ = io.CopyN(io.Discard, resp.Body, firstBuffer)
		resp.Body.Close()
		a.Duration = x.clock.Now().Sub(a.At)
		t.end()
		e.answered(resp, nil, 0, t)
		if err == nil && hop+1 > MaxRedirects {
			err = x.fail(CodeRedirects, resp.StatusCode, fmt.Sprintf("more than %d redirects", MaxRedirects))
		}
		if err != nil {
			x.stop(a, e, err)
			return
		}
		if x.cfg.Observe != nil {
			e.Attempt, e.Redirect, e.Status = *a, true, resp.StatusCode
			x.cfg.Observe(e)
		}
		out.target = next
		moved := out
		x.moved = &moved
	}
}

// build makes the request of one exchange: the caller's, then the hook's edit, then credentials.
func (x *call) build(ctx context.Context, out *outgoing, hop int) (*http.Request, error) {
	u := *out.target
	u.Fragment, u.RawFragment, u.RawQuery = "", "", SafeQuery(u.RawQuery)
	r := &http.Request{Method: out.method, URL: &u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: out.header}
	r = r.WithContext(ctx)
	if len(r.Header["User-Agent"]) == 0 {
		r.Header.Set("User-Agent", x.cfg.UserAgent)
	}
	if len(r.Header["Accept-Encoding"]) == 0 {
		r.Header.Set("Accept-Encoding", "identity")
		if x.cfg.Compression {
			r.Header.Set("Accept-Encoding", acceptEncoding)
		}
	}
	if hop == 0 && x.cfg.Edit != nil {
		var err error
		if out.body, err = x.cfg.Edit(ctx, r, out.body); err != nil {
			return nil, x.callbackError(ctx, CodeScript, err)
		}
		target := *r.URL
		out.target, out.method, out.header = &target, r.Method, r.Header
	}
	if hop == 0 { // redirects were checked when they came
		if err := x.checkTarget(r.URL, x.base, false); err != nil {
			err.Method = out.method
			return nil, err
		}
	}
	out.header = r.Header.Clone() // without credentials, for a redirect
	if out.left = out.left || OriginOf(r.URL) != x.base; out.left {
		stripForeign(r)
		if x.redact.Holds(r.URL.String()) || x.redact.Holds(string(out.body)) {
			return nil, x.fail(CodeForeignOrigin, 0, fmt.Sprintf("the request to %s would carry a secret and was not sent", OriginOf(r.URL)))
		}
	} else if err := x.sign(ctx, r, out); err != nil {
		return nil, err
	}
	if err := x.checkHeaders(r); err != nil {
		return nil, err
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	x.attach(r, out.body)
	return r, nil
}

// sign lets the credentials finish r, which stays on its origin.
func (x *call) sign(ctx context.Context, r *http.Request, out *outgoing) (err error) {
	if user := r.URL.User; user != nil {
		password, _ := user.Password()
		x.redact.Add(password)
		if len(r.Header["Authorization"]) == 0 {
			r.SetBasicAuth(user.Username(), password)
		}
		r.URL.User = nil
	}
	if x.cfg.Authenticator == nil {
		return nil
	}
	x.settle(false) // of the exchange before a redirect
	if out.body, x.grant, err = x.cfg.Authenticator.Apply(ctx, r, out.body); err != nil {
		return x.callbackError(ctx, CodeAuth, err)
	}
	if OriginOf(r.URL) != x.base {
		return x.fail(CodeForeignOrigin, 0, fmt.Sprintf("the signed request goes to %s, which is not the connector's %s, and was not sent", OriginOf(r.URL), x.base))
	}
	return nil
}

// attach puts the body on r. A request with a one-use token is made so that net/http does not send
// it again by itself when a kept connection turns out to be closed.
func (x *call) attach(r *http.Request, body []byte) {
	if len(body) > 0 {
		r.ContentLength = int64(len(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !x.req.OneUse {
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		}
		return
	}
	r.Body, r.GetBody, r.ContentLength = nil, nil, 0
	if x.req.OneUse && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		r.Body = io.NopCloser(strings.NewReader(""))
	}
}

// checkHeaders refuses what net/http would refuse, in the connector's words.
func (x *call) checkHeaders(r *http.Request) error {
	if !token(r.Method) {
		return x.fail(CodeRequest, 0, fmt.Sprintf("%q is not a request method", r.Method))
	}
	for name, values := range r.Header {
		if !token(name) {
			return x.fail(CodeRequest, 0, fmt.Sprintf("%q is not a header name", name))
		}
		for _, v := range values {
			for i := range len(v) {
				if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
					e := x.fail(CodeRequest, 0, fmt.Sprintf("the value of the header %s holds a line break or control character", name))
					e.Hint = "check the value that it is made of for a trailing line break"
					return e
				}
			}
		}
	}
	return nil
}

// token is RFC 9110, section 5.6.2.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// callbackError keeps ctx's error and an *Error, and gives any other the code.
func (x *call) callbackError(ctx context.Context, code string, err error) error {
	if ended(ctx) {
		return ctx.Err()
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		code = coded.ErrorCode()
	}
	return x.fail(code, 0, err.Error())
}

// roundTrip sends r. With deny_private a proxy must not reach what a direct connection may not.
func (x *call) roundTrip(r *http.Request) (*http.Response, error) {
	if x.cfg.DenyPrivate && x.pool != nil {
		if proxy, err := x.pool.Proxy(r); err == nil && proxy != nil {
			if err := checkPublic(r.Context(), r.URL.Hostname()); err != nil {
				return nil, err
			}
		}
	}
	return x.cfg.Transport.RoundTrip(r)
}

// redirect returns where resp sends the request on, nil when it is the answer. It changes out
// accordingly (RFC 9110, section 15.4).
func (x *call) redirect(resp *http.Response, out *outgoing) (*url.URL, error) {
	location := resp.Header.Get("Location")
	if x.cfg.FollowRedirects == "none" || location == "" {
		return nil, nil
	}
	keep := false
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		keep = true
	case http.StatusMovedPermanently, http.StatusFound:
		keep = out.method != http.MethodPost
	case http.StatusSeeOther:
		keep = out.method == http.MethodHead
	default:
		return nil, nil
	}
	next, err := out.target.Parse(location)
	if err != nil {
		return nil, x.fail(CodeRedirects, resp.StatusCode, "the redirect's Location cannot be read")
	}
	if err := x.checkTarget(next, x.base, x.cfg.FollowRedirects == "any"); err != nil {
		err.Message = fmt.Sprintf("the API answered %d with a redirect: %s", resp.StatusCode, err.Message)
		err.Method, err.Status = x.method(), resp.StatusCode
		return nil, err
	}
	if !keep {
		if out.method != http.MethodHead {
			out.method = http.MethodGet
		}
		out.body = nil
		out.header.Del("Content-Type")
	} else if len(out.body) > 0 && OriginOf(next) != x.base {
		return nil, x.fail(CodeForeignOrigin, resp.StatusCode, fmt.Sprintf("the API redirects a request with a body to %s, where the body is not sent", OriginOf(next)))
	}
	return next, nil
}

// receive reads the answer's body and judges it.
func (x *call) receive(ctx, timed context.Context, a *Attempt, e *Exchange, resp *http.Response, t *tracer, headersAt time.Time) {
	var watch func(Arriving)
	if x.cfg.Arriving != nil {
		watch = func(more Arriving) { x.cfg.Arriving(ctx, resp.StatusCode, more) }
	}
	body, wire, err := x.readBody(resp, x.cfg.MaxPage, watch)
	resp.Body.Close()
	t.end()
	ans := &Answer{
		Status: resp.StatusCode, Header: resp.Header, Body: body, URL: resp.Request.URL,
		Sent: a.At, Received: x.clock.Now(), wire: wire, broken: err, giveUp: x.giveBuffer,
	}
	if d, ok := httpDate(resp.Header.Get("Date")); ok {
		ans.Date, ans.Skew = d, d.Sub(headersAt)
	}
	a.Status, a.Duration = ans.Status, ans.Received.Sub(a.At)
	e.answered(resp, body, wire, t)
	x.judge(ctx, timed.Err() != nil, a, e, ans)
}

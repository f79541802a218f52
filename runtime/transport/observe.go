package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"crypto/tls"
)

// tracer learns from net/http when the parts of an exchange happened.
type tracer struct {
	mu    sync.Mutex
	all   bool // all parts, not only whether the request was written
	wrote bool
	again bool // net/http began to send the request a second time
	stop  context.CancelCauseFunc

	start, gotConn, dns, dnsEnd, dial, dialEnd, tls, tlsEnd, sent, first, last time.Time
	remote                                                                     string
}

func newTracer(all bool) *tracer { return &tracer{all: all, start: time.Now()} }

// errDropped is why a request that has left is not sent again by net/http.
var errDropped = errors.New("the kept connection was closed before an answer")

// context returns ctx with the tracer in it. When a kept connection turns out to be closed, net/http
// would send the request again by itself, unseen and with the same signature: that is stopped here, so
// that every request is an attempt. HTTP/2 is left alone: there a server says that it has not dealt with
// the request.
func (t *tracer) context(ctx context.Context) context.Context {
	ctx, t.stop = context.WithCancelCause(ctx)
	trace := &httptrace.ClientTrace{WroteHeaders: func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.wrote = true
	}}
	trace.GotConn = func(i httptrace.GotConnInfo) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if s, ok := i.Conn.(*tls.Conn); t.wrote && !(ok && s.ConnectionState().NegotiatedProtocol == "h2") {
			t.again = true
			t.stop(errDropped)
			i.Conn.Close() // the context alone may come too late
			return
		}
		if t.all {
			t.gotConn, t.remote = time.Now(), i.Conn.RemoteAddr().String()
		}
	}
	if t.all {
		trace.DNSStart = func(httptrace.DNSStartInfo) { t.set(&t.dns) }
		trace.DNSDone = func(httptrace.DNSDoneInfo) { t.set(&t.dnsEnd) }
		trace.ConnectStart = func(string, string) { t.set(&t.dial) }
		trace.ConnectDone = func(string, string, error) { t.set(&t.dialEnd) }
		trace.TLSHandshakeStart = func() { t.set(&t.tls) }
		trace.TLSHandshakeDone = func(tls.ConnectionState, error) { t.set(&t.tlsEnd) }
		trace.WroteRequest = func(httptrace.WroteRequestInfo) { t.set(&t.sent) }
		trace.GotFirstResponseByte = func() { t.set(&t.first) }
	}
	return httptrace.WithClientTrace(ctx, trace)
}

func (t *tracer) set(at *time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*at = time.Now()
}

func (t *tracer) end() { t.set(&t.last) }

// written says whether the request's headers left: from then on the server may have dealt with it.
func (t *tracer) written() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wrote
}

// dropped says whether net/http was kept from sending the request again.
func (t *tracer) dropped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.again
}

func (t *tracer) timing() Timing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Timing{
		Blocked: span(t.start, t.gotConn), DNS: span(t.dns, t.dnsEnd), Connect: span(t.dial, t.dialEnd), TLS: span(t.tls, t.tlsEnd),
		Send: span(t.gotConn, t.sent), Wait: span(t.sent, t.first), Receive: span(t.first, t.last),
	}
}

func span(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return -1
	}
	return to.Sub(from)
}

// exchange begins the record of what r sends.
func (x *call) exchange(r *http.Request, body []byte) *Exchange {
	if x.cfg.Observe == nil {
		return nil
	}
	e := &Exchange{Chain: x.req.Chain, Private: x.req.Private, Method: r.Method, URL: r.URL, RequestHeader: r.Header}
	if !e.Private {
		e.RequestBody = body
	}
	return e
}

// answered adds what came back.
func (e *Exchange) answered(resp *http.Response, body []byte, wire int64, t *tracer) {
	if e == nil {
		return
	}
	e.Proto, e.ResponseHeader, e.Wire, e.Timing, e.Remote = resp.Proto, resp.Header, wire, t.timing(), t.remote
	if !e.Private {
		e.Body = body
	}
}

// timed adds the timing of an exchange without an answer.
func (e *Exchange) timed(t *tracer) {
	if e != nil {
		e.Timing = t.timing()
	}
}

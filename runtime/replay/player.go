package replay

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"syscall"
)

// player answers requests from a case: the transport of its runs. Requests are found by what they
// ask, so chains may run side by side; equal ones are answered in the order of the case.
type player struct {
	list   []*exchange
	clock  *clock
	adopt  bool               // a request that the case does not have takes the next response (--update)
	cancel context.CancelFunc // ends the run at a request that the case does not have

	mu    sync.Mutex
	used  map[*exchange]*request // by what they answered
	stray *request               // the first request that the case does not have
}

// RoundTrip answers r.
func (p *player) RoundTrip(r *http.Request) (*http.Response, error) {
	s, err := sent(r)
	if err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	x := p.take(s)
	if x == nil {
		p.cancel()
		return nil, context.Canceled
	}
	p.clock.pass(x.response.after)
	switch x.response.broken {
	case breakReset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	case breakTimeout:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	case breakClosed:
		return nil, fmt.Errorf("the connection was closed: %w", io.ErrUnexpectedEOF)
	}
	return x.response.answer(r), nil
}

// take finds the exchange for s, nil when there is none.
func (p *player) take(s *request) *exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.first(func(x *exchange) bool { return x.request != nil && x.request.matches(s) })
	if x == nil {
		x = p.first(func(x *exchange) bool { return x.request == nil })
	}
	if x == nil && p.adopt {
		x = p.nearest(s)
	}
	if x == nil {
		if p.stray == nil {
			p.stray = s
		}
		return nil
	}
	p.used[x] = s
	return x
}

func (p *player) first(fits func(*exchange) bool) *exchange {
	for _, x := range p.list {
		if p.used[x] == nil && fits(x) {
			return x
		}
	}
	return nil
}

// nearest is the exchange that s was probably meant for: the next of the same method and path, else
// the next; nil when all have been made.
func (p *player) nearest(s *request) *exchange {
	x := p.first(func(x *exchange) bool {
		return x.request != nil && x.request.method == s.method && samePath(x.request.target, s.target)
	})
	if x == nil {
		x = p.first(func(x *exchange) bool { return x.request != nil })
	}
	return x
}

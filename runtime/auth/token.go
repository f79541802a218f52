package auth

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Bounds of what a refusal may cause.
const (
	maxRefusals = 100 // of one request in a row, when others renew as fast as it asks
	maxRenewals = 5   // caused by one request in a row
)

// How long a credential is used before another one is tried: one that is still alive after its early
// renewal did not work, and one that is refused for good.
const (
	retryEarly   = 10 * time.Second
	retryRefused = time.Minute
)

// Tokens are the credentials with an end that a process holds, by identity: connectors that use the
// same key use the same token. The zero value is ready.
type Tokens struct {
	mu      sync.Mutex
	sources map[string]*source
	users   map[string]map[*source]struct{} // by Env.Connector
}

// Expires says when the credentials that each connector uses end: the first of them, where its end is
// known. One that has ended is renewed by the next request that wants it.
func (t *Tokens) Expires() map[string]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]time.Time{}
	for user, sources := range t.users {
		for s := range sources {
			s.mu.Lock()
			if g := s.cur; g != nil && !g.expires.IsZero() && (out[user].IsZero() || g.expires.Before(out[user])) {
				out[user] = g.expires
			}
			s.mu.Unlock()
		}
	}
	return out
}

// source returns the source of that identity, for a connector to use.
func (t *Tokens) source(id, user string) (s *source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() {
		if t.users[user] == nil {
			if t.users == nil {
				t.users = map[string]map[*source]struct{}{}
			}
			t.users[user] = map[*source]struct{}{}
		}
		t.users[user][s] = struct{}{}
	}()
	if s := t.sources[id]; s != nil {
		return s
	}
	if t.sources == nil {
		t.sources = map[string]*source{}
	}
	s = &source{gate: make(chan struct{}, 1)}
	t.sources[id] = s
	return s
}

// grant is a credential, perhaps with an end.
type grant struct {
	id      uint64 // from 1
	value   string // how it is sent; JSON for the kinds that place a JSON value
	expires time.Time
	renewAt time.Time // zero: not before it is refused
	worked  bool      // the API has accepted it
	pending int       // requests that carry it and have no answer yet
	barren  int       // credentials in a row before it that never worked
}

// fetcher gets a new credential and its life, 0 when that is not known.
type fetcher struct {
	clock Clock
	fetch func(ctx context.Context) (value string, life time.Duration, err error)
}

// source holds one credential and renews it: one of those who wait does it for all.
type source struct {
	gate chan struct{} // holds one element while somebody fetches

	mu    sync.Mutex
	cur   *grant
	tries int           // fetches that have ended
	err   error         // of the last fetch
	moved chan struct{} // closed when cur changes in any way; nil while nobody waits for that
}

// get returns a credential that is alive; the caller settles it.
func (s *source) get(ctx context.Context, f fetcher) (grant, error) {
	alive := func() *grant {
		if s.cur == nil || !s.cur.renewAt.IsZero() && !f.clock.Now().Before(s.cur.renewAt) {
			return nil
		}
		return s.cur
	}
	s.mu.Lock()
	g := alive()
	if g != nil {
		defer s.mu.Unlock()
		g.pending++
		return *g, nil
	}
	s.mu.Unlock()
	err := s.renew(ctx, f, alive)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		now := f.clock.Now()
		if ctx.Err() != nil || s.cur == nil || !now.Before(s.cur.expires) {
			return grant{}, err
		}
		s.cur.renewAt = now.Add(retryEarly) // the old one is alive for a while
	}
	s.cur.pending++
	return *s.cur, nil
}

// renew fetches a credential unless found, called with s.mu held, returns one once it is this
// caller's turn. A caller that waited while another's fetch did not work gets that error: a broken
// token endpoint is asked once, not once by each. One that asks to be left alone is, by all.
func (s *source) renew(ctx context.Context, f fetcher, found func() *grant) error {
	s.mu.Lock()
	before := s.tries
	s.mu.Unlock()
	select {
	case s.gate <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.gate }()
	s.mu.Lock()
	done, err := found() != nil, s.err
	if s.tries == before && !f.clock.Now().Before(comeBack(err)) {
		err = nil
	}
	s.mu.Unlock()
	if done || err != nil {
		return err
	}
	value, life, err := f.fetch(ctx)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // the next one who waits tries
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.err = err; err != nil {
		return err
	}
	next := &grant{value: value, id: 1}
	if s.cur != nil {
		next.id = s.cur.id + 1
		if !s.cur.worked {
			next.barren = s.cur.barren + 1
		}
	}
	if life > 0 {
		next.expires = f.clock.Now().Add(life)
		next.renewAt = next.expires.Add(-min(time.Minute, life/10))
	}
	s.cur = next
	s.move()
	return nil
}

// comeBack is until when the token endpoint is to be left alone after err, zero when it does not say.
func comeBack(err error) time.Time {
	var parked interface{ ComeBack() time.Time }
	if errors.As(err, &parked) {
		return parked.ComeBack()
	}
	return time.Time{}
}

// refused settles the credential id, which the API has refused, and renews it unless that has
// happened already.
func (s *source) refused(ctx context.Context, f fetcher, id uint64, inARow, renewals int) (repeat, renewed bool, err error) {
	s.settle(id, false)
	if inARow > maxRefusals {
		return false, false, nil
	}
	newer := func() *grant {
		if s.cur != nil && s.cur.id != id {
			return s.cur
		}
		return nil
	}
	s.mu.Lock()
	// What never worked does not work now; but whether it did, those who still wait for an answer say.
	hopeless := func() bool { return newer() == nil && !s.cur.worked && (inARow > 1 || s.cur.barren > 0) }
	for hopeless() && s.cur.pending > 0 {
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		moved := s.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return false, false, ctx.Err()
		}
		s.mu.Lock()
	}
	switched, refused := newer() != nil, hopeless()
	if refused { // until somebody has repaired it on the other side
		s.cur.renewAt = f.clock.Now().Add(retryRefused)
	}
	s.mu.Unlock()
	switch {
	case switched:
		return true, false, nil
	case refused, renewals >= maxRenewals:
		return false, false, nil
	}
	fetched := false
	fetch := f.fetch
	f.fetch = func(ctx context.Context) (string, time.Duration, error) {
		fetched = true
		return fetch(ctx)
	}
	if err := s.renew(ctx, f, newer); err != nil {
		return false, fetched, err
	}
	return true, fetched, nil
}

// settle ends a use of the credential id.
func (s *source) settle(id uint64, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || s.cur.id != id {
		return
	}
	s.cur.pending--
	s.cur.worked = s.cur.worked || accepted
	s.move()
}

// move wakes those who wait for a change. s.mu is held.
func (s *source) move() {
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

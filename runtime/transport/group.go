package transport

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Groups are the rate limit groups of a process, by share name: all clients that ask for a name get
// the same Group. The zero value is ready.
type Groups struct {
	Clock Clock // nil: the machine's
	// New makes the Limiter of a group; nil: a bucket of this process.
	New func(name string, l Limit) Limiter

	mu     sync.Mutex
	groups map[string]*Group
}

// Group returns the group of that name. When clients state different limits for it, the tightest of
// each number holds.
func (gs *Groups) Group(name string, l Limit) *Group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g := gs.groups[name]; g != nil {
		g.tighten(l)
		return g
	}
	if gs.groups == nil {
		gs.groups = map[string]*Group{}
	}
	g := newGroup(name, l, gs.Clock, gs.New)
	gs.groups[name] = g
	return g
}

// Stats returns the figures of every group, by name.
func (gs *Groups) Stats() []GroupStats {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	out := make([]GroupStats, 0, len(gs.groups))
	for _, g := range gs.groups {
		out = append(out, g.Stats())
	}
	slices.SortFunc(out, func(a, b GroupStats) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// GroupStats are the figures of a group at one moment.
type GroupStats struct {
	Name       string
	Rate       float64   // effective, requests per second; 0 without a bound
	Configured float64   // as the connectors state it
	Paused     time.Time // nothing is sent before, zero or past without a pause
	Waiting    int
	InFlight   int
}

// Group is one rate limit that many chains share. They are served in rotation, each chain's
// requests in order; after a refusal one request goes ahead alone until the API accepts one.
type Group struct {
	name  string
	clock Clock
	local *bucket // nil when the limiter is not ours

	mu       sync.Mutex
	limiter  Limiter
	limit    Limit
	ring     []*lane          // lanes with somebody waiting, the next one first
	lanes    map[string]*lane // by chain
	turn     *waiter          // whose turn it is: the only one that looks at the limiter
	waiting  int
	inFlight int
	alone    time.Time     // when the API refused last: one at a time until it accepts what is sent later; zero: not
	freed    chan struct{} // closed when inFlight goes down or alone ends
}

// lane is the waiters of one chain.
type lane struct {
	chain   string
	waiters []*waiter
}

type waiter struct {
	ready chan struct{} // closed when it is its turn
	gone  bool
}

func newGroup(name string, l Limit, clock Clock, build func(string, Limit) Limiter) *Group {
	if clock == nil {
		clock = realClock{}
	}
	g := &Group{name: name, clock: clock, limit: l, lanes: map[string]*lane{}, freed: make(chan struct{})}
	if build != nil {
		g.limiter = build(name, l)
	} else {
		g.local = newBucket(l, clock)
		g.limiter = g.local
	}
	return g
}

func (g *Group) tighten(l Limit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.limit
	if l.Requests > 0 && (g.limit.Requests <= 0 || l.PerSecond() < g.limit.PerSecond()) {
		g.limit.Requests, g.limit.Per = l.Requests, l.Per
	}
	if l.Requests > 0 && (old.Requests <= 0 || l.Burst < g.limit.Burst) {
		g.limit.Burst = l.Burst
	}
	if l.Concurrency > 0 && (g.limit.Concurrency <= 0 || l.Concurrency < g.limit.Concurrency) {
		g.limit.Concurrency = l.Concurrency
	}
	if g.limit != old && g.local != nil {
		g.local.set(g.limit)
	}
}

// Stats returns the group's figures.
func (g *Group) Stats() GroupStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return GroupStats{g.name, g.limiter.Rate(), g.limit.PerSecond(), g.limiter.Paused(), g.waiting, g.inFlight}
}

// Rate is the effective rate in requests per second, 0 without a bound.
func (g *Group) Rate() float64 { return g.limiter.Rate() }

// Penalize pauses the group until then. refused says that the API refused a request that was sent
// at the time sent, which also lowers the rate.
func (g *Group) Penalize(ctx context.Context, until time.Time, refused bool, sent time.Time) error {
	if refused {
		g.mu.Lock()
		g.alone = g.clock.Now()
		g.mu.Unlock()
	}
	return g.limiter.Penalize(ctx, until, refused, sent)
}

// Succeed says that the API accepted a request that was sent at that time.
func (g *Group) Succeed(sent time.Time) {
	g.limiter.Succeed()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.alone.IsZero() && !sent.Before(g.alone) {
		g.alone = time.Time{}
		g.signal()
	}
}

func (g *Group) signal() {
	close(g.freed)
	g.freed = make(chan struct{})
}

// Ticket is what a request waits with.
type Ticket struct {
	Chain    string
	NotAfter time.Time       // end of the token's life, zero without
	MaxWait  time.Duration   // longest pause that is waited for
	Deadline time.Time       // end of the run, zero without
	Farewell bool            // a pause that the API asks for does not hold it up
	Stop     <-chan struct{} // closed: what has not come is not waited for (ErrStopped); nil: never
}

// waitError says that a wait is longer than a ticket allows.
type waitError struct {
	code  string // CodeParked or CodeTokenExpired
	until time.Time
	wait  time.Duration
}

func (e *waitError) Error() string {
	if e.code == CodeTokenExpired {
		return fmt.Sprintf("waiting until %s would outlive the token", stamp(e.until))
	}
	return fmt.Sprintf("the API is to be left alone until %s, which is longer than this run may wait", stamp(e.until))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// allows returns nil when t may wait until then; paused says that the API asked for the wait.
func (t Ticket) allows(now, until time.Time, paused bool) error {
	wait := until.Sub(now)
	switch {
	case wait <= 0:
		return nil
	case paused && wait > t.MaxWait, !t.Deadline.IsZero() && until.After(t.Deadline):
		return &waitError{CodeParked, until, wait}
	case !t.NotAfter.IsZero() && until.After(t.NotAfter):
		return &waitError{CodeTokenExpired, until, wait}
	}
	return nil
}

// Acquire waits for t's turn and for a permit; the caller calls Release once the answer has been
// dealt with. The error is ctx's, the limiter's, or says that the wait is too long.
func (g *Group) Acquire(ctx context.Context, t Ticket) error {
	w := g.enqueue(t.Chain)
	select {
	case <-w.ready:
	case <-ctx.Done():
		g.leave(w)
		return ctx.Err()
	case <-t.Stop:
		g.leave(w)
		return ErrStopped
	}
	err := g.permit(ctx, t)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		g.inFlight++
	}
	g.waiting--
	g.next()
	return err
}

// Release ends what Acquire began.
func (g *Group) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	g.signal()
}

func (g *Group) enqueue(chain string) *waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &waiter{ready: make(chan struct{})}
	l := g.lanes[chain]
	if l == nil {
		l = &lane{chain: chain}
		g.lanes[chain] = l
		g.ring = append(g.ring, l)
	}
	l.waiters = append(l.waiters, w)
	g.waiting++
	if g.turn == nil {
		g.next()
	}
	return w
}

// next gives the turn to the next lane's first waiter. g.mu is held.
func (g *Group) next() {
	g.turn = nil
	for len(g.ring) > 0 && g.turn == nil {
		l := g.ring[0]
		g.ring = g.ring[1:]
		for len(l.waiters) > 0 && g.turn == nil {
			if w := l.waiters[0]; !w.gone {
				g.turn = w
				close(w.ready)
			}
			l.waiters = l.waiters[1:]
		}
		if len(l.waiters) > 0 {
			g.ring = append(g.ring, l)
		} else {
			delete(g.lanes, l.chain)
		}
	}
}

// leave takes a waiter out whose context has ended.
func (g *Group) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.gone = true
	g.waiting--
	if g.turn == w {
		g.next()
	}
}

// permit waits, as the only one of the group, until a request may be sent.
func (g *Group) permit(ctx context.Context, t Ticket) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if until := g.limiter.Paused(); !t.Farewell && until.After(g.clock.Now()) {
			if err := g.sleep(ctx, t, until, true); err != nil {
				return err
			}
			continue
		}
		g.mu.Lock()
		freed := g.freed
		full := g.limit.Concurrency > 0 && g.inFlight >= g.limit.Concurrency || !g.alone.IsZero() && g.inFlight > 0
		g.mu.Unlock()
		if full {
			select {
			case <-freed:
			case <-ctx.Done():
			case <-t.Stop:
				return ErrStopped
			}
			continue
		}
		r, err := g.limiter.Reserve(ctx, 1)
		if err != nil {
			return err
		}
		at := r.At // not before a pause ends
		if t.Farewell && !at.After(g.limiter.Paused()) {
			at = g.clock.Now()
		}
		if err := g.sleep(ctx, t, at, false); err != nil {
			r.Drop()
			return err
		}
		if !t.Farewell && g.limiter.Paused().After(g.clock.Now()) {
			r.Drop() // a refusal came while this one waited
			continue
		}
		return nil
	}
}

func (g *Group) sleep(ctx context.Context, t Ticket, until time.Time, paused bool) error {
	now := g.clock.Now()
	if err := t.allows(now, until, paused); err != nil {
		return err
	}
	d := until.Sub(now)
	if d <= 0 {
		return nil
	}
	ctx, cancel := WithStop(ctx, t.Stop)
	defer cancel()
	err := g.clock.Sleep(ctx, d)
	if err != nil && context.Cause(ctx) == ErrStopped {
		return ErrStopped
	}
	return err
}

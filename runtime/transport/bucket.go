package transport

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lastpage/lastpage/engine/spec"
)

// Limit is how fast a group may ask.
type Limit struct {
	Requests    float64       // per Per; 0: no bound
	Per         time.Duration // 0: one second
	Burst       int           // at least 1
	Concurrency int           // requests in flight; 0: no bound
}

// LimitOf is the Limit of a connector's rate_limit; nil gives none.
func LimitOf(r *spec.RateLimit) Limit {
	if r == nil {
		return Limit{}
	}
	return Limit{Requests: r.Requests, Per: r.Per, Burst: r.Burst, Concurrency: r.Concurrency}
}

// PerSecond is the rate in requests per second, 0 without a bound.
func (l Limit) PerSecond() float64 {
	per := l.Per
	if per <= 0 {
		per = time.Second
	}
	return l.Requests / per.Seconds()
}

// Limiter is a bucket of permits and its penalties. Groups uses one in this process; another
// implementation may share one among processes. Its methods are called by several goroutines.
type Limiter interface {
	// Reserve takes n permits and says when they are good. A penalty that comes in between drops
	// them: the caller gives them back and reserves anew.
	Reserve(ctx context.Context, n int) (Reservation, error)
	// Penalize says that the API refused, or announced that it will: nothing is sent before until.
	// refused says that it happened despite the limit, at a request that was sent at the time sent:
	// the rate is lowered, once for all requests that were sent before it was.
	Penalize(ctx context.Context, until time.Time, refused bool, sent time.Time) error
	// Paused returns the time before which nothing is sent, zero or past when there is none.
	Paused() time.Time
	// Succeed says that the API accepted a request, so that a lowered rate recovers.
	Succeed()
	// Rate is the effective rate in requests per second, 0 without a bound.
	Rate() float64
}

// Reservation is permits that are good from At. Drop gives them back.
type Reservation struct {
	At   time.Time
	Drop func()
}

// A lowered rate recovers by recoverStep of the configured rate each recoverEvery; it is never
// lowered below floorShare of it.
const (
	recoverEvery = 10 * time.Second
	recoverStep  = 0.1
	floorShare   = 1.0 / 32
)

// bucket is the Limiter of one process: golang.org/x/time/rate with a rate that is halved by each
// refusal and recovers additively.
type bucket struct {
	clock Clock

	mu      sync.Mutex
	limit   Limit
	limiter *rate.Limiter // nil without a bound
	share   float64       // of the configured rate that is in force
	changed time.Time     // when share changed last
	until   time.Time
}

func newBucket(l Limit, clock Clock) *bucket {
	b := &bucket{clock: clock}
	b.set(l)
	return b
}

func (b *bucket) set(l Limit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit, b.share = l, 1
	if l.Requests <= 0 {
		b.limiter = nil
		return
	}
	b.limiter = rate.NewLimiter(rate.Limit(l.PerSecond()), max(l.Burst, 1))
}

func (b *bucket) Reserve(_ context.Context, n int) (Reservation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	at, drop := now, func() {}
	if b.limiter != nil {
		r := b.limiter.ReserveN(now, min(n, b.limiter.Burst()))
		at = now.Add(r.DelayFrom(now))
		drop = func() { r.CancelAt(b.clock.Now()) }
	}
	if b.until.After(at) {
		at = b.until
	}
	return Reservation{at, drop}, nil
}

func (b *bucket) Penalize(_ context.Context, until time.Time, refused bool, sent time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.until) {
		b.until = until
	}
	if refused && b.limiter != nil && !sent.Before(b.changed) {
		b.change(max(b.share/2, floorShare))
	}
	return nil
}

func (b *bucket) change(share float64) {
	now := b.clock.Now()
	b.share, b.changed = share, now
	b.limiter.SetLimitAt(now, rate.Limit(b.limit.PerSecond()*share))
	b.limiter.SetBurstAt(now, max(1, int(float64(max(b.limit.Burst, 1))*share)))
}

func (b *bucket) Paused() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until
}

func (b *bucket) Succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.share < 1 && b.clock.Now().Sub(b.changed) >= recoverEvery {
		b.change(min(1, b.share+recoverStep))
	}
}

func (b *bucket) Rate() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limiter == nil {
		return 0
	}
	return float64(b.limiter.Limit())
}

package replay

import (
	"context"
	"sync"
	"time"

	"github.com/lastpage/lastpage/runtime/transport"
)

// clock is simulated time: a sleep moves it at once and is noted.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return nil
}

// pass lets time go by without anybody waiting for it.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// waited returns the waits so far.
func (c *clock) waited() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.waits...)
}

// limiter obeys what the API says and paces nothing: a case asserts waits that an answer caused, not
// those that a rate limit spreads over its requests.
type limiter struct {
	clock *clock

	mu    sync.Mutex
	until time.Time
}

func (l *limiter) Reserve(context.Context, int) (transport.Reservation, error) {
	return transport.Reservation{At: l.clock.Now(), Drop: func() {}}, nil
}

func (l *limiter) Penalize(_ context.Context, until time.Time, _ bool, _ time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.until) {
		l.until = until
	}
	return nil
}

func (l *limiter) Paused() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

func (l *limiter) Succeed()      {}
func (l *limiter) Rate() float64 { return 0 }

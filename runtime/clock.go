package runtime

import (
	"context"
	"time"
)

// Real is the machine's clock.
type Real struct{}

// Now returns the current time.
func (Real) Now() time.Time { return time.Now() }

// Sleep waits d, or until ctx ends.
func (Real) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// late reports whether the run's time is over by then.
func (sr *streamRun) late(then time.Time) bool {
	return !sr.deadline.IsZero() && then.After(sr.deadline)
}

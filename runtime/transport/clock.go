package transport

import (
	"context"
	"sync"
	"time"
)

// Clock is the time a client lives by: real, or simulated in recorded cases.
type Clock interface {
	Now() time.Time
	// Sleep waits d or until ctx ends, and returns ctx's error then.
	Sleep(ctx context.Context, d time.Duration) error
}

// realClock is the clock of the machine.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
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

// WithStop is ctx, which ends with ErrStopped as its cause when stop is closed, too; nil: never. The caller
// calls cancel.
func WithStop(ctx context.Context, stop <-chan struct{}) (_ context.Context, cancel func()) {
	if stop == nil {
		return context.WithCancel(ctx)
	}
	ctx, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-stop:
			end(ErrStopped)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		end(nil)
		watch.Wait()
	}
}

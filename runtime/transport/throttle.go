package transport

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// throttle obeys what the answer says about the calls that are left: below the connector's bound
// the whole group pauses until the reset.
func (x *call) throttle(ctx context.Context, ans *Answer) error {
	t := x.cfg.Throttle
	if t == nil || x.cfg.ThrottleRead == nil {
		return nil
	}
	remaining, reset, err := x.cfg.ThrottleRead(ctx, ans)
	if err != nil {
		if errors.Is(err, ErrUnreadable) {
			return nil
		}
		return err
	}
	wait, ok := resetValue(reset, t.Unit, moment{ans.Received, ans.Skew})
	if !ok {
		return nil
	}
	ans.reset = wait
	if ans.used = wait > 0 && below(remaining, t.Below); ans.used {
		return x.cfg.Group.Penalize(ctx, ans.Received.Add(wait), false, time.Time{})
	}
	return nil
}

// below says whether remaining is a number less than bound.
func below(remaining json.RawMessage, bound float64) bool {
	s, ok := scalar(remaining)
	if !ok {
		return false
	}
	f, ok := number(s)
	return ok && f < bound
}

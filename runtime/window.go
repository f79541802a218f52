package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// maxWindows bounds how many windows a partition may be cut into at its start.
const maxWindows = 1_000_000

// span is a window as it is cut: from From to To, both RFC 3339 with all digits. To is the start of the
// next window, also when requests are sent an inclusive end.
type span struct{ From, To time.Time }

// windowLimits says how a chain's window may be cut.
type windowLimits struct {
	of    *spec.Window
	span  span
	split int64 // split_over, 0 without
}

// bounds is the whole of a window partition: pinned when the round begins, in UTC, so that no day is
// shorter or longer than another.
func (sr *streamRun) bounds(ctx context.Context, w *spec.Window, watermark json.RawMessage) (from, to time.Time, err error) {
	now := sr.round.Now
	sc := &scope{job: sr.bound, config: sr.config, run: sr.id, watermark: watermark, pinned: now}
	if from, err = sr.instant(ctx, sc, w.From, w.Format, now); err != nil {
		return from, to, err
	}
	to = now.Truncate(time.Second)
	if w.To != nil {
		if to, err = sr.instant(ctx, sc, w.To, w.Format, now); err != nil {
			return from, to, err
		}
	}
	return floor(from, w.Format), floor(to, w.Format), nil
}

// cutSpan hands the windows between two times to each; the last one is cut off at the end.
func cutSpan(w *spec.Window, from, to time.Time, each func(span) error) error {
	every := w.Every
	if every <= 0 {
		every = to.Sub(from)
	}
	if from.Before(to) && to.Sub(from)/every >= maxWindows {
		return fmt.Errorf("%s: more than %d windows; make `every` longer", w.Pos, maxWindows)
	}
	for at := from; at.Before(to); at = at.Add(every) {
		end := at.Add(every)
		if end.After(to) {
			end = to
		}
		if err := each(span{at, end}); err != nil {
			return err
		}
	}
	return nil
}

func (sr *streamRun) instant(ctx context.Context, sc *scope, t *spec.Text, format string, now time.Time) (time.Time, error) {
	v, err := sc.evalText(ctx, t)
	if err != nil {
		return time.Time{}, err
	}
	if v == nil {
		return time.Time{}, codeError(CodeNullInRequest, "%s: the window's end %q is null", t.Pos, source(t))
	}
	if at, err := spec.ParseTime(text(v), now); err == nil {
		if relative(text(v)) {
			at = at.Truncate(time.Second)
		}
		return at.UTC(), nil
	}
	if at, ok := parseStamp(text(v), format); ok {
		return at.UTC(), nil
	}
	return time.Time{}, codeError(CodeNullInRequest, "%s: %s is no time", t.Pos, shown(v))
}

// values writes a span as requests see it. An inclusive end is one unit of the format before the next
// window's start, so that no record lies in two windows.
func (s span) values(w *spec.Window) *windowValues {
	to := s.To
	if w.Inclusive {
		to = to.Add(-unit(w.Format))
		if to.Before(s.From) {
			to = s.From
		}
	}
	return &windowValues{From: formatStamp(s.From, w.Format), To: formatStamp(to, w.Format)}
}

// floor cuts off what the format cannot write, so that neighbouring windows meet.
func floor(t time.Time, format string) time.Time {
	switch format {
	case "", "rfc3339":
		return t
	}
	if u := unit(format); u < time.Hour {
		return t.Truncate(u)
	}
	if back, err := time.Parse(format, t.Format(format)); err == nil {
		return back.UTC()
	}
	return t
}

// unit is the smallest step that a format can write.
func unit(format string) time.Duration {
	switch format {
	case "epoch":
		return time.Second
	case "epoch_ms":
		return time.Millisecond
	case "", "rfc3339":
		return time.Microsecond // finer than most APIs store, and read by those that store less
	}
	probe := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	for _, u := range []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour} {
		if probe.Format(format) != probe.Add(u).Format(format) {
			return u
		}
	}
	return 24 * time.Hour
}

// halves cuts a window in two at a whole unit of its format; ok is false when a half would be shorter
// than min.
func (l windowLimits) halves() (a, b span, ok bool) {
	half := l.span.To.Sub(l.span.From) / 2
	u := unit(l.of.Format)
	if l.of.Format == "" || l.of.Format == "rfc3339" {
		u = min(time.Second, max(l.of.Min, time.Millisecond))
	}
	half = half.Truncate(u)
	least := l.of.Min
	if least <= 0 {
		least = time.Second
	}
	if half < least || l.span.To.Sub(l.span.From)-half < least {
		return span{}, span{}, false
	}
	mid := l.span.From.Add(half)
	return span{l.span.From, mid}, span{mid, l.span.To}, true
}

// tooFull reports whether a window holds more than can be read of it: its total is above cap or
// split_over, or the walk has reached the cap.
func (c *chain) tooFull(v engine.Verdict) bool {
	if c.limits.of == nil {
		return false
	}
	if v.Kind == engine.Truncated && v.Code == engine.CodeCap {
		return true
	}
	total := v.Next.Total
	if total == nil || v.Kind == engine.End {
		return false
	}
	limit := c.walk.Rules.Cap
	return limit > 0 && *total > limit || c.limits.split > 0 && *total > c.limits.split
}

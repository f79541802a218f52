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
// next window, also when requests are sent an inclusive end. Where the last window ends is not rounded
// to the window's format: what is sent covers it whole.
type span struct{ From, To time.Time }

// windowLimits says how a chain's window may be cut.
type windowLimits struct {
	of    *spec.Window
	span  span
	split int64  // split_over, 0 without
	why   string // it holds too much, and is not cut
	again bool   // an earlier run has left it too full
}

// bounds is the whole of a window partition: pinned when the round begins, in UTC, so that no day is
// shorter or longer than another. It begins where the format writes; nothing lies between equal ends.
func (sr *streamRun) bounds(ctx context.Context, w *spec.Window, watermark json.RawMessage) (from, to time.Time, err error) {
	now := sr.round.Now
	sc := &scope{job: sr.bound, config: sr.atRound(), run: sr.id, watermark: watermark, pinned: now}
	if from, err = sr.instant(ctx, sc, w.From, w.Format, now); err != nil {
		return from, to, err
	}
	to = now.Truncate(time.Second)
	if w.To != nil {
		if to, err = sr.instant(ctx, sc, w.To, w.Format, now); err != nil {
			return from, to, err
		}
	}
	if !from.Before(to) {
		return to, to, nil
	}
	return grainOf(w.Format).floor(from), to, nil
}

// cutSpan hands the windows between two times to each; the last one is cut off at the end. They meet where
// the format writes, so that no two of them are sent alike, and are no longer than `every`, unless that is
// shorter than a step of the format.
func cutSpan(w *spec.Window, from, to time.Time, each func(span) error) error {
	g := grainOf(w.Format)
	every := max(w.Every, g.least())
	if w.Every <= 0 {
		every = g.ceil(to).Sub(from)
	}
	if from.Before(to) && to.Sub(from)/every >= maxWindows {
		return fmt.Errorf("%s: more than %d windows; make `every` longer", w.Pos, maxWindows)
	}
	for at := from; at.Before(to); {
		end := g.floor(at.Add(every))
		if !at.Before(end) { // a month that is longer than `every`
			end = g.add(at, 1)
		}
		if end.After(to) {
			end = to
		}
		if err := each(span{at, end}); err != nil {
			return err
		}
		at = end
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
	if at, ok := sr.stamp(t, text(v), format); ok {
		return at.UTC(), nil
	}
	return time.Time{}, codeError(CodeNullInRequest, "%s: %s is no time", t.Pos, shown(v))
}

// values writes a span as requests see it: whole steps of the format, so that all of it lies between
// them. An inclusive end is one step before the next window's start, so that no record lies in two windows.
func (s span) values(w *spec.Window) *windowValues {
	g := grainOf(w.Format)
	from, to := g.floor(s.From), g.ceil(s.To)
	if w.Inclusive {
		if to = g.add(to, -1); g == (grain{}) {
			to = to.Add(-inclusiveStep)
		}
		if to.Before(from) {
			to = from
		}
	}
	return &windowValues{From: formatStamp(from, w.Format), To: formatStamp(to, w.Format)}
}

// halves cuts a window in two where its format writes; ok is false when a half would be shorter than min,
// or than a step of the format.
func (l windowLimits) halves() (a, b span, ok bool) {
	g := l.grain()
	to := g.ceil(l.span.To) // as it is sent
	mid := g.floor(l.span.From.Add(to.Sub(l.span.From) / 2))
	if g == (grain{}) {
		u := min(time.Second, max(l.of.Min, time.Millisecond))
		mid = l.span.From.Add((to.Sub(l.span.From) / 2).Truncate(u))
	} else if !l.span.From.Before(mid) {
		mid = g.add(mid, 1)
	}
	least := l.least()
	if mid.Sub(l.span.From) < least || to.Sub(mid) < least || !mid.Before(l.span.To) {
		return span{}, span{}, false
	}
	return span{l.span.From, mid}, span{mid, l.span.To}, true
}

func (l windowLimits) grain() grain { return grainOf(l.of.Format) }

// least is the shortest half that may be made.
func (l windowLimits) least() time.Duration {
	if l.of.Min <= 0 {
		return time.Second
	}
	return l.of.Min
}

// floored says why the window cannot be cut: it would be below `min`, or below what its format writes.
func (l windowLimits) floored() string {
	if g := l.grain(); g.least() > l.least() {
		return fmt.Sprintf("and cannot be cut below %s%s%s", g, uncutStep, l.of.Format)
	}
	return "and cannot be cut below " + l.of.Min.String()
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

package runtime

import (
	"fmt"
	"time"
)

// grain is the smallest step that a format writes: a duration up to a day, or months of the calendar. The
// zero grain is that of RFC 3339, which writes every instant.
type grain struct {
	step   time.Duration
	months int
}

// inclusiveStep is what lies between an inclusive end and the next window in RFC 3339: finer than most
// APIs store, and read by those that store less.
const inclusiveStep = time.Microsecond

// grainOf finds what a format writes.
func grainOf(format string) grain {
	switch format {
	case "epoch":
		return grain{step: time.Second}
	case "epoch_ms":
		return grain{step: time.Millisecond}
	case "", "rfc3339":
		return grain{}
	}
	probe := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	for _, d := range []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		if probe.Format(format) != probe.Add(d).Format(format) {
			return grain{step: d}
		}
	}
	if probe.Format(format) != probe.AddDate(0, 1, 0).Format(format) {
		return grain{months: 1}
	}
	return grain{months: 12}
}

// floor is the last instant up to t that the format writes.
func (g grain) floor(t time.Time) time.Time {
	t = t.UTC()
	switch g.months {
	case 0:
		return t.Truncate(g.step) // a day is cut where UTC's begins
	case 1:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
}

// ceil is the first instant from t on that the format writes.
func (g grain) ceil(t time.Time) time.Time {
	if at := g.floor(t); at.Before(t) {
		return g.add(at, 1)
	}
	return t
}

// add goes n steps from t, which the format writes.
func (g grain) add(t time.Time, n int) time.Time {
	if g.months > 0 {
		return t.AddDate(0, n*g.months, 0)
	}
	return t.Add(time.Duration(n) * g.step)
}

// least is the length of the shortest step.
func (g grain) least() time.Duration {
	switch g.months {
	case 0:
		return g.step
	case 1:
		return 28 * 24 * time.Hour
	}
	return 365 * 24 * time.Hour
}

// String names a step, as people do.
func (g grain) String() string {
	switch {
	case g.months == 12:
		return "a year"
	case g.months == 1:
		return "a month"
	case g.step == 24*time.Hour:
		return "a day"
	}
	return fmt.Sprint(g.step)
}

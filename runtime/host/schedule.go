package host

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when a job is due: by a cron expression in a time zone, or every so often.
type Schedule struct {
	Text  string // as written, for people
	Every time.Duration
	cron  cron.Schedule
}

// ParseCron reads a cron expression of five fields, or a descriptor such as @daily; zone is an IANA
// name, "" is the machine's. Where clocks are put forward a time that does not exist is left out;
// where they are put back it comes once.
func ParseCron(expr, zone string) (*Schedule, error) {
	if strings.HasPrefix(expr, "TZ=") || strings.HasPrefix(expr, "CRON_TZ=") {
		return nil, fmt.Errorf("the time zone is given as `zone`")
	}
	if strings.HasPrefix(expr, "@every") {
		return nil, fmt.Errorf("write `every: %s`", strings.TrimSpace(strings.TrimPrefix(expr, "@every")))
	}
	loc := time.Local
	if zone != "" {
		var err error
		if loc, err = time.LoadLocation(zone); err != nil {
			return nil, fmt.Errorf("there is no time zone %s; it has a name such as Europe/Vienna or UTC", zone)
		}
	}
	s, err := cron.ParseStandard(expr)
	if err != nil {
		return nil, fmt.Errorf("`%s` is no cron expression of five fields (minute hour day month weekday): %w", expr, err)
	}
	if at, ok := s.(*cron.SpecSchedule); ok {
		at.Location = loc
	}
	text := "cron " + expr
	if zone != "" {
		text += " " + zone
	}
	return &Schedule{Text: text, cron: s}, nil
}

// Every is a schedule of equal steps, each counted from when the job was due last.
func Every(d time.Duration) *Schedule {
	return &Schedule{Text: "every " + d.String(), Every: d}
}

// Next is the first time after last at which the job is due; the zero last means that it has never
// been. The zero time means never.
func (s *Schedule) Next(last, now time.Time) time.Time {
	switch {
	case s == nil:
		return time.Time{}
	case s.cron == nil && last.IsZero():
		return now
	case s.cron == nil:
		return last.Add(s.Every)
	case last.IsZero():
		return s.next(now)
	}
	return s.next(last)
}

// everyHour is how package cron marks an hour of `*`.
const everyHour = 1 << 63

// next is the cron expression's next time. A time of day that comes twice because clocks are put back
// counts once, unless the expression means every hour.
func (s *Schedule) next(after time.Time) time.Time {
	at, ok := s.cron.(*cron.SpecSchedule)
	for t := s.cron.Next(after); ; t = s.cron.Next(t) {
		if t.IsZero() || !ok || at.Hour&everyHour != 0 || !repeated(t.In(at.Location)) {
			return t
		}
	}
}

// repeated reports whether clocks have shown the same time of day before.
func repeated(t time.Time) bool {
	for _, back := range []time.Duration{30 * time.Minute, time.Hour} {
		if t.Add(-back).Format(time.DateTime) == t.Format(time.DateTime) {
			return true
		}
	}
	return false
}

// Latest is the last time at or before now at which a job that was due at `due` was due again: all that
// was missed in between is made up for by one run.
func (s *Schedule) Latest(due, now time.Time) time.Time {
	if s.cron == nil {
		if behind := now.Sub(due); behind > 0 {
			due = due.Add(behind / s.Every * s.Every)
		}
		return due
	}
	if now.Sub(due) > 24*time.Hour { // not minute by minute through weeks
		if from := s.next(now.Add(-24 * time.Hour)); !from.IsZero() && !from.After(now) {
			due = from
		}
	}
	for {
		next := s.next(due)
		if next.IsZero() || next.After(now) {
			return due
		}
		due = next
	}
}

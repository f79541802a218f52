package host

import (
	"slices"
	"testing"
	"time"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCronAcrossClockChanges: what does not exist is left out, what comes twice is due once.
func TestCronAcrossClockChanges(t *testing.T) {
	for _, c := range []struct {
		expr, zone, from string
		want             []string
	}{
		{"30 2 * * *", "Europe/Vienna", "2026-03-27T12:00:00Z", []string{"2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"}},
		{"30 2 * * *", "Europe/Vienna", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"30 * * * *", "Europe/Vienna", "2026-10-25T00:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"0 9 * * mon", "America/New_York", "2026-03-05T00:00:00Z", []string{"2026-03-09T13:00:00Z", "2026-03-16T13:00:00Z"}},
		{"*/15 * * * *", "UTC", "2026-01-01T00:00:00Z", []string{"2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"}},
		{"@monthly", "Asia/Tokyo", "2026-01-15T00:00:00Z", []string{"2026-01-31T15:00:00Z", "2026-02-28T15:00:00Z"}},
	} {
		s, err := ParseCron(c.expr, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		last := at(t, c.from)
		for range c.want {
			last = s.Next(last, last)
			got = append(got, last.UTC().Format(time.RFC3339))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, want %v", c.expr, c.zone, got, c.want)
		}
	}
}

// TestMissed: however many times were missed, the job is run once, and then at its times again.
func TestMissed(t *testing.T) {
	cron, err := ParseCron("0 * * * *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "2026-01-10T12:34:56Z")
	for _, c := range []struct {
		name     string
		schedule *Schedule
		due      time.Time // last, zero: never
		trigger  string    // of the first run, "" when none is due now
		after    string    // the next time behind that
	}{
		{"cron, weeks away", cron, at(t, "2025-12-01T00:00:00Z"), "missed", "2026-01-10T13:00:00Z"},
		{"cron, one away", cron, at(t, "2026-01-10T11:00:00Z"), "missed", "2026-01-10T13:00:00Z"},
		{"cron, none away", cron, at(t, "2026-01-10T12:00:00Z"), "", "2026-01-10T13:00:00Z"},
		{"cron, new", cron, time.Time{}, "", "2026-01-10T13:00:00Z"},
		{"every, weeks away", Every(time.Hour), at(t, "2025-12-01T00:10:00Z"), "missed", "2026-01-10T13:10:00Z"},
		{"every, none away", Every(time.Hour), at(t, "2026-01-10T12:30:00Z"), "", "2026-01-10T13:30:00Z"},
		{"every, new", Every(time.Hour), time.Time{}, "schedule", "2026-01-10T13:34:56Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScheduler()
			job := &Job{Name: "j", Schedule: c.schedule, Enabled: true}
			s.set([]*Job{job}, map[string]memo{"j": {Due: c.due}}, now)
			list, next := s.due(now)
			trigger := ""
			for _, d := range list {
				trigger += d.trigger
			}
			if trigger != c.trigger || next.UTC().Format(time.RFC3339) != c.after {
				t.Errorf("trigger %q, next %s; want %q, %s", trigger, next, c.trigger, c.after)
			}
			if again, _ := s.due(now); len(again) > 0 {
				t.Errorf("due again: %v", again)
			}
			if later, _ := s.due(next); len(later) != 1 || later[0].trigger != "schedule" {
				t.Errorf("at the next time: %v", later)
			}
		})
	}
}

func TestJitterStaysInItsBounds(t *testing.T) {
	now := at(t, "2026-01-10T12:00:00Z")
	for range 200 {
		s := newScheduler()
		s.set([]*Job{{Name: "j", Schedule: Every(time.Hour), Enabled: true, Jitter: time.Minute}}, map[string]memo{"j": {Due: now}}, now)
		_, next := s.due(now)
		if d := next.Sub(now.Add(time.Hour)); d < 0 || d >= time.Minute {
			t.Fatal(d)
		}
		list, after := s.due(next)
		if len(list) != 1 || after.Before(now.Add(2*time.Hour)) { // counted from the due time, not from when it began
			t.Fatal(list, after)
		}
	}
}

func TestReloadKeepsWhenAJobIsDue(t *testing.T) {
	now := at(t, "2026-01-10T12:00:00Z")
	s := newScheduler()
	a := &Job{Name: "a", Schedule: Every(time.Hour), Enabled: true}
	s.set([]*Job{a}, nil, now)
	if list, _ := s.due(now); len(list) != 1 {
		t.Fatal(list)
	}
	same := *a
	s.set([]*Job{&same, {Name: "b", Schedule: Every(time.Minute), Enabled: true}, {Name: "c", Schedule: Every(time.Minute)}}, nil, now.Add(time.Minute))
	list, next := s.due(now.Add(time.Minute))
	if len(list) != 1 || list[0].job.Name != "b" || !next.Equal(now.Add(2*time.Minute)) {
		t.Fatal(list, next)
	}
}

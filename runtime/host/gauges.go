package host

import (
	"context"
	"encoding/json"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lastpage/lastpage/engine"
)

// gauges are what is looked up when /metrics is read.
type gauges struct {
	h                                                                   *Host
	phase, rate, configured, waiting, flight, age, lag, usable, problem *prometheus.Desc
	listeners, slots, busy, queued, children, calls, time, expires      *prometheus.Desc
}

func newGauges(h *Host) *gauges {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("lastpage_"+name, help, labels, nil)
	}
	return &gauges{
		h:          h,
		phase:      d("runs", "Runs that are not over, by where they stand.", "status"),
		rate:       d("rate_in_force", "Requests a second that a rate limit group may send now.", "group"),
		configured: d("rate_configured", "Requests a second that the connectors state.", "group"),
		waiting:    d("rate_waiting", "Requests that wait for their turn.", "group"),
		flight:     d("rate_in_flight", "Requests under way.", "group"),
		age:        d("position_age_seconds", "Age of the oldest token or position that a chain under way stands at.", "connector"),
		lag:        d("lag_seconds", "Age of a stream's oldest watermark.", "connector", "stream"),
		usable:     d("connectors", "Connectors that runs can take."),
		problem:    d("connectors_with_problems", "Connectors whose file as it is now is not used because of a problem."),
		listeners:  d("event_listeners", "Open streams of events."),
		slots:      d("script_slots", "Calls of JavaScript that may run at once, of all connectors."),
		busy:       d("script_busy", "Calls of JavaScript that run."),
		queued:     d("script_waiting", "Calls of JavaScript that wait for a slot."),
		children:   d("script_children", "Child processes that run JavaScript (--untrusted)."),
		calls:      d("script_calls_total", "Calls of JavaScript that ended, by function.", "function"),
		time:       d("script_seconds_total", "Seconds that calls of JavaScript ran, by function.", "function"),
		expires:    d("credential_expires_seconds", "Until the first of a connector's renewable credentials ends; negative when it has, and none was needed since.", "connector"),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.phase, g.rate, g.configured, g.waiting, g.flight, g.age, g.lag, g.usable, g.problem, g.listeners,
		g.slots, g.busy, g.queued, g.children, g.calls, g.time, g.expires} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := map[Phase]int{}
	g.h.runs.mu.Lock()
	for _, r := range g.h.runs.byID {
		count[r.view().Phase]++
	}
	g.h.runs.mu.Unlock()
	for _, p := range []Phase{Queued, Running, Paused, Sleeping} {
		set(g.phase, float64(count[p]), string(p))
	}
	for i, s := range g.h.groups.Stats() {
		if i == maxSeries {
			break
		}
		name := g.h.groupName(s.Name)
		set(g.rate, s.Rate, name)
		set(g.configured, s.Configured, name)
		set(g.waiting, float64(s.Waiting), name)
		set(g.flight, float64(s.InFlight), name)
	}
	usable, problem := 0, 0
	for _, s := range g.h.Catalog.List() {
		if s.Version != "" {
			usable++
		}
		if s.Problem != nil {
			problem++
		}
	}
	set(g.usable, float64(usable))
	set(g.problem, float64(problem))
	g.h.events.mu.Lock()
	n := len(g.h.events.to)
	g.h.events.mu.Unlock()
	set(g.listeners, float64(n))
	g.scripts(ch, set)

	m, now := g.h.metrics, g.h.now()
	for c, at := range g.h.tokens.Expires() {
		if c, _ = m.names.of(c, ""); c != other {
			set(g.expires, at.Sub(now).Seconds(), c)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for c, chains := range m.held {
		oldest := now
		for _, at := range chains {
			if at.Before(oldest) {
				oldest = at
			}
		}
		set(g.age, now.Sub(oldest).Seconds(), c)
	}
	for key, at := range m.mark {
		set(g.lag, now.Sub(at).Seconds(), key[0], key[1])
	}
}

// scripts tells how the slots of JavaScript are used.
func (g *gauges) scripts(ch chan<- prometheus.Metric, set func(*prometheus.Desc, float64, ...string)) {
	s := g.h.opt.Script.Slots.Stats()
	set(g.slots, float64(s.Slots))
	set(g.busy, float64(s.Busy))
	set(g.queued, float64(s.Waiting))
	set(g.children, float64(s.Children))
	for _, f := range s.Calls {
		ch <- prometheus.MustNewConstMetric(g.calls, prometheus.CounterValue, float64(f.Calls), f.Function)
		ch <- prometheus.MustNewConstMetric(g.time, prometheus.CounterValue, f.Time.Seconds(), f.Function)
	}
}

// lag notes how old a stream's oldest watermark is, where it is a time.
func (h *Host) lag(ctx context.Context, state, stream string) {
	var oldest time.Time
	err := h.db.Bookmarks(ctx, engine.StreamKey{Connector: state, Stream: stream}, func(b engine.Bookmark) error {
		if at, ok := instant(b.Watermark); ok && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
		return nil
	})
	if err == nil && !oldest.IsZero() {
		h.metrics.moved(state, stream, oldest)
	}
}

// instant reads a watermark as a time: RFC 3339, or seconds or milliseconds since 1970.
func instant(w json.RawMessage) (time.Time, bool) {
	var s string
	if json.Unmarshal(w, &s) == nil {
		at, err := time.Parse(time.RFC3339Nano, s)
		return at, err == nil
	}
	var n float64
	if json.Unmarshal(w, &n) != nil {
		return time.Time{}, false
	}
	switch {
	case n >= 1e8 && n < 1e11:
		return time.UnixMilli(int64(n * 1000)), true
	case n >= 1e11 && n < 1e14:
		return time.UnixMilli(int64(n)), true
	}
	return time.Time{}, false
}

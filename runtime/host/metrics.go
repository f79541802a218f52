package host

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/runtime/transport"
)

// maxSeries bounds how many values of labels that come from files are told apart; what comes after
// them is counted as "other".
const maxSeries = 2000

// other stands for what is not told apart.
const other = "other"

// metrics are what /metrics shows, in a registry of the host's own.
type metrics struct {
	registry *prometheus.Registry
	names    *names // of connectors and streams
	jobs     *names

	pages, records, received, bytes *prometheus.CounterVec // connector, stream
	requests                        *prometheus.CounterVec // connector, class
	retries, waits                  *prometheus.CounterVec // connector, reason
	waited                          *prometheus.CounterVec // connector
	pageTime                        *prometheus.HistogramVec
	verdicts, streams               *prometheus.CounterVec // connector, verdict
	notices                         *prometheus.CounterVec // connector, event
	recoveries, missing             *prometheus.CounterVec // connector
	reloads                         *prometheus.CounterVec // what, result
	reloadTime                      prometheus.Histogram
	left                            *prometheus.CounterVec // job
	steps                           *prometheus.CounterVec // verdict
	calls                           *prometheus.CounterVec // route, code
	callTime                        *prometheus.HistogramVec
	watermark, complete             *prometheus.GaugeVec // connector, stream

	mu   sync.Mutex
	held map[string]map[string]time.Time // connector: when each chain under way got its position
	mark map[[2]string]time.Time         // connector, stream: its watermark
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), names: newNames(), jobs: newNames(), held: map[string]map[string]time.Time{}, mark: map[[2]string]time.Time{}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "lastpage", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "lastpage", Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	m.pages = counter("pages_total", "Pages that were committed.", "connector", "stream")
	m.records = counter("records_total", "Records that were delivered.", "connector", "stream")
	m.received = counter("records_received_total", "Records as they came, before filters and de-duplication.", "connector", "stream")
	m.bytes = counter("bytes_total", "Bytes of decoded pages.", "connector", "stream")
	m.requests = counter("requests_total", "HTTP requests by what came of them: 2xx to 5xx, or none.", "connector", "class")
	m.retries = counter("retries_total", "Attempts that failed and were repeated.", "connector", "reason")
	m.waits = counter("waits_total", "Waits: before another attempt, for a session that is not ready, as a hook asked.", "connector")
	m.waited = counter("wait_seconds_total", "Seconds of those waits, as they were asked for.", "connector")
	m.pageTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "lastpage", Name: "page_seconds",
		Help: "From a page's first attempt to its last byte.", Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}}, []string{"connector"})
	m.verdicts = counter("runs_total", "Runs that ended, by verdict.", "connector", "verdict")
	m.streams = counter("streams_total", "Streams that ended in a run, by verdict.", "connector", "verdict")
	m.notices = counter("events_total", "What was noticed on the way, by name.", "connector", "event")
	m.recoveries = counter("recoveries_total", "Chains that went on by a fallback.", "connector")
	m.missing = counter("next_token_missing_total", "Pages that should have named the next one and did not.", "connector")
	m.reloads = counter("reloads_total", "Files that were taken over or refused while the service runs.", "what", "result")
	m.reloadTime = prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "lastpage", Name: "reload_seconds",
		Help: "From the first sign of a connector's change to its swap.", Buckets: []float64{.02, .05, .1, .2, .5, 1, 2, 5, 10, 30}})
	m.left = counter("runs_skipped_total", "Due runs that were left out because one of the job was under way.", "job")
	m.steps = counter("steps_total", "Calls of /v1/step by verdict.", "connector", "verdict")
	m.calls = counter("http_requests_total", "Calls of the API.", "route", "code")
	m.callTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "lastpage", Name: "http_request_seconds",
		Help: "Time of calls of the API.", Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60}}, []string{"route"})
	m.watermark = gauge("watermark_timestamp_seconds", "The oldest watermark of a stream, where it is a time.", "connector", "stream")
	m.complete = gauge("stream_complete_timestamp_seconds", "When a stream was last read to its end.", "connector", "stream")
	m.registry.MustRegister(m.pageTime, m.reloadTime, m.callTime, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts what a run tells.
func (m *metrics) observe(e runtime.Event) {
	c, s := m.names.of(e.Connector, e.Stream)
	chain := e.Run + " " + e.Stream + " " + e.Chain
	switch e.Kind {
	case runtime.EventPage:
		m.pages.WithLabelValues(c, s).Inc()
		m.records.WithLabelValues(c, s).Add(float64(e.Page.New))
		m.received.WithLabelValues(c, s).Add(float64(e.Page.Records))
		m.bytes.WithLabelValues(c, s).Add(float64(e.Page.Bytes))
		m.pageTime.WithLabelValues(c).Observe(e.Page.Took.Seconds())
		m.hold(c, chain, e.At)
	case runtime.EventChainEnd:
		m.hold(c, chain, time.Time{})
	case runtime.EventRetry:
		m.retries.WithLabelValues(c, e.Name).Inc()
		m.wait(c, e.Wait)
	case runtime.EventWait:
		m.wait(c, e.Until.Sub(e.At))
	case runtime.EventNotice:
		m.notices.WithLabelValues(c, e.Name).Inc()
		switch e.Name {
		case engine.EventRecovered:
			m.recoveries.WithLabelValues(c).Inc()
		case engine.EventNextTokenMissing:
			m.missing.WithLabelValues(c).Inc()
		}
	case runtime.EventStreamEnd:
		m.streams.WithLabelValues(c, e.Verdict).Inc()
		if e.Verdict == runtime.Complete {
			m.complete.WithLabelValues(c, s).Set(float64(e.At.UnixMilli()) / 1000)
		}
	}
}

// wait counts a wait.
func (m *metrics) wait(connector string, d time.Duration) {
	m.waits.WithLabelValues(connector).Inc()
	m.waited.WithLabelValues(connector).Add(max(0, d.Seconds()))
}

// hold notes when a chain got the position it stands at; the zero time ends it.
func (m *metrics) hold(connector, chain string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.held[connector]
	if at.IsZero() {
		if delete(of, chain); len(of) == 0 {
			delete(m.held, connector)
		}
		return
	}
	if of == nil {
		of = map[string]time.Time{}
		m.held[connector] = of
	}
	of[chain] = at
}

// exchange counts an HTTP exchange.
func (m *metrics) exchange(connector string, x *transport.Exchange) {
	c, _ := m.names.of(connector, "")
	class := "none"
	if x.Status >= 100 && x.Status < 600 {
		class = strconv.Itoa(x.Status/100) + "xx"
	}
	m.requests.WithLabelValues(c, class).Inc()
}

// runEnd counts the end of a run's slice.
func (m *metrics) runEnd(connector string, phase Phase, verdict string, never bool) {
	c, _ := m.names.of(connector, "")
	switch {
	case phase == Cancelled:
		verdict = string(Cancelled)
	case phase == Paused, phase == Queued:
		return
	case never:
		verdict = "not_begun"
	}
	m.verdicts.WithLabelValues(c, verdict).Inc()
}

func (m *metrics) skipped(job string) {
	j, _ := m.jobs.of(job, "")
	m.left.WithLabelValues(j).Inc()
}

// step counts an answer of /v1/step.
func (m *metrics) step(connector, verdict string) {
	c, _ := m.names.of(connector, "")
	m.steps.WithLabelValues(c, verdict).Inc()
}

// change counts what happened to a connector's file.
func (m *metrics) change(c catalog.Change) {
	m.reloads.WithLabelValues("connector", string(c.Kind)).Inc()
	if c.Kind == catalog.Reloaded || c.Kind == catalog.Loaded {
		m.reloadTime.Observe(c.Took.Seconds())
	}
}

// moved notes a stream's watermark.
func (m *metrics) moved(connector, stream string, at time.Time) {
	c, s := m.names.of(connector, stream)
	m.watermark.WithLabelValues(c, s).Set(float64(at.UnixMilli()) / 1000)
	m.mu.Lock()
	defer m.mu.Unlock()
	if key := [2]string{c, s}; c != other {
		m.mark[key] = at
	}
}

// names bounds the values of labels.
type names struct {
	mu   sync.Mutex
	seen map[[2]string]struct{}
}

func newNames() *names { return &names{seen: map[[2]string]struct{}{}} }

// of is the pair itself, or "other" for both when there are too many.
func (n *names) of(a, b string) (string, string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := [2]string{a, b}
	if _, ok := n.seen[key]; !ok {
		if len(n.seen) >= maxSeries {
			return other, other
		}
		n.seen[key] = struct{}{}
	}
	return a, b
}

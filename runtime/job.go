package runtime

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime/auth"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
)

// Job is one run of a connector. The zero value of every optional field is a good default.
type Job struct {
	Connector *Connector
	Streams   []string // names, in order; empty: all

	Set    map[string]string          // config values as text, strongest
	Config map[string]json.RawMessage // config values as JSON
	Env    func(string) (string, bool)
	Ledger Ledger // required
	Sink   Sink   // required
	Owner  engine.Owner
	RunID  string                     // "" makes one
	Fresh  bool                       // forget checkpoint, watermark and kept position of the streams
	Begin  map[string]json.RawMessage // by stream: a position to begin a new walk at

	// Earlier is, by stream, what a run that goes on under its RunID had done when it was cut off: its
	// report counts on from there.
	Earlier map[string]Earlier

	Group      Group // how many pages share a commit
	MaxPages   int64 // per stream and run, 0: no limit
	MaxRecords int64 // per stream and run, 0: no limit
	Chains     int   // overrides chains.concurrency when above 0
	TimeLimit  time.Duration

	Pool      *Pool                     // chains at a time, shared by all jobs of a process; nil: the run's own bound alone
	Groups    *transport.Groups         // rate limit buckets, shared by all jobs of a process; nil: its own
	Tokens    *auth.Tokens              // credentials with an end, shared by all jobs of a process; nil: each connector's own
	Redact    *transport.Redactor       // nil: its own
	Clock     Clock                     // nil: Real
	Observe   func(Event)               // is called by several goroutines, and must not block; nil: nobody looks
	Exchange  func(*transport.Exchange) // is told every HTTP exchange
	Tell      func(*Report)             // is told how the run ended, before the ledger closes its walks; nil: Run's caller tells
	Log       *slog.Logger              // nil: discarded
	Stop      <-chan struct{}           // closed: finish the pages in flight, commit, end as interrupted
	Script    script.Options
	UserAgent string
	Transport http.RoundTripper // sends every request, those for credentials too; nil: the network
	// Wrap is laid around what sends, such as to record it; private says that the requests are for
	// credentials. nil: nothing is.
	Wrap       func(next http.RoundTripper, private bool) http.RoundTripper
	Random     func() float64                                      // of jitter, in [0, 1); nil: math/rand
	Seed       uint64                                              // of Math.random and uuid() in scripts; 0: one that nobody knows
	Serial     bool                                                // one request of a chain at a time, whatever pagination.parallel says
	Strategies map[engine.Type]func(*engine.Rules) engine.Strategy // nil: the connector's (Kinds)

	began time.Time // what relative times of the configuration count from; zero: when it is bound
}

// Earlier is what a run had done of one stream when it was cut off: pages committed, records delivered
// and as they came, bytes of pages, and requests for them with the repeated ones among them.
type Earlier struct {
	Pages, Records, Received, Bytes, Requests, Retries int64
}

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

func newPlan() *cobra.Command {
	var s settings
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan <connector> [stream]",
		Short: "Ask for one page, and say what draining the stream would take",
		Long: "plan asks for the first page of a stream (logging in and opening a session when that is needed) and reckons from it:\n" +
			"pages, calls, time at the rate limit, how long tokens live, caps; and what it recommends: one call, a long run, or windows.\n" +
			"Nothing is stored.",
		Example: "  runner plan github repos --set org=golang",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.plan(cmd.Context(), cmd, args, asJSON)
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (s *settings) plan(ctx context.Context, cmd *cobra.Command, args []string, asJSON bool) error {
	view, err := newView(cmd.ErrOrStderr(), *s)
	if err != nil {
		return err
	}
	job, done, err := s.job(args[0], view, nil)
	if err != nil {
		return err
	}
	defer done()
	name, err := oneStream(job.Connector.Spec, args[1:])
	if err != nil {
		return err
	}
	end, err := withDemo(ctx, args[0], job)
	if err != nil {
		return err
	}
	defer end()
	trace, err := s.openTrace(job)
	if err != nil {
		return err
	}
	defer trace()
	seen, report, err := probe(ctx, job, name)
	if err != nil {
		return startError(job.Redact, err)
	}
	if seen.pages == 0 && report.Verdict != runtime.Complete {
		view.verdict(report)
		return &exitError{exitFailed, nil}
	}
	p := reckon(job.Connector.Spec.Stream(name), seen)
	p.Connector, p.Stream = job.Connector.Spec.Name, name
	if asJSON {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	return p.print(cmd.OutOrStdout())
}

// probed is what the probing run saw of the stream.
type probed struct {
	mu       sync.Mutex
	pages    int64
	records  int64 // of the first page, as received
	bytes    int64
	total    int64         // -1 unknown
	took     time.Duration // of the slowest attempt
	chains   int64         // that are listed; 0 unknown
	complete bool          // the first page was the last
	headers  map[string]string
	first    func() // is called at the first page
}

// windowCuts is how many pages may be asked for until a window is found that need not be cut.
const windowCuts = 20

// probe asks for one page of the stream, over a state of its own.
func probe(ctx context.Context, job *runtime.Job, stream string) (*probed, *runtime.Report, error) {
	dir, err := os.MkdirTemp("", "runner-plan-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(ctx, filepath.Join(dir, "state.db"), store.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	if job.Sink, err = sink.New(ctx, "null:", sink.Options{}); err != nil {
		return nil, nil, err
	}
	job.Ledger, job.Streams, job.MaxPages, job.Chains = db, []string{stream}, 1, 1
	stop := make(chan struct{})
	job.Stop = stop
	for _, part := range job.Connector.Spec.Stream(stream).Partitions {
		if part.Window != nil {
			job.MaxPages = windowCuts
		}
	}
	seen := &probed{total: -1, headers: map[string]string{}, first: sync.OnceFunc(func() { close(stop) })}
	observe, exchange := job.Observe, job.Exchange
	job.Observe = func(e runtime.Event) {
		seen.observe(stream, e)
		if observe != nil && (e.Kind == runtime.EventWait || e.Kind == runtime.EventRetry) {
			observe(e)
		}
	}
	job.Exchange = func(e *transport.Exchange) {
		seen.exchange(e)
		if exchange != nil {
			exchange(e)
		}
	}
	report, err := runtime.Run(ctx, job)
	if err != nil {
		return nil, nil, err
	}
	if s := report.Streams.Of(stream); s != nil {
		seen.complete = s.Verdict == runtime.Complete
	}
	key := engine.StreamKey{Connector: job.Connector.Spec.Name, Stream: stream}
	round, err := db.Round(ctx, key)
	if err == nil && round.Listed {
		err = db.Progress(ctx, key, func(store.Progress) error {
			seen.chains++
			return nil
		})
	}
	return seen, report, err
}

func (p *probed) observe(stream string, e runtime.Event) {
	if e.Kind != runtime.EventPage || e.Stream != stream {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pages++; p.pages == 1 {
		p.records, p.bytes, p.total = int64(e.Page.Records), e.Page.Bytes, e.Page.Total
		p.first()
	}
}

// limitHeaders are the headers in which APIs tell of their limits.
var limitHeaders = []string{
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset",
	"Ratelimit", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset", "Ratelimit-Policy", "Retry-After",
}

func (p *probed) exchange(e *transport.Exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.Private {
		p.took = max(p.took, e.Duration)
	}
	for _, name := range limitHeaders {
		if v := e.ResponseHeader.Get(name); v != "" {
			p.headers[name] = v
		}
	}
}

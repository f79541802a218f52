package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// order is what a run that is under way is told to do.
type order string

const (
	orderPause    order = "pause"
	orderCancel   order = "cancel"
	orderShutdown order = "shutdown"
)

// run is one run that is not over.
type run struct {
	mu     sync.Mutex
	status RunStatus
	plan   Plan
	keys   []string // streams that nobody else may run at the same time
	order  order
	stop   chan struct{} // closed with the order; nil while it does not run
	redact *transport.Redactor
}

// view is the run as it is now.
func (r *run) view() RunStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// tell gives an order to a run that is under way; the first one holds, but a cancel outranks a pause.
func (r *run) tell(o order) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.order == "" {
		r.order = o
		if r.stop != nil {
			close(r.stop)
		}
	} else if o == orderCancel {
		r.order = o
	}
}

// slice reads pages until the run ends, or is told to stop.
func (h *Host) slice(ctx context.Context, r *run) (*runtime.Report, error) {
	version, err := h.Catalog.Use(r.plan.Connector)
	if err != nil {
		return nil, err
	}
	defer version.Done()
	r.mu.Lock()
	r.status.Version = version.ID
	stop := r.stop
	r.mu.Unlock()
	earlier, err := h.recount(ctx, r)
	if err != nil {
		return nil, err
	}
	streams, ended, err := h.left(ctx, r, version.Connector.Spec)
	if err != nil {
		return nil, err
	}
	if len(streams) == 0 {
		report := &runtime.Report{Connector: r.plan.Connector, Run: r.status.ID, Verdict: ended,
			Message: ended + ": every stream had been read before the service ended"}
		if ended == runtime.Interrupted {
			report.Reason, report.Message = runtime.CodeInterrupted, ended+": other runs have gone on with what was left"
		}
		return report, nil
	}
	set, config, err := r.plan.Config.resolve(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	out, err := sink.New(ctx, r.plan.To, sink.Options{Ledger: h.db.Path(), Stdout: os.Stderr})
	if err != nil {
		return nil, err
	}
	if _, what := sink.Clash(out, streams, h.ownFiles(version.Connector.Spec)); what != "" {
		return nil, fmt.Errorf("to: %s: it is %s; name another output", r.plan.To, what)
	}
	log := logOf(h.log, r.redact).With("run", r.status.ID, "connector", r.plan.Connector)
	script := h.opt.Script
	script.Log = func(file string, line int, msg string) { log.Debug(msg, "file", file, "line", line) }
	job := &runtime.Job{
		Connector: version.Connector, Streams: streams, Set: set, Config: config, Env: os.LookupEnv,
		Ledger: scoped{h.db, r.plan.State, h.late}, Sink: out, Owner: h.owner, RunID: r.status.ID, Fresh: r.plan.Fresh, Earlier: earlier,
		MaxPages: r.plan.MaxPages, MaxRecords: r.plan.Limit, Chains: r.plan.Chains, TimeLimit: r.plan.TimeLimit,
		Groups: h.groups, Pool: h.pool, Tokens: h.tokens, Redact: r.redact, Stop: stop, Script: script, UserAgent: h.opt.UserAgent,
		Log:      log,
		Observe:  func(e runtime.Event) { h.observe(ctx, r, e) },
		Exchange: func(x *transport.Exchange) { h.metrics.exchange(r.plan.Connector, x) },
	}
	if h.opt.Trace != nil {
		h.opt.Trace(job)
	}
	report, err := runtime.Run(ctx, job)
	if err == nil && report.Verdict != runtime.Parked && worse(report.Verdict, ended) != report.Verdict { // parked is no end
		report.Verdict, report.Attested, report.Reason = ended, "", ""
		if ended == runtime.Interrupted {
			report.Reason = runtime.CodeInterrupted
		}
	}
	return report, err
}

// ownFiles are the files that no output may be.
func (h *Host) ownFiles(c *spec.Connector) map[string]string {
	own := map[string]string{c.File: "the connector", h.opt.Jobs: "the jobs file"}
	if c.Hook != nil {
		own[c.Hook.File] = "the connector's hook"
	}
	sink.Beside(own, h.opt.State, "the service's state file")
	return own
}

// left lists the streams that the run has not read to the end of their round yet, and the verdict of
// those that it has.
func (h *Host) left(ctx context.Context, r *run, c *spec.Connector) (streams []string, verdict string, err error) {
	for _, name := range streamsOf(c, r.plan.Streams) {
		key := engine.StreamKey{Connector: r.plan.State, Stream: name}
		number := r.plan.Rounds[name]
		if number == 0 {
			streams = append(streams, name)
			continue
		}
		round, err := h.db.Round(ctx, key)
		if err != nil {
			return nil, "", err
		}
		if round.Number > number { // another run has gone on with the walk, and begun the next one
			verdict = worse(verdict, runtime.Interrupted)
			continue
		}
		if round.Number < number || round.Open {
			streams = append(streams, name)
			continue
		}
		verdict = worse(verdict, runtime.Complete)
		err = h.db.Progress(ctx, key, func(p store.Progress) error {
			verdict = worse(verdict, p.Verdict)
			return nil
		})
		if err != nil {
			return nil, "", err
		}
	}
	return streams, verdict, nil
}

// recount takes up what the journal knows of a run that goes on: a service that was killed has not noted
// the last of it.
func (h *Host) recount(ctx context.Context, r *run) (map[string]runtime.Earlier, error) {
	visits, err := h.db.Visits(ctx, r.status.ID)
	if err != nil || len(visits) == 0 {
		return nil, err
	}
	out := map[string]runtime.Earlier{}
	var all runtime.Earlier
	for _, v := range visits {
		out[v.Stream.Stream] = runtime.Earlier{Pages: v.Pages, Records: v.Records, Received: v.Received, Bytes: v.Bytes, Requests: v.Attempts, Retries: v.Retries}
		all.Pages += v.Pages
		all.Records += v.Records
		all.Bytes += v.Bytes
		all.Retries += v.Retries
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.status
	s.Pages, s.Records, s.Bytes, s.Retries = max(s.Pages, all.Pages), max(s.Records, all.Records), max(s.Bytes, all.Bytes), max(s.Retries, all.Retries)
	r.plan.Fresh = false // it has begun
	return out, nil
}

// rounds notes the rounds that the run has begun or goes on with.
func (h *Host) rounds(ctx context.Context, r *run) map[string]int64 {
	v, err := h.Catalog.Use(r.plan.Connector)
	if err != nil {
		return nil
	}
	defer v.Done()
	out := map[string]int64{}
	for _, name := range streamsOf(v.Connector.Spec, r.plan.Streams) {
		if round, err := h.db.Round(ctx, engine.StreamKey{Connector: r.plan.State, Stream: name}); err == nil {
			out[name] = round.Number
		}
	}
	return out
}

// resolve gives the values as texts and as JSON; those that name a variable or a file are read now.
func (v Values) resolve(env func(string) (string, bool)) (set map[string]string, config map[string]json.RawMessage, err error) {
	set, config = map[string]string{}, map[string]json.RawMessage{}
	for name, value := range v {
		switch {
		case value.JSON != nil:
			config[name] = value.JSON
		default:
			text, err := value.text(env)
			if err != nil {
				return nil, nil, &runtime.ConfigError{Name: name, Msg: err.Error()}
			}
			set[name] = text
		}
	}
	return set, config, nil
}

// text is the value as text.
func (v Value) text(env func(string) (string, bool)) (string, error) {
	switch {
	case v.Env != "":
		s, ok := env(v.Env)
		if !ok {
			return "", errors.New("the environment variable " + v.Env + " is not set")
		}
		return s, nil
	case v.File != "":
		b, err := os.ReadFile(v.File)
		if err != nil {
			return "", err
		}
		s := strings.TrimSuffix(string(b), "\n")
		return strings.TrimSuffix(s, "\r"), nil
	}
	var s string
	if json.Unmarshal(v.JSON, &s) == nil {
		return s, nil
	}
	return string(v.JSON), nil
}

// exclusive lists what a run must have for itself: its streams and the parents that it walks for them.
func exclusive(c *spec.Connector, state string, streams []string) []string {
	chosen := streamsOf(c, streams)
	have := map[string]bool{}
	var keys []string
	add := func(name string) {
		if !have[name] {
			have[name] = true
			keys = append(keys, state+"\x00"+name)
		}
	}
	asked := map[string]bool{}
	for _, s := range chosen {
		asked[s] = true
		add(s)
	}
	var parents func(name string)
	parents = func(name string) {
		st := c.Stream(name)
		if st == nil {
			return
		}
		for _, p := range st.Partitions {
			if p.Stream == "" {
				continue
			}
			if !asked[p.Stream] {
				add(p.Stream + "\x00")
			}
			parents(p.Stream)
		}
	}
	for _, s := range chosen {
		parents(s)
	}
	return keys
}

// observe turns what a run tells into counts, metrics and events.
func (h *Host) observe(ctx context.Context, r *run, e runtime.Event) {
	if e.Kind == runtime.EventRunStart {
		rounds := h.rounds(context.WithoutCancel(ctx), r)
		r.mu.Lock()
		r.plan.Rounds = rounds
		r.plan.Fresh = false // what it was to forget is forgotten: a slice after this one goes on
		r.mu.Unlock()
		h.keep(ctx, r)
	}
	r.mu.Lock()
	switch e.Kind {
	case runtime.EventPage:
		r.status.Pages++
		r.status.Records += int64(e.Page.New)
		r.status.Bytes += e.Page.Bytes
	case runtime.EventRetry:
		r.status.Retries++
	}
	r.mu.Unlock()
	h.metrics.observe(e)
	h.events.publishRun(e, r.plan.Job, r.redact)
	switch e.Kind {
	case runtime.EventNotice:
		logOf(h.log, r.redact).Debug(e.Name, "run", e.Run, "connector", e.Connector, "stream", e.Stream, "chain", e.Chain, "detail", e.Detail)
	case runtime.EventPage:
		h.log.Debug("page", "run", e.Run, "connector", e.Connector, "stream", e.Stream, "chain", e.Chain, "page", e.Page.Index, "records", e.Page.New, "verdict", e.Page.Verdict)
	case runtime.EventStreamEnd:
		h.lag(context.WithoutCancel(ctx), r.plan.State, e.Stream)
	}
}

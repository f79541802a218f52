package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/auth"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
)

// Options say what a Host serves. Zero values are good defaults but for Connectors or Shipped, and
// State.
type Options struct {
	Connectors []string // files and folders, watched
	Shipped    fs.FS    // connectors that are not watched and yield to those, nil: none
	Archive    string   // folder for earlier versions of connectors, "": they are kept in memory
	Replay     func(ctx context.Context, c *runtime.Connector, fsys fs.FS, path string) error
	Jobs       string // the jobs file, watched; "": none
	State      string // the state file

	Token    string // that callers must present, "": none is asked for
	StepKey  string // what seals `next` of /v1/step; "": one that is kept in the state file
	StateKey string // what seals kept credentials, see store.Options

	Runs        int                // at a time, default 100
	Steps       int                // calls of /v1/step at a time, default 64
	StepTime    time.Duration      // of one call of /v1/step, default 2m
	Grace       time.Duration      // for pages in flight when a run is told to stop, default 8s
	Script      script.Options     // Slots nil: one per CPU, shared by all connectors
	Trace       func(*runtime.Job) // is given the job of each slice of a run before it begins, to add to its Observe and Exchange; nil: nobody looks
	UserAgent   string
	Version     string // of the product, for the OpenAPI document
	Log         *slog.Logger
	Now         func() time.Time
	JobsPoll    time.Duration // how often the jobs file is looked at, default 1s
	DataFolder  string        // where callers may have records written to, default the working directory
	UnknownHost bool          // answer whatever name the request's Host header has, even without a token
}

func (o Options) withDefaults() Options {
	if o.Runs < 1 {
		o.Runs = 100
	}
	if o.Steps < 1 {
		o.Steps = 64
	}
	if o.StepTime <= 0 {
		o.StepTime = 2 * time.Minute
	}
	if o.Grace <= 0 {
		o.Grace = 8 * time.Second
	}
	if o.Script.Slots == nil {
		o.Script.Slots = script.NewSlots(0) // one per CPU, for all connectors
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.JobsPoll <= 0 {
		o.JobsPoll = time.Second
	}
	if o.DataFolder == "" {
		o.DataFolder = "."
	}
	return o
}

// Host is a running service. Handler is its HTTP API.
type Host struct {
	Catalog *catalog.Catalog

	opt      Options
	log      *slog.Logger
	db       *store.DB
	claim    *claim
	book     *book
	late     *backlog // of the book and of the ledger's leases
	owner    engine.Owner
	groups   *transport.Groups
	pool     *runtime.Pool // chains at a time, of all runs
	tokens   *auth.Tokens
	own      *seal // of what the host notes for itself
	steps    *seal // of next
	metrics  *metrics
	events   *events
	runs     *runs
	schedule *scheduler
	hooks    *webhooks
	jobsFile jobsFile
	stepping chan struct{}
	lost     []RunStatus // runs of before that cannot go on

	hard   context.Context // ends when nothing may go on
	kill   context.CancelFunc
	quit   context.CancelFunc // ends the loops
	loops  sync.WaitGroup
	ending chan struct{} // closed when the end begins
	stop   sync.Once     // of ending
	once   sync.Once     // of windDown
	closed sync.Once
}

// Open opens the state, reads connectors and jobs, takes up what was under way when the service ended
// last, and begins to run what is due. Problems of the jobs file are a spec.Errors. The caller calls Close.
func Open(ctx context.Context, opt Options) (_ *Host, err error) {
	opt = opt.withDefaults()
	h := &Host{
		opt: opt, log: opt.Log, owner: store.Self(opt.Now()), groups: new(transport.Groups), pool: runtime.NewPool(0), tokens: new(auth.Tokens), metrics: newMetrics(), events: newEvents(),
		runs: newRuns(), schedule: newScheduler(), hooks: newWebhooks(opt.Log), stepping: make(chan struct{}, opt.Steps), ending: make(chan struct{}),
	}
	h.hard, h.kill = context.WithCancel(context.WithoutCancel(ctx))
	loops, quit := context.WithCancel(h.hard)
	h.quit = quit
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if h.db, err = store.Open(ctx, opt.State, store.Options{SecretKey: opt.StateKey}); err != nil {
		return nil, err
	}
	if h.claim, err = take(h.db.Path(), opt.State, opt.Now()); err != nil {
		return nil, err
	}
	if h.book, err = openBook(ctx, h.db.Path()); err != nil {
		return nil, fmt.Errorf("state file %s: %w", opt.State, err)
	}
	h.late = newBacklog(h.db, h.book)
	if err = h.keys(ctx); err != nil {
		return nil, err
	}
	opt.Script.Log = nil
	h.Catalog, err = catalog.Open(ctx, catalog.Options{
		Paths: opt.Connectors, Shipped: opt.Shipped, Script: opt.Script, Replay: opt.Replay, Archive: opt.Archive, Log: opt.Log,
		Observe: func(c catalog.Change) {
			h.metrics.change(c)
			h.events.publish("connector", changeOf(c))
		},
	})
	if err != nil {
		return nil, err
	}
	h.metrics.registry.MustRegister(newGauges(h))
	if err = h.recall(ctx); err != nil {
		return nil, err
	}
	for _, s := range h.lost {
		s.Phase, s.Ended, s.Reason = Cancelled, h.now(), "key_changed"
		if err = h.book.put(ctx, &s, false, nil); err != nil {
			return nil, err
		}
	}
	if err = h.openJobs(ctx); err != nil {
		return nil, err
	}
	h.watermarks(ctx)
	h.loops.Go(func() { h.scheduleLoop(loops) })
	h.loops.Go(func() { h.catchUp(loops) })
	if opt.Jobs != "" {
		h.loops.Go(func() { h.watchJobs(loops) })
	}
	h.dispatch()
	return h, nil
}

// keys readies the keys: the one of `next` may be shared by several services.
func (h *Host) keys(ctx context.Context) error {
	const name = "host:key"
	kept, err := h.db.Secret(ctx, name)
	if err == nil && kept == "" {
		kept = randomKey()
		err = h.db.PutSecret(ctx, name, kept)
	}
	if err != nil {
		return err
	}
	if h.own, err = newSeal([]byte(kept), "runs"); err != nil {
		return err
	}
	shared := h.opt.StepKey
	if shared == "" {
		shared = kept
	}
	h.steps, err = newSeal([]byte(shared), "next")
	return err
}

// watermarks notes where the streams of the jobs stand.
func (h *Host) watermarks(ctx context.Context) {
	list, err := h.db.Streams(ctx, "")
	if err != nil {
		h.log.Warn("watermarks could not be read", "error", err)
		return
	}
	for _, s := range list {
		if s.Bookmarks > 0 {
			h.lag(ctx, s.Connector, s.StreamKey.Stream)
		}
	}
}

// Close tells runs to finish the pages in flight, commits them, and waits for everything: Options.Grace
// and a little more at the most. What was under way goes on with the next Open.
func (h *Host) Close() error {
	var err error
	h.closed.Do(func() {
		h.windDown()
		if h.Catalog != nil {
			h.Catalog.Close()
		}
		if h.late != nil {
			if left, ferr := h.late.flush(context.Background()); left > 0 {
				h.log.Error("some runs could not be noted: they are taken up where they were noted last", "error", ferr)
			}
		}
		if h.book != nil {
			err = h.book.close()
		}
		if h.db != nil {
			err = errors.Join(err, h.db.Close())
		}
		if h.claim != nil {
			err = errors.Join(err, h.claim.end())
		}
	})
	return err
}

// windDown ends everything that works by itself, and waits for it; looking things up still works.
func (h *Host) windDown() {
	h.once.Do(func() {
		h.stopCalls()
		grace, cancel := context.WithTimeout(context.Background(), h.opt.Grace)
		defer cancel()
		h.quit()
		h.endRuns()
		h.loops.Wait()
		left := cap(h.stepping) // calls that may be under way, and places for others
		for ; left > 0 && grace.Err() == nil; left-- {
			select {
			case h.stepping <- struct{}{}:
			case <-grace.Done():
				left++
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		h.hooks.close(ctx)
		h.kill()
		for ; left > 0; left-- {
			h.stepping <- struct{}{}
		}
	})
}

// Abort ends what Serve and Close would wait for: pages in flight are given up, and come again with the
// next Open.
func (h *Host) Abort() { h.kill() }

// stopCalls ends streams of events and lets no new step or run begin.
func (h *Host) stopCalls() { h.stop.Do(func() { close(h.ending) }) }

func (h *Host) now() time.Time { return h.opt.Now().UTC() }

// groupName is a rate limit group's name for a metric: credentials and names that a connector
// computes are in it as a hash only.
func (h *Host) groupName(name string) string {
	place, id, ok := strings.Cut(name, "#")
	if shared, is := strings.CutPrefix(name, "share:"); is {
		place, id, ok = "share", shared, true
	}
	if !ok || id == "" {
		return place
	}
	sum := sha256.Sum256([]byte(id))
	return place + "#" + hex.EncodeToString(sum[:4])
}

// changeOf is a connector's change as an event.
func changeOf(c catalog.Change) map[string]any {
	out := map[string]any{"at": c.At, "change": c.Kind, "connector": c.Name, "path": c.Path, "version": c.Version, "before": c.Before}
	if len(c.Streams) > 0 {
		out["positions_not_reused"] = c.Streams
	}
	if c.Problem != nil {
		out["problems"] = catalog.Problems(c.Problem)
	}
	return out
}

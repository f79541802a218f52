package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/runtime/transport"
)

// mendTime is how often a run that was under way looks whether its connector can be used again.
const mendTime = 10 * time.Second

// maxOpen is how many runs may be queued, paused, parked and running together.
const maxOpen = 10_000

// Errors of the orders that the API takes.
var (
	ErrNoRun  = errors.New("there is no run of that id")
	ErrOver   = errors.New("the run is over")
	ErrPhase  = errors.New("the run cannot do that now")
	ErrBusy   = errors.New("another run works on one of these streams")
	ErrFull   = errors.New("too many runs are waiting")
	ErrEnding = errors.New("the service is ending")
)

// runs are the runs that are not over.
type runs struct {
	mu     sync.Mutex
	byID   map[string]*run
	queue  []*run          // those that wait, oldest first
	taken  map[string]*run // streams that are being run
	active int
	ending bool
	wg     sync.WaitGroup
}

func newRuns() *runs { return &runs{byID: map[string]*run{}, taken: map[string]*run{}} }

// newID is a random name of a run.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// start queues a run. With wait it stands in line behind another run of its streams; without,
// such a run is refused with ErrBusy.
func (h *Host) start(ctx context.Context, p Plan, wait bool) (RunStatus, error) {
	version, err := h.Catalog.Use(p.Connector)
	if err != nil {
		return RunStatus{}, err
	}
	keys := exclusive(version.Connector.Spec, p.State, p.Streams)
	version.Done()
	r := &run{plan: p, keys: keys, redact: new(transport.Redactor), status: RunStatus{
		ID: newID(), Job: p.Job, Connector: p.Connector, Streams: p.Streams, State: p.State, Trigger: p.Trigger, Phase: Queued, Created: h.now(),
	}}
	h.runs.mu.Lock()
	switch {
	case h.runs.ending:
		err = ErrEnding
	case len(h.runs.byID) >= maxOpen:
		err = ErrFull
	case !wait && h.runs.busy(keys):
		err = ErrBusy
	default:
		h.runs.byID[r.status.ID] = r
		h.runs.queue = append(h.runs.queue, r)
	}
	h.runs.mu.Unlock()
	if err != nil {
		return RunStatus{}, err
	}
	h.keep(ctx, r)
	h.tellRun(r)
	h.dispatch()
	return r.view(), nil
}

// busy reports whether a run that is under way or in line has one of the streams; the caller holds mu.
func (rs *runs) busy(keys []string) bool {
	for _, k := range keys {
		if rs.taken[k] != nil {
			return true
		}
	}
	return slices.ContainsFunc(rs.queue, func(q *run) bool {
		return slices.ContainsFunc(q.keys, func(k string) bool { return slices.Contains(keys, k) })
	})
}

// ofJob reports whether a run of the job is not over. A paused one does not count as under way.
func (rs *runs) ofJob(name string) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.byID {
		if r.plan.Job == name && name != "" {
			return true
		}
	}
	return false
}

// dispatch begins what can begin: the oldest runs whose streams are free, while there is room.
func (h *Host) dispatch() {
	rs := h.runs
	rs.mu.Lock()
	defer rs.mu.Unlock()
	blocked := map[string]bool{}
	rest := rs.queue[:0]
	for _, r := range rs.queue {
		free := !rs.ending && rs.active < h.opt.Runs
		for _, k := range r.keys {
			if rs.taken[k] != nil || blocked[k] {
				free = false
			}
		}
		if !free {
			for _, k := range r.keys {
				blocked[k] = true // who came first is served first
			}
			rest = append(rest, r)
			continue
		}
		for _, k := range r.keys {
			rs.taken[k] = r
		}
		rs.active++
		rs.wg.Go(func() { h.perform(r) })
	}
	clear(rs.queue[len(rest):])
	rs.queue = rest
}

// perform runs one slice and settles what comes after it.
func (h *Host) perform(r *run) {
	ctx, cancel := context.WithCancel(h.hard)
	defer cancel()
	r.mu.Lock()
	r.stop = make(chan struct{})
	if r.order != "" {
		close(r.stop)
	}
	s := &r.status
	s.Phase, s.Until, s.Verdict, s.Attested, s.Reason, s.Message, s.Report = Running, time.Time{}, "", "", "", "", nil
	r.status.Slices++
	if r.status.Started.IsZero() {
		r.status.Started = h.now()
	}
	stop := r.stop
	r.mu.Unlock()
	h.keep(ctx, r)
	h.tellRun(r)
	grace := h.grace(stop, cancel)
	report, err := h.slice(ctx, r)
	grace()
	h.runs.release(r) // before it is told that the run is over: who hears it may start the next one
	h.settle(r, report, err)
	h.dispatch()
}

// release frees what a slice has held.
func (rs *runs) release(r *run) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, k := range r.keys {
		delete(rs.taken, k)
	}
	rs.active--
}

// grace cancels a run some time after it was told to stop; the result ends the watching.
func (h *Host) grace(stop <-chan struct{}, cancel context.CancelFunc) (end func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-quit:
			return
		case <-stop:
		}
		t := time.NewTimer(h.opt.Grace)
		defer t.Stop()
		select {
		case <-quit:
		case <-t.C:
			cancel()
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// settle notes how a slice ended, and whether another one follows.
func (h *Host) settle(r *run, report *runtime.Report, err error) {
	r.mu.Lock()
	s, o := &r.status, r.order
	r.stop, r.order = nil, ""
	var unusable *catalog.UnknownError
	switch {
	case errors.As(err, &unusable) && s.Slices > 1 && o == "": // it goes on when the file is mended
		s.Phase, s.Until, s.Message = Sleeping, h.now().Add(mendTime), err.Error()
	case err != nil:
		s.Phase, s.Verdict, s.Reason, s.Message = Ended, runtime.Failed, startCode(err), r.redact.String(err.Error())
	default:
		s.Verdict, s.Attested, s.Reason, s.Message = report.Verdict, string(report.Attested), report.Reason, r.redact.String(report.Message)
		if b, err := json.Marshal(report); err == nil {
			s.Report = h.clean(r, b)
		}
		s.Phase = Ended
	}
	if s.Verdict == runtime.Parked && err == nil {
		s.Phase = Sleeping
		if until, perr := time.Parse(time.RFC3339, report.Until); perr == nil {
			s.Until = until
		} else {
			s.Until = h.now().Add(time.Minute)
		}
	}
	unfinished := s.Verdict == runtime.Interrupted || s.Phase == Sleeping
	switch {
	case unfinished && o == orderCancel:
		s.Phase, s.Until = Cancelled, time.Time{}
	case unfinished && o == orderPause:
		s.Phase, s.Until = Paused, time.Time{}
	case s.Verdict == runtime.Interrupted && (o == orderShutdown || h.hard.Err() != nil):
		s.Phase = Queued // the next start of the service takes it up
	}
	if s.Phase.Over() {
		s.Ended = h.now()
	}
	over, phase, verdict := s.Phase.Over(), s.Phase, s.Verdict
	r.mu.Unlock()
	if over {
		h.runs.mu.Lock()
		delete(h.runs.byID, s.ID)
		h.runs.mu.Unlock()
	}
	h.keep(context.Background(), r)
	h.tellRun(r)
	if phase != Sleeping || err == nil {
		h.metrics.runEnd(r.plan.Connector, phase, verdict, err != nil)
	}
	if phase == Ended || phase == Sleeping && err == nil {
		h.react(r.view())
	}
	h.schedule.poke()
}

// clean is JSON without secrets, nil when it would be broken by that.
func (h *Host) clean(r *run, b []byte) []byte {
	if b = r.redact.Bytes(b); json.Valid(b) {
		return b
	}
	return nil
}

// startCode is the stable code of why a run could not begin.
func startCode(err error) string {
	var held *engine.HeldError
	var config *runtime.ConfigError
	var coded interface{ ErrorCode() string }
	var own *runtime.Error
	switch {
	case errors.As(err, &held):
		return "held"
	case errors.As(err, &config):
		return "config"
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &coded):
		return coded.ErrorCode()
	}
	return "start"
}

// keep stores the run as it is now. What cannot be stored is logged, and tried again: the run goes on.
func (h *Host) keep(ctx context.Context, r *run) {
	r.mu.Lock()
	s := r.status
	plan, err := json.Marshal(r.plan)
	r.mu.Unlock()
	if err == nil {
		err = h.late.putRun(context.WithoutCancel(ctx), lateRun{s, !s.Phase.Over(), []byte(h.own.close(plan, s.ID))})
	}
	if err != nil {
		h.log.Error("a run could not be noted yet", "run", s.ID, "error", err)
	}
}

// tellRun tells everybody who listens where a run stands.
func (h *Host) tellRun(r *run) {
	s := r.view()
	s.Report = nil
	h.events.publish("run", s)
	args := []any{"run", s.ID, "connector", s.Connector, "trigger", s.Trigger}
	for _, a := range [][2]string{{"job", s.Job}, {"verdict", s.Verdict}, {"reason", s.Reason}, {"message", s.Message}} {
		if a[1] != "" {
			args = append(args, a[0], a[1])
		}
	}
	h.log.Info("run "+string(s.Phase), args...)
}

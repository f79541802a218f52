package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// stepper makes steps on the streams of a connector: what a call of Step has to itself.
type stepper struct {
	*bound
	keep *memory
	out  *collector
}

// newStepper binds the connector; began is when the walk did, zero: now. The caller closes the program.
func newStepper(ctx context.Context, job *Job, stream string, began time.Time) (*stepper, error) {
	own := *job
	s := &stepper{keep: &memory{secrets: job.Ledger}, out: &collector{}}
	own.Ledger, own.Sink, own.Streams, own.Fresh, own.Begin, own.MaxPages, own.began = s.keep, s.out, []string{stream}, false, nil, 0, began
	var err error
	s.bound, err = bind(ctx, &own)
	return s, err
}

// ready makes a stream one that begins its round in this call.
func (s *stepper) ready(ctx context.Context, sr *streamRun, now time.Time) {
	sr.lease, _ = s.keep.Acquire(ctx, sr.name, s.job.Owner)
	sr.roundData = roundData{Fingerprint: sr.on.hash()}
	sr.round = engine.Round{Number: 1, Open: true, Now: now}
}

// resume is the state that was saved, when it is the stream's; the zero state without.
func (s *stepper) resume(sr *streamRun, saved *envelope) (chainState, error) {
	if saved == nil {
		return chainState{}, nil
	}
	s.keep.keys = saved.keys()
	if saved.State.Fingerprint != sr.roundData.Fingerprint {
		return chainState{}, &ArgumentError{"position", "it was printed by another version of this connector or under other values; begin again without it"}
	}
	return *saved.State, nil
}

// page reads the page of a chain that comes at the state.
func (s *stepper) page(ctx context.Context, sr *streamRun, key string, state chainState, resumed bool) (*StepResult, error) {
	row := engine.Chain{Key: key, Ordinal: 1}
	if resumed {
		var err error
		if row.State, err = state.marshal(); err != nil {
			return nil, err
		}
	}
	s.keep.chains = []engine.Chain{row}
	sr.out = newCommitter(context.WithoutCancel(ctx), s.keep, s.out, Group{}, nil)
	defer sr.out.close()
	return s.step(ctx, sr, row)
}

// stream readies the stream, and opens the position.
func (s *stepper) stream(ctx context.Context, at StepAt) (*streamRun, *envelope, error) {
	b, job := s.bound, s.job
	st := b.connector.Stream(at.Stream)
	if st == nil {
		r := &run{bound: b}
		return nil, nil, r.plan(ctx) // which says so
	}
	saved, err := openEnvelope(at.Position)
	if err != nil {
		return nil, nil, err
	}
	ladder := len(st.Pagination.Fallback) > 0
	if saved == nil && at.Position != nil && string(at.Position) != "null" {
		climbable(st)
		job.Begin = map[string]json.RawMessage{st.Name: at.Position}
	}
	if saved != nil && int64(len(saved.keys())) < saved.State.Delivered {
		forward(st)
	}
	sr, err := newStreamRun(ctx, b, st, st.Name)
	if err != nil {
		return nil, nil, err
	}
	sr.ladder = ladder
	if job.Begin != nil && sr.ends(at.Position) == "" {
		if err := CheckPosition(st, at.Position); err != nil {
			sr.client.Close()
			return nil, nil, &ArgumentError{"position", err.Error()}
		}
	}
	return sr, saved, nil
}

// step reads the page and hands its session on, or closes it.
func (s *stepper) step(ctx context.Context, sr *streamRun, row engine.Chain) (*StepResult, error) {
	c, err := sr.chain(ctx, row)
	if err != nil {
		return nil, err
	}
	c.slice.pages = 1
	before := c.session(&c.state)
	var end chainEnd
	if err := c.begin(ctx); err == nil {
		end = c.run(ctx)
	} else if e := c.failed(ctx, nil, err); e != nil {
		end = *e
	} else {
		end = c.run(ctx)
	}
	r, err := c.stepEnd(end, s.keep, s.out)
	if err != nil {
		sr.closeSession(ctx, c.scopeAt(&c.state, nil), c.session(&c.state))
		return nil, err
	}
	return r, s.leave(ctx, c, end, before, r)
}

// leave settles what becomes of the chain's session when a call is over. It stays open for the call that
// goes on in it: the next one, or this one when it is made again because something passing was in its way.
// A walk hands a session that this call has opened over even then, so that none is opened twice.
func (s *stepper) leave(ctx context.Context, c *chain, end chainEnd, before *sessionState, r *StepResult) (err error) {
	now := c.session(&c.state)
	walk := s.keep.whole
	if now == nil || r.Next != nil || walk && c.shared != nil {
		return nil
	}
	switch again := end.lasting(); {
	case again && before != nil && before.Opened.Equal(now.Opened) && !now.Waiting:
		return nil
	case again && walk && !errors.Is(ctx.Err(), context.Canceled): // somebody is there to take it
		r.Next, err = c.handOver(s.keep.all(), true)
		r.wait()
		return err
	}
	c.sr.closeSession(ctx, c.scopeAt(&c.state, nil), now)
	return nil
}

// lasting reports whether the same call may well bring the page later.
func (e *chainEnd) lasting() bool {
	return e.verdict == Parked || e.verdict == Interrupted || e.verdict == Failed && e.err != nil && passing(e.err)
}

// wait turns a call that read nothing, and is to be gone on with, into one that leaves no doubt.
func (r *StepResult) wait() {
	why := oneLine(orElse(r.Detail, r.Reason))
	r.Verdict, r.Attested, r.Reason, r.Detail, r.Err = Complete, "", "", "", nil
	r.Message = "more to come: nothing was read: " + why
	if !r.Until.IsZero() {
		r.Message += "; come back at " + r.Until.UTC().Format(time.RFC3339)
	}
}

package runtime

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// finish concludes the report, tells it, and closes the rounds that have ended. That comes last: a run
// that is killed while it tells its end has not told it, and the next one finds the walk ended and tells
// it again, where a closed round would be walked anew.
func (r *run) finish(ctx context.Context) (*Report, error) {
	ctx = context.WithoutCancel(ctx)
	r.report.conclude()
	broken := r.closeOutputs(ctx)
	if broken != nil {
		r.report.fails(broken)
	}
	if err := r.note(ctx); err != nil {
		return nil, err
	}
	r.tell(Event{Kind: EventRunEnd, Verdict: r.report.Verdict, Reason: r.report.Reason, Detail: r.report.Message})
	faultPoint("before-report")
	if r.job.Tell != nil {
		r.job.Tell(r.report)
	}
	faultPoint("after-report")
	r.windDown()
	if broken != nil {
		return r.report, nil
	}
	if err := r.closeRounds(ctx); err != nil {
		r.report.fails(err)
		return r.report, r.note(ctx)
	}
	return r.report, nil
}

// note writes the report into the run's row.
func (r *run) note(ctx context.Context) error {
	if r.report.Message == "" {
		r.report.Message = r.report.sentence()
	}
	b, err := r.report.MarshalIndent()
	if err != nil {
		return err
	}
	err = r.job.Ledger.EndRun(ctx, engine.Run{ID: r.id, Connector: r.connector.Name, Started: r.started, Ended: r.now(),
		Verdict: r.report.Verdict, Reason: r.report.Reason, Report: b})
	if err != nil && r.report.Err == nil {
		r.report.Err = err
	}
	return nil
}

// overtime is how long the output may take with the last pages when the time limit is over.
const overtime = 10 * time.Second

// closeOutputs seals and closes the outputs. A round ends only behind that: where the last records do
// not reach the disk, the next run goes on with it.
func (r *run) closeOutputs(ctx context.Context) *Error {
	broken := r.seal(ctx)
	if err := r.job.Sink.Close(ctx); err != nil && broken == nil {
		broken = &Error{Code: CodeSink, Err: err}
	}
	return broken
}

// seal stores the last mark of each output, brought back to it where not all that was written is committed:
// the next run takes what it finds behind it for somebody else's, and what it finds behind any other mark for the rest of
// a run that was cut off.
func (r *run) seal(ctx context.Context) *Error {
	out := r.job.Sink
	if p, ok := out.(*pageSink); ok {
		out = p.Sink
	}
	sink, ok := out.(Sealer)
	if !ok {
		return nil
	}
	broken := r.out != nil && r.out.err != nil
	if broken && !r.takeBack(ctx, out) {
		return nil
	}
	for _, sr := range r.opened {
		target, data, err := sink.Seal(ctx, sr.spec.Name)
		if err != nil {
			return &Error{Code: CodeSink, Err: err}
		}
		if target == "" {
			continue
		}
		mark := engine.Mark{Target: target, Data: data, Volatile: !sink.Durable(sr.spec.Name)}
		if err := r.job.Ledger.Commit(ctx, sr.lease, nil, []engine.Mark{mark}, nil); err != nil && !errors.Is(err, engine.ErrFenced) {
			return &Error{Code: CodeState, Err: err}
		}
	}
	return nil
}

// takeBack brings the outputs back to what is committed, as the next run would, when not all that was
// written could be. It is false where that is not to be had.
func (r *run) takeBack(ctx context.Context, out Sink) bool {
	if slices.ContainsFunc(r.opened, (*streamRun).lost) || out.Close(ctx) != nil {
		return false
	}
	for _, sr := range r.opened {
		mark, err := r.marked(ctx, sr)
		if err != nil || mark == nil || out.Open(ctx, sr.spec.Name, mark, false) != nil {
			return false
		}
	}
	return true
}

// closeRounds closes the rounds whose chains have all ended. A run that stopped on its way keeps them
// open: the next one goes on with it.
func (r *run) closeRounds(ctx context.Context) *Error {
	paused := false
	for _, sr := range r.streams {
		paused = paused || sr.report.Verdict == Interrupted || sr.report.Verdict == Parked || sr.report.Reason == CodeLimit
	}
	var broken *Error
	for _, sr := range r.streams {
		if err := sr.close(ctx, paused); err != nil && broken == nil {
			broken = &Error{Code: CodeState, Err: err}
		}
	}
	return broken
}

// windDown ends what works in the background, and lets connections go.
func (r *run) windDown() {
	if r.overtime != nil {
		r.overtime()
	}
	if r.quiet != nil {
		r.quiet()
		r.beat.Wait()
	}
	for _, sr := range r.streams {
		sr.client.Close()
	}
}

// close gives the leases back.
func (r *run) close() {
	r.windDown()
	for _, sr := range r.streams {
		if sr.lease.Epoch != 0 {
			_ = r.job.Ledger.Release(context.Background(), sr.lease) // it expires by itself
		}
	}
}

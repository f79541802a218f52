package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// ChainAt names a chain. An empty Chain is the first of the stream that has not ended: the only one of
// a stream without partitions.
type ChainAt struct {
	Stream string
	Chain  string // canonical JSON of the partition's values, as Event.Chain has it
}

// Budget bounds a slice: at most so many pages, and no new page after so long. Zero is no bound.
type Budget struct {
	Pages int64
	Time  time.Duration
}

// OutcomeKind says what to do after a slice.
type OutcomeKind string

const (
	Done       OutcomeKind = "done"        // the chain has ended, as Verdict says
	Yield      OutcomeKind = "yield"       // the budget is used up: call again
	RetryAfter OutcomeKind = "retry_after" // call again at Until
	Paused     OutcomeKind = "paused"      // Job.Stop was closed: call again when the work may go on
	Cancelled  OutcomeKind = "cancelled"   // the context has ended
	Broken     OutcomeKind = "failed"      // Err says why; the checkpoint is kept
)

// Outcome says how a slice ended. Whatever it is, everything that was delivered is committed, and the
// next slice goes on from there, in this process or in another one that shares the ledger.
type Outcome struct {
	Kind     OutcomeKind
	Chain    string // the one that was run; "" also when there was none left
	Verdict  string // with Done: complete, truncated or incomplete
	Reason   string
	Detail   string
	Attested engine.Attestation // with a complete Verdict
	Until    time.Time          // with RetryAfter
	Err      error
	Pages    int64 // read in this slice
	Records  int64 // delivered in this slice
	Pending  bool  // chains of the stream have not ended: this one, or others
	Report   *Report
}

// RunSlice runs one chain of the job for at most the budget, then yields. A loop over RunSlice until
// nothing is Pending reads what Run reads; each slice holds the stream's lease, so that two slices of a
// stream never run at once. What a chain needs before its first page belongs to its first slice
// whatever the budget: a parent stream that lists the chains, a session that is opened. A session stays
// open between slices.
//
// A wait that would outlast Budget.Time is not waited out: the outcome is RetryAfter. When nothing was
// pending a new walk begins, as with Run. The error is set when nothing was begun: as with Run, or an
// *ArgumentError for a chain that is not listed.
func RunSlice(ctx context.Context, job *Job, at ChainAt, b Budget) (*Outcome, error) {
	if err := job.ready(); err != nil {
		return nil, err
	}
	own := *job
	own.Streams = []string{at.Stream}
	if b.Time > 0 && (own.TimeLimit == 0 || b.Time < own.TimeLimit) {
		own.TimeLimit = b.Time
	}
	bound, err := bind(ctx, &own)
	if err != nil {
		return nil, err
	}
	defer bound.program.Close()
	bound.part = &part{at: at, pending: true}
	bound.part.slice.pages = b.Pages
	if b.Time > 0 {
		bound.part.slice.deadline = bound.started.Add(b.Time)
	}
	report, err := bound.run(ctx)
	if err == nil {
		err = bound.part.err
	}
	if err != nil {
		return nil, err
	}
	return bound.part.outcome(ctx, report, at.Stream), nil
}

// part is the one chain that a run works on, and how that ended.
type part struct {
	at      ChainAt
	slice   sliceBudget
	row     engine.Chain
	end     chainEnd
	pending bool
	err     error // the chain is not listed
}

// errSpent is what a report says of a chain whose slice is used up.
const errSpent = "the slice is used up"

// runPart runs the chain that the run is about.
func (sr *streamRun) runPart(ctx context.Context, sum *summary) error {
	p := sr.part
	sr.queue = newQueue(sr) // for windows that are cut
	row, ok, err := sr.partRow(ctx)
	if err != nil {
		return err
	}
	p.end = chainEnd{verdict: Complete, attested: engine.Assumed}
	if ok {
		p.row = row
		p.end = sr.one(ctx, row, sum)
	}
	left, err := sr.job.Ledger.Chains(context.WithoutCancel(ctx), sr.name, 0, 1, true)
	if err != nil {
		return err
	}
	p.pending = len(left) > 0
	if p.pending { // the round goes on in another slice
		sum.add(left[0], chainEnd{verdict: Truncated, reason: CodeLimit, detail: errSpent})
	}
	return nil
}

// partRow finds the chain; ok is false when it has ended, or none is pending.
func (sr *streamRun) partRow(ctx context.Context) (row engine.Chain, ok bool, err error) {
	if sr.part.at.Chain == "" {
		list, err := sr.job.Ledger.Chains(ctx, sr.name, 0, 1, true)
		if err != nil || len(list) == 0 {
			return row, false, err
		}
		return list[0], true, nil
	}
	listed := false
	err = sr.eachChain(ctx, false, func(c engine.Chain) error {
		if c.Key == sr.part.at.Chain {
			row, listed = c, true
		}
		return nil
	})
	if err == nil && !listed {
		sr.part.err = &ArgumentError{"chain", fmt.Sprintf("stream %s has no chain %s", sr.spec.Name, sr.part.at.Chain)}
	}
	return row, listed && !row.Done, err
}

// only reports whether the run works on one chain of this stream.
func (sr *streamRun) only() bool {
	return sr.part != nil && !sr.silent && sr.spec.Name == sr.part.at.Stream
}

// kept reports whether a session stays open for the next slice.
func (sr *streamRun) kept() bool {
	return sr.only() && sr.part.pending && (sr.part.end.reason == "" || sr.part.end.yield)
}

// outcome says what to do after the slice.
func (p *part) outcome(ctx context.Context, r *Report, stream string) *Outcome {
	o := &Outcome{Kind: Done, Chain: p.row.Key, Verdict: p.end.verdict, Reason: p.end.reason, Detail: p.end.detail,
		Attested: p.end.attested, Until: p.end.until, Err: p.end.err, Pending: p.pending, Report: r}
	if s := r.Streams.Of(stream); s != nil {
		o.Pages, o.Records = s.Pages, s.Records
		if p.end.verdict == "" { // the chain was never reached: its session, its parent
			o.Verdict, o.Reason, o.Detail, o.Err = s.Verdict, s.Reason, s.Detail, s.Err
			o.Pending = s.Verdict != Complete
			if t, err := spec.ParseTime(s.Until, time.Time{}); err == nil {
				o.Until = t
			}
		}
	}
	switch {
	case p.end.yield:
		o.Kind, o.Verdict, o.Attested = Yield, "", ""
	case o.Verdict == Parked:
		o.Kind = RetryAfter
	case o.Verdict == Interrupted && ctx.Err() != nil:
		o.Kind, o.Err = Cancelled, errors.Join(o.Err, context.Cause(ctx))
	case o.Verdict == Interrupted:
		o.Kind = Paused
	case o.Verdict == Failed, r.Verdict == Failed && p.end.verdict != Failed:
		o.Kind = Broken
		if o.Err == nil {
			o.Err = r.Err
		}
	}
	if o.Kind != Done {
		o.Verdict = ""
	}
	if o.Verdict != Complete {
		o.Attested = ""
	}
	return o
}

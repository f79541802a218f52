package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lastpage/lastpage/engine"
)

// chainBatch is how many chains are listed or handed out at a time.
const chainBatch = 512

// roundData is what the runtime keeps in a round.
type roundData struct {
	Fingerprint string        `json:"fp"`
	On          grounds       `json:"on,omitempty"`       // of its positions
	Ended       bool          `json:"ended,omitempty"`    // the run that worked on it came to its end
	Outcome     *outcome      `json:"outcome,omitempty"`  // how it ended, once all its chains have; nil before
	Session     *sessionState `json:"session,omitempty"`  // shared by the round's chains
	Parts       uint64        `json:"parts,omitempty"`    // hash of the session's list that the chains were made of
	Lacking     bool          `json:"lacking,omitempty"`  // a record of the parent had no field to take
	Values      uint64        `json:"values,omitempty"`   // hash of the lists of values that the round's chains were made of
	With        []string      `json:"with,omitempty"`     // streams of the run that worked on it, sorted
	Own         bool          `json:"own,omitempty"`      // its chains are listed by a walk of the parent that is for children alone
	Reopened    bool          `json:"reopened,omitempty"` // the session was lost on the way: some of it was read in another
	Base        string        `json:"base,omitempty"`     // origin of the base URL that its positions belong to
	Hidden      bool          `json:"hidden,omitempty"`   // its tokens are secrets
	Secret      []string      `json:"secret,omitempty"`   // members of the chains' names that hold secrets, also of rounds before
}

// outcome is what the report says of a walk that was complete, for a run that finds it so.
type outcome struct {
	Attested engine.Attestation `json:"attested"`
	Total    *int64             `json:"total,omitempty"`
}

func (d roundData) marshal() json.RawMessage {
	b, _ := json.Marshal(d) // strings, times and raw JSON that was parsed before
	return b
}

func roundDataOf(r engine.Round) roundData {
	var d roundData
	_ = json.Unmarshal(r.Data, &d) // none or another layout: the round begins anew
	return d
}

// putRound stores the round as it is now.
func (sr *streamRun) putRound(ctx context.Context) error {
	sr.roundData.Base = sr.origin
	sr.mu.Lock()
	sr.roundData.Secret = slices.Clone(sr.secret)
	sr.mu.Unlock()
	sr.round.Data = sr.roundData.marshal()
	return sr.job.Ledger.PutRound(ctx, sr.lease, sr.round)
}

// drain runs the stream's chains and writes its report.
func (sr *streamRun) drain(ctx context.Context, rep *StreamReport, parent *StreamReport) {
	sr.stats.begin(sr.now(), sr.job.Earlier[sr.name.Stream])
	if d := sr.spec.Limits.Duration; d > 0 {
		sr.deadline = sr.now().Add(d)
	}
	if sr.job.TimeLimit > 0 {
		if at := sr.started.Add(sr.job.TimeLimit); sr.deadline.IsZero() || at.Before(sr.deadline) {
			sr.deadline = at
		}
	}
	sum := &summary{sr: sr}
	err := sr.goneFrom(ctx, parent)
	if err == nil {
		err = sr.work(ctx, sum)
	}
	if err != nil {
		sum.add(engine.Chain{}, sr.brokenBy(err))
	}
	if parent != nil && parent.Verdict != Complete {
		sum.add(engine.Chain{}, sr.parentEnd(parent))
		if sr.parent.silent {
			rep.above = parent
		}
	} else if parent != nil {
		sr.round.Listed = true
		if end := sr.childless(); end != nil {
			sum.add(engine.Chain{}, *end)
		}
	}
	sum.report(rep)
	sr.stats.report(rep, sr.now())
	sr.end(context.WithoutCancel(ctx), rep)
}

// goneFrom notes parents that are gone, where a whole new walk of the parent stream can tell.
func (sr *streamRun) goneFrom(ctx context.Context, parent *StreamReport) error {
	if parent == nil || parent.Verdict != Complete || sr.parent.resumed || sr.parent.continues() || sr.parent.stats.of(NoticeSkipped) > 0 {
		return nil
	}
	return sr.gone(ctx, parent.Name)
}

// comesBack reports whether a run that ended so is to go on where it was: a session whose parts make the
// chains stays open.
func (e *chainEnd) comesBack() bool { return e.verdict == Parked || e.timeUp }

// whole opens what the chain needs, runs it, and closes its session again.
func (c *chain) whole(ctx context.Context) chainEnd {
	if err := c.begin(ctx); err != nil {
		if end := c.failed(ctx, nil, err); end != nil {
			return *end
		}
	}
	end := c.run(ctx)
	if end.yield && c.state.Session != nil { // the next slice goes on in it
		if err := c.commit(ctx, c.state, "", "", false, nil); err != nil {
			return c.broken(err)
		}
	}
	if c.sr.spec.Session != nil && c.shared == nil && c.state.Session != nil && !end.yield {
		if c.sr.closeSession(ctx, c.scopeAt(&c.state, nil), c.state.Session) {
			c.state.Session = nil
		}
		if end.verdict != Complete && !c.sr.lost() {
			_ = c.commit(context.WithoutCancel(ctx), c.state, end.verdict, end.reason, false, nil) // the next run finds the session as it is now
		}
	}
	return end
}

// end says whether every chain of the round has ended, and moves the bookmarks that waited for it.
func (sr *streamRun) end(ctx context.Context, rep *StreamReport) {
	if sr.lost() {
		return
	}
	pending, err := sr.job.Ledger.Chains(ctx, sr.name, 0, 1, true)
	switch {
	case err != nil:
	case len(pending) == 0 && sr.round.Listed && rep.Verdict != Interrupted && rep.Verdict != Failed: // a commit that failed may have been stored
		err = sr.settleWindows(ctx)
		sr.whole = err == nil
	case len(pending) > 0 && rep.Verdict == Complete:
		err = fmt.Errorf("chain %s was not run", pending[0].Key)
	}
	sr.roundData.Ended = rep.Verdict != Interrupted && rep.Reason != CodeLimit
	sr.roundData.Outcome = nil
	if rep.Verdict == Complete {
		sr.roundData.Outcome = &outcome{rep.Attested, rep.Total}
	}
	if err == nil {
		err = sr.putRound(ctx)
	}
	if err != nil {
		sr.fail(&Error{Code: CodeState, Err: err})
		rep.Verdict, rep.Reason, rep.Detail, rep.Err = worse(rep.Verdict, Failed), CodeState, err.Error(), err
	}
}

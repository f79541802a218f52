package runtime

import (
	"context"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// listed is the time that the windows of a base cover as earlier runs have listed them, however the bounds
// and `every` were then: what is listed beside them lies before it or behind it. Where its last window ends
// between two steps of the format, that window was sent up to the later one: more may lie there since, and
// the windows that are listed next ask for that step once more.
type listed struct {
	begin   time.Time      // of the first window
	to      time.Time      // end of the last window
	from    time.Time      // where the next one begins
	tail    []string       // chains whose windows lie in the step that `to` lies in
	pending []engine.Chain // of them, those that have not ended: what is listed next takes their place
}

// alreadyListed notes what the windows of a chain's base cover, before more of them are listed: a
// window that cannot be read must not hold up those that come after it.
func (sr *streamRun) alreadyListed(row engine.Chain) error {
	_, w, base, err := parseKey(row.Key)
	if err != nil || w == nil {
		return err
	}
	if sr.listedTo == nil {
		sr.listedTo = map[string]*listed{}
	}
	l := sr.listedTo[base]
	if l == nil {
		l = &listed{begin: w.From}
		sr.listedTo[base] = l
	}
	if w.From.Before(l.begin) {
		l.begin = w.From
	}
	if w.To.After(l.to) {
		l.to, l.from = w.To, grainOf(sr.windowPartition().Format).floor(w.To)
	}
	return nil
}

// readTails finds the chains in the steps where the windows that are listed end.
func (sr *streamRun) readTails(ctx context.Context) error {
	g := grainOf(sr.windowPartition().Format)
	if g == (grain{}) {
		return nil
	}
	return sr.eachChain(ctx, false, func(row engine.Chain) error {
		_, w, base, err := parseKey(row.Key)
		if err != nil || w == nil {
			return err
		}
		l := sr.listedTo[base]
		if end := g.floor(l.to); end.Equal(l.to) || !g.ceil(w.To).After(end) {
			return nil
		}
		l.tail = append(l.tail, row.Key)
		if row.Done || !sr.needKeys {
			return nil
		}
		l.pending = append(l.pending, row)
		if w.From.Before(l.from) {
			l.from = w.From
		}
		return nil
	})
}

// listAgain lists a window of which other chains have read a part: what they delivered is not delivered
// again, where records have keys, and those that have not ended are let go.
func (sr *streamRun) listAgain(ctx context.Context, k combo, l *listed) error {
	st := chainState{Inherit: l.tail}
	var commits []engine.Commit
	for _, row := range l.pending {
		old, err := parseState(row.State)
		if err != nil {
			return &Error{Code: CodeState, Err: err}
		}
		st.Inherit = append(st.Inherit, old.Inherit...)
		row.Done, row.Verdict, row.Reason, row.State, row.Updated = true, "split", "split", nil, sr.now()
		if old.Pending != nil {
			if row.State, err = (&chainState{Pending: old.Pending, Recent: old.Recent}).marshal(); err != nil {
				return err
			}
		}
		commits = append(commits, engine.Commit{Chain: row})
	}
	state, err := st.marshal()
	if err != nil {
		return err
	}
	l.pending, l.tail = nil, st.Inherit
	commits = append(commits, engine.Commit{Chain: engine.Chain{Key: k.key(), Ordinal: sr.ordinals(1), State: state}})
	return sr.job.Ledger.Commit(ctx, sr.lease, commits, nil, nil)
}

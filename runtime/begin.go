package runtime

import (
	"context"
	"slices"

	"github.com/lastpage/lastpage/engine"
)

// beginRounds goes on with the open round of each stream or begins a new one. A stream whose chains
// have all ended in a run that did not come to its own end is not walked again: the run goes on where
// it was, and its records are delivered once.
func (r *run) beginRounds(ctx context.Context) error {
	names := make([]string, len(r.streams))
	for i, sr := range r.streams {
		names[i] = sr.name.Stream
		if err := sr.readRound(ctx); err != nil {
			return err
		}
	}
	slices.Sort(names)
	for _, sr := range slices.Clone(r.streams) {
		if err := r.listedBy(ctx, sr); err != nil {
			return err
		}
	}
	for _, sr := range r.streams {
		if err := sr.rest(ctx, names); err != nil {
			return err
		}
		sr.roundData.With = names
		if err := sr.beginRound(ctx); err != nil {
			return err
		}
	}
	return nil
}

// listedBy decides which walk of the parent lists the stream's chains: the one that delivers the
// parent's records, or, where that does not bring all of them, one for its children alone.
func (r *run) listedBy(ctx context.Context, sr *streamRun) error {
	p := sr.parent
	if p == nil || p.silent {
		if p != nil && !sr.round.Open {
			p.round.Open = false // all of it is to be listed
		}
		return nil
	}
	if !sr.round.Open {
		sr.roundData.Own = p.round.Open || p.continues() && p.round.Number > 0
	}
	if !sr.roundData.Own {
		return nil
	}
	if p.stand == nil {
		if err := r.standIn(ctx, p); err != nil {
			return err
		}
	}
	p.kids = slices.DeleteFunc(p.kids, func(k *child) bool { return k.sr == sr })
	p.stand.adopt(sr)
	if !sr.round.Open {
		p.stand.round.Open = false
	}
	return nil
}

// standIn adds a walk of p for its children alone.
func (r *run) standIn(ctx context.Context, p *streamRun) error {
	sr, err := newStreamRun(ctx, r.bound, p.spec, p.spec.Name+forChildren)
	if err != nil {
		return err
	}
	r.streams = slices.Insert(r.streams, slices.Index(r.streams, p)+1, sr)
	sr.silent, p.stand = true, sr
	if sr.lease, err = r.job.Ledger.Acquire(ctx, sr.name, r.job.Owner); err != nil {
		return err
	}
	if r.job.Fresh {
		if err := r.job.Ledger.Forget(ctx, sr.lease); err != nil {
			return err
		}
	}
	if err := sr.readRound(ctx); err != nil || p.parent == nil {
		return err
	}
	p.parent.adopt(sr)
	return r.listedBy(ctx, sr)
}

// adopt makes sr a child of p.
func (p *streamRun) adopt(sr *streamRun) {
	_, take := parentOf(sr.spec)
	sr.parent = p
	p.kids = append(p.kids, &child{sr: sr, parent: p.spec.Name, take: take})
}

// readRound reads the stream's newest round, and whether a run can go on in it.
func (sr *streamRun) readRound(ctx context.Context) error {
	round, err := sr.job.Ledger.Round(ctx, sr.name)
	if err != nil {
		return err
	}
	sr.round, sr.roundData = round, roundDataOf(round)
	sr.secret, sr.leftOpen = sr.roundData.Secret, sr.roundData.Session
	sr.before = sr.roundData.Base
	if round.Open && sr.roundData.Fingerprint != sr.on.hash() {
		if err := sr.dropRound(ctx); err != nil {
			return err
		}
	}
	if sr.job.Begin[sr.spec.Name] != nil {
		sr.round.Open = false
	}
	return nil
}

// rest finds out whether nothing of the stream's round is left to do, and closes a round that is not to
// be gone on with: that of a run of other streams, and one whose next walk delivers nothing twice.
func (sr *streamRun) rest(ctx context.Context, names []string) error {
	if !sr.round.Open || !sr.round.Listed {
		return nil
	}
	pending, err := sr.job.Ledger.Chains(ctx, sr.name, 0, 1, true)
	if err != nil || len(pending) > 0 {
		return err
	}
	again := sr.continues() && sr.parent == nil && len(sr.kids) == 0
	if err := sr.settleWindows(ctx); err != nil { // the run may have been killed before it could
		return err
	}
	if again || sr.silent || !slices.Equal(sr.roundData.With, names) {
		sr.round.Open = false
	}
	return nil
}

// continues reports whether a new walk begins where the last one ended.
func (sr *streamRun) continues() bool {
	pg := &sr.spec.Pagination
	return !sr.silent && (sr.spec.Incremental != nil || pg.Keep != nil || pg.KeepToken)
}

// beginRound goes on with the round that is open, or begins a new one.
func (sr *streamRun) beginRound(ctx context.Context) error {
	if sr.round.Open {
		if sr.parent != nil && !sr.parent.resumed {
			sr.round.Listed = false // the parent's new walk lists what has come since
			if err := sr.rememberParents(ctx); err != nil {
				return err
			}
		}
		sr.resumed = true
		return sr.resume(ctx)
	}
	if sr.parent != nil && sr.round.Number > 0 {
		if err := sr.rememberParents(ctx); err != nil {
			return err
		}
	}
	sr.roundData = roundData{Fingerprint: sr.on.hash(), On: sr.on, With: sr.roundData.With, Own: sr.roundData.Own, Hidden: sr.hidesTokens()}
	sr.round = engine.Round{Number: sr.round.Number + 1, Open: true, Now: sr.started}
	return sr.putRound(ctx)
}

// resume readies an open round: chains that are done stay done, unless the run before came to its end
// and the stream is one whose chains go on from a watermark or kept position: those start a new walk,
// so that one chain that fails for good does not hold up the others. Windows before and after those that
// are listed are listed too, where the bounds that are given now reach beyond them.
func (sr *streamRun) resume(ctx context.Context) error {
	ended := sr.roundData.Ended
	sr.roundData.Ended = false
	again := ended && sr.continues() && sr.roundData.Session == nil
	sr.relisted = sr.roundData.Values != 0 && sr.listsValues() && sr.roundData.Values != sr.valuesHash(ctx)
	if sr.relisted {
		sr.round.Listed = false
	}
	if ended && sr.round.Listed && sr.parent == nil && sessionPartition(sr.spec) == nil {
		sr.round.Listed = false // the list may have grown
	}
	windowed := sr.windowPartition() != nil && (again || !sr.round.Listed || sr.parent != nil)
	if windowed && again {
		sr.round.Now = sr.started
	}
	batch := chainWrites{sr: sr}
	err := sr.eachChain(ctx, false, func(c engine.Chain) error {
		sr.last = max(sr.last, c.Ordinal)
		if windowed {
			return sr.alreadyListed(c)
		}
		if !again || !c.Done || c.Verdict != Complete || c.State != nil {
			return nil
		}
		c.Done = false
		return batch.put(ctx, engine.Commit{Chain: c})
	})
	if err != nil {
		return err
	}
	if err := batch.flush(ctx); err != nil {
		return err
	}
	if windowed {
		if err := sr.readTails(ctx); err != nil {
			return err
		}
	}
	return sr.putRound(ctx)
}

// close ends the round of a stream whose chains have all ended, unless the run is to be gone on with:
// then the stream is not walked again before the others have ended too.
func (sr *streamRun) close(ctx context.Context, paused bool) error {
	if !sr.whole || paused || sr.lost() {
		return nil
	}
	sr.round.Open = false
	return sr.putRound(ctx)
}

// eachChain calls fn with the chains of the round, in order.
func (sr *streamRun) eachChain(ctx context.Context, pending bool, fn func(engine.Chain) error) error {
	for after := int64(0); ; {
		list, err := sr.job.Ledger.Chains(ctx, sr.name, after, chainBatch, pending)
		if err != nil {
			return err
		}
		for _, row := range list {
			after = row.Ordinal
			if err := fn(row); err != nil {
				return err
			}
		}
		if len(list) < chainBatch {
			return nil
		}
	}
}

// chainWrites changes chains that nobody runs, chainBatch in a transaction.
type chainWrites struct {
	sr   *streamRun
	list []engine.Commit
}

func (w *chainWrites) put(ctx context.Context, c engine.Commit) error {
	if w.list = append(w.list, c); len(w.list) < chainBatch {
		return nil
	}
	return w.flush(ctx)
}

func (w *chainWrites) flush(ctx context.Context) error {
	if len(w.list) == 0 {
		return nil
	}
	err := w.sr.job.Ledger.Commit(ctx, w.sr.lease, w.list, nil, nil)
	w.list = w.list[:0]
	return err
}

package runtime

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// list lists the round's chains, unless a parent's records do.
func (sr *streamRun) list(ctx context.Context) error {
	if sr.round.Listed {
		return nil
	}
	if parent, _ := parentOf(sr.spec); parent != "" {
		return nil
	}
	if sessionPartition(sr.spec) != nil {
		sr.roundData.Parts, _ = sr.parts(sr.sharedSession())
	}
	add := adder{sr: sr}
	if err := sr.combine(ctx, combo{values: &tree{object: true}}, func(k combo) error { return add.put(ctx, k) }); err != nil {
		return err
	}
	if err := add.flush(ctx); err != nil {
		return err
	}
	if sr.relisted {
		if err := sr.vanished(ctx); err != nil {
			return err
		}
	}
	if sr.listsValues() {
		sr.roundData.Values = sr.valuesHash(ctx)
	}
	sr.round.Listed = true
	return sr.putRound(ctx)
}

// adder lists chains in the ledger, chainBatch at a time.
type adder struct {
	sr   *streamRun
	keys []string
}

func (a *adder) put(ctx context.Context, k combo) error {
	key := k.key()
	a.sr.noteSecret(key)
	if a.keys = append(a.keys, key); len(a.keys) < chainBatch {
		return nil
	}
	return a.flush(ctx)
}

// flush lists what was put. Ordinals are given out here, so that they are never twice the same.
func (a *adder) flush(ctx context.Context) error {
	if len(a.keys) == 0 {
		return nil
	}
	chains := make([]engine.Chain, len(a.keys))
	first := a.sr.ordinals(len(a.keys))
	for i, key := range a.keys {
		chains[i] = engine.Chain{Key: key, Ordinal: first + int64(i)}
	}
	a.keys = a.keys[:0]
	return a.sr.job.Ledger.AddChains(ctx, a.sr.lease, chains)
}

// ordinals gives out n ordinals and returns the first.
func (sr *streamRun) ordinals(n int) (first int64) {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	first = sr.last + 1
	sr.last += int64(n)
	return first
}

// combine hands the chains that the stream's partitions make of one combo to emit, in order. What a
// parent's record contributes is in from.
func (sr *streamRun) combine(ctx context.Context, from combo, emit func(combo) error) error {
	return sr.grow(ctx, sr.spec.Partitions, from, emit)
}

// grow goes through the partitions that are left; each multiplies the combos of those before it.
func (sr *streamRun) grow(ctx context.Context, left []*spec.Partition, k combo, emit func(combo) error) error {
	if len(left) == 0 {
		return emit(k)
	}
	p, rest := left[0], left[1:]
	each := func(k combo) error { return sr.grow(ctx, rest, k, emit) }
	switch {
	case p.Values != nil:
		return sr.growValues(ctx, p.Values, k, each)
	case p.Window != nil:
		if len(rest) > 0 { // the window comes last: its watermark is kept by all of the other values
			left = append(rest[:len(rest):len(rest)], p)
			return sr.grow(ctx, left, k, emit)
		}
		return sr.growWindow(ctx, p.Window, k, each)
	case p.Session != nil:
		return sr.growSession(p, k, each)
	}
	return each(k)
}

func (sr *streamRun) growValues(ctx context.Context, left []spec.PartitionValues, k combo, each func(combo) error) error {
	if len(left) == 0 {
		return each(k)
	}
	values, err := sr.valuesOf(ctx, left[0])
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := sr.growValues(ctx, left[1:], k.with(left[0].Name, v), each); err != nil {
			return err
		}
	}
	return nil
}

// valuesOf is the list behind a name. It is fixed for the run.
func (sr *streamRun) valuesOf(ctx context.Context, v spec.PartitionValues) ([]json.RawMessage, error) {
	sr.mu.Lock()
	out, ok := sr.lists[v.Name]
	sr.mu.Unlock()
	if ok {
		return out, nil
	}
	sc := &scope{job: sr.bound, config: sr.atRound(), run: sr.id, pinned: sr.round.Now}
	t, err := sc.node(ctx, v.List)
	if err != nil {
		return nil, err
	}
	raw := json.RawMessage("null")
	if t != nil {
		raw = t.append(nil)
	}
	if rawjson.Kind(raw) != '[' {
		return nil, codeError(CodeNullInRequest, "%s: the values of %s are %s; want a list, `[]` where there are none", v.List.Pos, v.Name, shown(raw))
	}
	for e := range rawjson.Elements(raw) {
		if rawjson.Kind(e) == 'n' {
			at := v.List.Pos
			if n := len(out); n < len(v.List.List) {
				at = v.List.List[n].Pos
			}
			return nil, codeError(CodeNullInRequest, "%s: value %d of %s is null, and its chain would ask as if there were none; give it a value or leave it out", at, len(out)+1, v.Name)
		}
		out = append(out, clone(e))
	}
	sr.mu.Lock()
	if sr.lists == nil {
		sr.lists = map[string][]json.RawMessage{}
	}
	sr.lists[v.Name] = out
	sr.mu.Unlock()
	return out, nil
}

// growWindow cuts the time from where the combo's own walk begins; of a round that goes on, what the
// windows that are listed do not cover.
func (sr *streamRun) growWindow(ctx context.Context, w *spec.Window, k combo, each func(combo) error) error {
	base := k.key()
	mark, err := sr.loadMark(ctx, base)
	if err != nil {
		return err
	}
	watermark := mark.Watermark
	if watermark == nil {
		if watermark, err = sr.firstWatermark(ctx); err != nil {
			return err
		}
	}
	from, to, err := sr.bounds(ctx, w, sr.filterBy(watermark, mark.Watermark == nil))
	if err != nil {
		return err
	}
	g := grainOf(w.Format)
	if at, ok := sr.windowsFrom(mark.Watermark); ok && at.After(from) {
		if from = g.floor(at); !at.Before(to) {
			return nil
		}
	}
	put := func(s span) error { return each(combo{k.values, &s}) }
	l := sr.listedTo[base]
	if l == nil {
		return cutSpan(w, from, to, put)
	}
	if from.Before(l.begin) {
		end := l.begin
		if to.Before(end) {
			end = to
		}
		if err := cutSpan(w, from, end, put); err != nil {
			return err
		}
	}
	if !l.to.Before(to) {
		return nil
	}
	if l.from.After(from) {
		from = l.from
	}
	return cutSpan(w, from, to, func(s span) error {
		if len(l.tail) > 0 && s.From.Before(g.ceil(l.to)) {
			return sr.listAgain(ctx, combo{k.values, &s}, l)
		}
		return put(s)
	})
}

// windowsFrom is where windows begin of a stream that nothing else makes incremental: at the watermark
// that the last walk has left, when neither the requests nor the window's own `from` read it.
func (sr *streamRun) windowsFrom(watermark json.RawMessage) (time.Time, bool) {
	in := sr.spec.Incremental
	if in == nil || in.Read || in.Type != "time" || watermark == nil || sr.connector.Hook != nil {
		return time.Time{}, false
	}
	return sr.kind.time(sr.kind.shift(watermark))
}

// growSession makes a combo of each element of a list in the session's last answer.
func (sr *streamRun) growSession(p *spec.Partition, k combo, each func(combo) error) error {
	s := sr.sharedSession()
	for _, from := range p.Session.Any {
		if from.Ref == nil || s == nil {
			continue
		}
		v, ok := from.Ref.Path.Get(s.Body)
		if !ok || rawjson.Kind(v) != '[' {
			continue
		}
		n := 0
		for e := range rawjson.Elements(v) {
			if n++; rawjson.Kind(e) == 'n' {
				return codeError(CodeSessionFailed, "%s: element %d of the session's list is null, and its chain would ask as if there were none", p.Pos, n)
			}
			if err := each(k.with(p.As, clone(e))); err != nil {
				return err
			}
		}
		return nil
	}
	return codeError(CodeSessionFailed, "%s: the session's last answer has no list %s; let `wait.until` wait until it is there, or correct the reference", p.Pos, strings.Join(noLists(p.Session, s), ", and none "))
}

// noLists says where lists were looked for, and what stood there: values of a session are not shown.
func noLists(p *spec.Pick, s *sessionState) (where []string) {
	for _, from := range p.Any {
		if from.Ref == nil {
			continue
		}
		what := "not there"
		if s != nil {
			if v, ok := from.Ref.Path.Get(s.Body); ok {
				what = map[byte]string{'{': "an object", '"': "a string", 'n': "null", 't': "true", 'f': "false"}[rawjson.Kind(v)]
			}
		}
		where = append(where, "at `"+from.Ref.Source+"`, which is "+orElse(what, "a number"))
	}
	return where
}

// sessionPartition returns the partition of kind `session`, nil without.
func sessionPartition(st *spec.Stream) *spec.Partition {
	for _, p := range st.Partitions {
		if p.Session != nil {
			return p
		}
	}
	return nil
}

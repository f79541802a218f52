package runtime

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// parentOf is the stream whose records make this one's chains, "" without.
func parentOf(st *spec.Stream) (parent string, take []spec.Take) {
	for _, p := range st.Partitions {
		if p.Stream != "" {
			return p.Stream, p.Take
		}
	}
	return "", nil
}

// child is a stream whose chains are made of another stream's records.
type child struct {
	sr     *streamRun
	parent string
	take   []spec.Take
}

// children lists the chains that the batch's records make, before the page is committed: a page that
// is read again after a crash lists them again, and those that are listed stay as they are.
func (sr *streamRun) children(ctx context.Context, c *chain, b *batchOf) error {
	for _, kid := range sr.kids {
		if err := kid.list(ctx, c.partition, b.records); err != nil {
			return err
		}
	}
	return nil
}

func (k *child) list(ctx context.Context, inherited json.RawMessage, records [][]byte) error {
	if len(records) == 0 {
		return nil
	}
	if sessionPartition(k.sr.spec) != nil {
		if err := k.sr.openShared(ctx); err != nil {
			return err
		}
	}
	add := adder{sr: k.sr}
	for _, rec := range records {
		from, lacks := k.combo(inherited, rec)
		if lacks != "" {
			k.sr.notice("", NoticeParentField, lacks)
			continue
		}
		k.sr.known.seen(from.key())
		if err := k.sr.combine(ctx, from, func(c combo) error { return add.put(ctx, c) }); err != nil {
			return err
		}
	}
	return add.flush(ctx)
}

// combo is what a parent's record contributes: the values of the parent's own chain and the fields
// that are taken. lacks says which of them the record does not have, or has as null, which no request
// could tell from none.
func (k *child) combo(inherited json.RawMessage, rec []byte) (c combo, lacks string) {
	t := &tree{object: true}
	for name, v := range rawjson.Members(inherited) {
		n, _ := rawjson.String(name)
		t.names, t.items = append(t.names, n), append(t.items, leaf(clone(v)))
	}
	c = combo{values: t}
	for _, t := range k.take {
		v, ok := t.Path.Get(rec)
		switch {
		case !ok:
			return c, "a record of " + k.parent + " has no " + t.Path.String() + ": it makes no chain"
		case rawjson.Kind(v) == 'n':
			return c, "a record of " + k.parent + " has null as its " + t.Path.String() + ": it makes no chain"
		}
		c = c.with(t.Name, clone(v))
	}
	return c, ""
}

// parentEnd is what a parent that did not end complete makes of a stream whose own chains ended well. Of a
// parent that is a stream of the run its own report tells the cause; where it is walked for its children
// alone, theirs do: its failure is theirs.
func (sr *streamRun) parentEnd(p *StreamReport) chainEnd {
	end := chainEnd{verdict: p.Verdict, reason: CodeStream, detail: "stream " + p.Name + ", whose records make the chains, ended " + p.Verdict, err: p.Err}
	if sr.parent.silent {
		end.detail += ": " + orElse(p.Detail, p.Reason)
		end.until, _ = time.Parse(time.RFC3339, p.Until)
	}
	switch {
	case p.Verdict == Failed && sr.parent.silent:
		end.reason = p.Reason
	case p.Verdict == Failed:
		end.verdict = Incomplete
	}
	return end
}

// childless is the end of a stream whose parent has records, of which none has the fields that are taken:
// nothing tells what it should have read. It is nil for any other stream.
func (sr *streamRun) childless() *chainEnd {
	if sr.stats.of(NoticeParentField) > 0 {
		sr.roundData.Lacking = true
	}
	if !sr.roundData.Lacking || sr.last > 0 {
		return nil
	}
	detail := lacking(sr.spec)
	return &chainEnd{verdict: Incomplete, reason: NoticeParentField, detail: detail, err: codeError(NoticeParentField, "%s", detail)}
}

// lacking says what no record of the parent has.
func lacking(st *spec.Stream) string {
	parent, take := parentOf(st)
	fields := make([]string, len(take))
	for i, t := range take {
		fields[i] = t.Path.String()
	}
	return "no record of " + parent + " has " + strings.Join(fields, " and ") + ", so that there are no chains"
}

// empty is how well the end of a stream without chains is attested: as the end of its parent, where that
// had no records; that there are no chains is known from nothing else otherwise.
func (sr *streamRun) empty() engine.Attestation {
	p := sr.parent
	if p == nil || sr.last > 0 {
		return engine.Assumed
	}
	none := p.report.Records == 0 && !p.resumed && !sr.resumed || p.report.Total != nil && *p.report.Total == 0
	if !none {
		return engine.Assumed
	}
	return p.report.Attested
}

// parents are those of a stream's chains as earlier runs have listed them, so that one that is gone is
// noticed.
type parents struct {
	mu     sync.Mutex
	values map[string]struct{} // canonical JSON of what each gave; those that were not seen yet in this run
}

func (p *parents) seen(values string) {
	p.mu.Lock()
	delete(p.values, values)
	p.mu.Unlock()
}

// parentValues is the part of a chain's key that its parent gave.
func (sr *streamRun) parentValues(key string) (string, error) {
	values, _, _, err := parseKey(key)
	if err != nil {
		return "", err
	}
	own := sr.ownNames()
	t := &tree{object: true}
	for name, v := range rawjson.Members(values) {
		if n, _ := rawjson.String(name); !slices.Contains(own, n) {
			t.names, t.items = append(t.names, n), append(t.items, leaf(v))
		}
	}
	return combo{values: t}.key(), nil
}

// ownNames are the values of a chain that do not come from a parent.
func (sr *streamRun) ownNames() []string {
	var names []string
	for _, p := range sr.spec.Partitions {
		for _, v := range p.Values {
			names = append(names, v.Name)
		}
		if p.Session != nil {
			names = append(names, p.As)
		}
	}
	return names
}

// rememberParents reads the parents of all chains that are listed.
func (sr *streamRun) rememberParents(ctx context.Context) error {
	sr.known.values = map[string]struct{}{}
	return sr.eachChain(ctx, false, func(row engine.Chain) error {
		if row.Reason == NoticeParentGone {
			return nil
		}
		v, err := sr.parentValues(row.Key)
		if err == nil {
			sr.known.values[v] = struct{}{}
		}
		return err
	})
}

// gone notes the parents that a whole new walk of the parent stream did not bring any more, and lets
// go of their chains.
func (sr *streamRun) gone(ctx context.Context, parent string) error {
	if len(sr.known.values) == 0 {
		return nil
	}
	unread := map[string]bool{}
	batch := chainWrites{sr: sr}
	err := sr.eachChain(ctx, true, func(row engine.Chain) error {
		v, err := sr.parentValues(row.Key)
		if err != nil {
			return err
		}
		if _, ok := sr.known.values[v]; !ok {
			return nil
		}
		unread[v] = true
		row.Done, row.Verdict, row.Reason, row.State, row.Updated = true, Complete, NoticeParentGone, nil, sr.now()
		return batch.put(ctx, engine.Commit{Chain: row})
	})
	if err != nil {
		return err
	}
	for _, v := range sortedKeys(sr.known.values) {
		detail := "a record of " + parent + " that was there before is gone: " + v
		if unread[v] {
			detail += "; the walk of its chain had not ended, and records of it may be missing"
		}
		sr.notice("", NoticeParentGone, detail)
	}
	return batch.flush(ctx)
}

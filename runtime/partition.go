package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// windowName is the member of a chain's key that holds its window.
const windowName = "window"

// combo is the values of one chain under construction: an object, and perhaps a window.
type combo struct {
	values *tree
	window *span
}

// key is the chain's name: its values and window as canonical JSON; "" when it has neither.
func (k combo) key() string {
	t := &tree{object: true, names: append([]string(nil), k.values.names...), items: append([]*tree(nil), k.values.items...)}
	if k.window != nil {
		t.names = append(t.names, windowName)
		t.items = append(t.items, leaf(quote(map[string]string{
			"from": k.window.From.UTC().Format(time.RFC3339Nano), "to": k.window.To.UTC().Format(time.RFC3339Nano),
		})))
	}
	if len(t.names) == 0 {
		return ""
	}
	return string(rawjson.Canonical(nil, t.append(nil)))
}

// with returns the combo with one more value.
func (k combo) with(name string, v json.RawMessage) combo {
	t := &tree{object: true, names: append([]string(nil), k.values.names...), items: append([]*tree(nil), k.values.items...)}
	t.set(engine.Path{{Field: name}}, v)
	return combo{t, k.window}
}

// parseKey splits a chain's key into the values, the window, and the base under which its bookmark is
// kept.
func parseKey(key string) (values json.RawMessage, window *span, base string, err error) {
	if key == "" {
		return json.RawMessage("{}"), nil, "", nil
	}
	t := &tree{object: true}
	for k, v := range rawjson.Members([]byte(key)) {
		name, _ := rawjson.String(k)
		if name != windowName {
			t.names, t.items = append(t.names, name), append(t.items, leaf(clone(v)))
			continue
		}
		var w struct{ From, To time.Time }
		if err := json.Unmarshal(v, &w); err != nil {
			return nil, nil, "", fmt.Errorf("chain %s: %w", key, err)
		}
		window = &span{w.From, w.To}
	}
	values = t.append(nil)
	if len(t.names) > 0 {
		base = string(rawjson.Canonical(nil, values))
	}
	return values, window, base, nil
}

// combine lists the chains of a stream, given the values that a parent record contributes (nil: none).
// Partitions of the kinds `stream` and `session` are the caller's.
func (sr *streamRun) combine(ctx context.Context, from []combo, now time.Time) ([]combo, error) {
	list := from
	for _, p := range sr.spec.Partitions {
		var next []combo
		for _, k := range list {
			grown, err := sr.grow(ctx, p, k, now)
			if err != nil {
				return nil, err
			}
			next = append(next, grown...)
		}
		list = next
	}
	return list, nil
}

// grow gives the combos that one partition makes of one.
func (sr *streamRun) grow(ctx context.Context, p *spec.Partition, k combo, now time.Time) ([]combo, error) {
	switch {
	case p.Values != nil:
		list := []combo{k}
		for _, v := range p.Values {
			values, err := sr.valuesOf(ctx, v)
			if err != nil {
				return nil, err
			}
			var next []combo
			for _, c := range list {
				for _, e := range values {
					next = append(next, c.with(v.Name, e))
				}
			}
			list = next
		}
		return list, nil
	case p.Window != nil:
		base := ""
		if len(k.values.names) > 0 {
			base = string(rawjson.Canonical(nil, k.values.append(nil)))
		}
		mark, err := sr.loadMark(ctx, base)
		if err != nil {
			return nil, err
		}
		watermark := mark.Watermark
		if watermark == nil {
			if watermark, err = sr.firstWatermark(ctx); err != nil {
				return nil, err
			}
		}
		spans, err := sr.spans(ctx, p.Window, now, sr.filterBy(watermark))
		if err != nil {
			return nil, err
		}
		out := make([]combo, len(spans))
		for i := range spans {
			out[i] = combo{k.values, &spans[i]}
		}
		return out, nil
	}
	return []combo{k}, nil
}

func (sr *streamRun) valuesOf(ctx context.Context, v spec.PartitionValues) ([]json.RawMessage, error) {
	sc := &scope{job: sr.bound, config: sr.config, run: sr.id}
	t, err := sc.node(ctx, v.List)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, nil
	}
	raw := t.append(nil)
	if rawjson.Kind(raw) != '[' {
		return nil, codeError(CodeNullInRequest, "%s: the values of %s are %s; want a list", v.List.Pos, v.Name, shown(raw))
	}
	var out []json.RawMessage
	for e := range rawjson.Elements(raw) {
		out = append(out, clone(e))
	}
	return out, nil
}

// firstWatermark is `start`, nil without.
func (sr *streamRun) firstWatermark(ctx context.Context) (json.RawMessage, error) {
	in := sr.spec.Incremental
	if in == nil || in.Start == nil {
		return nil, nil
	}
	sc := &scope{job: sr.bound, config: sr.config, run: sr.id}
	t, err := sc.node(ctx, in.Start)
	if err != nil || t == nil {
		return nil, err
	}
	v := json.RawMessage(t.append(nil))
	if string(v) == "null" {
		return nil, nil
	}
	if in.Type == "time" && rawjson.Kind(v) == '"' {
		if at, err := spec.ParseTime(text(v), sr.started); err == nil && in.Format != "" {
			return formatStamp(at, in.Format), nil
		} else if err == nil && (text(v) == "now" || text(v)[0] == '-') {
			return formatStamp(at.Truncate(time.Second), ""), nil
		}
	}
	return v, nil
}

// parentOf is the stream whose records make this one's chains, "" without.
func parentOf(st *spec.Stream) (parent string, take []spec.Take) {
	for _, p := range st.Partitions {
		if p.Stream != "" {
			return p.Stream, p.Take
		}
	}
	return "", nil
}

// listWith returns the partition of kind `session`, nil without.
func sessionPartition(st *spec.Stream) *spec.Partition {
	for _, p := range st.Partitions {
		if p.Session != nil {
			return p
		}
	}
	return nil
}

// child is a stream whose chains are made of this stream's records.
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
	k.sr.mu.Lock()
	next := k.sr.last
	k.sr.mu.Unlock()
	var chains []engine.Chain
	for _, rec := range records {
		base := &tree{object: true}
		for name, v := range rawjson.Members(inherited) {
			n, _ := rawjson.String(name)
			base.names, base.items = append(base.names, n), append(base.items, leaf(clone(v)))
		}
		from := combo{values: base}
		missing := false
		for _, t := range k.take {
			v, ok := t.Path.Get(rec)
			if !ok {
				missing = true
				k.sr.notice("", NoticeParentGone, "a record of "+k.parent+" has no "+t.Path.String())
				break
			}
			from = from.with(t.Name, clone(v))
		}
		if missing {
			continue
		}
		list, err := k.sr.combine(ctx, []combo{from}, k.sr.round.Now)
		if err != nil {
			return err
		}
		for _, l := range list {
			next++
			chains = append(chains, engine.Chain{Key: l.key(), Ordinal: next})
		}
	}
	k.sr.mu.Lock()
	k.sr.last = next
	k.sr.mu.Unlock()
	if len(chains) == 0 {
		return nil
	}
	return k.sr.job.Ledger.AddChains(ctx, k.sr.lease, chains)
}

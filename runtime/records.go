package runtime

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
)

// batchOf is what a page delivers.
type batchOf struct {
	records  [][]byte
	keys     []string // a record's key as text; nil when the sink does not ask or there is none
	ids      []uint64 // identities of the records, to find duplicates; nil without a key
	made     []madeOf // what the records were made of, listing by listing
	gone     int      // of ids, the last so many: entries whose details were not returned
	all      []uint64 // identities of all records with a key, also of those that are dropped; with `keep: token`
	met      []uint64 // identities of those that were delivered when the page was here before
	metBytes []uint64 // the same by their bytes, where the checkpoint has those
	old      []uint64 // identities of what an earlier walk delivered, met for the first time
	crossed  int      // of old, those that another window has delivered
	skipped  int      // records that were delivered before a limit cut the page, by number
	partial  bool     // only the first records of the page

	reached bool            // the old watermark was reached (stop_at_watermark)
	mark    json.RawMessage // the page's watermark
	latest  json.RawMessage // watermark field of the last record
	broken  string          // how the declared order was violated
	recent  recentKeys      // identities by watermark field

	onPage map[uint64]struct{} // identities that the page has shown by now
}

// listing is one read body with its records, those of the page or of its details.
type listing struct {
	page  *page.Page
	field bool  // the plan's field 0 is the watermark's
	order []int // of the records; nil as they stand

	listed bool     // details of entries that are told apart by key
	keys   []uint64 // details without a key of their own: what identifies them; nil where nothing does
	late   bool     // and it is they that tell what is known
}

// hashes are the keys of the records, empty without.
func (l listing) hashes() []uint64 {
	if len(l.page.Keys) == 0 && l.late {
		return l.keys
	}
	return l.page.Keys
}

// content identifies a record that has no key.
func (l listing) content(i int) uint64 {
	if l.keys != nil {
		return l.keys[i]
	}
	return contentOf(l.page.Records[i])
}

func (l listing) at(i int) json.RawMessage {
	if !l.field {
		return nil
	}
	v := l.page.Field(i, 0)
	if string(v) == "null" {
		return nil
	}
	return v
}

// records gathers what the page delivers: details fetched, duplicates and older records dropped,
// filter, hook, set and drop applied. It tells p how many records are new.
func (c *chain) records(ctx context.Context, g *got, p *engine.Page) (*batchOf, error) {
	b := &batchOf{}
	if p.Class != engine.PageOK {
		return b, nil
	}
	list := []listing{{page: g.page, field: c.sr.fieldOf == fieldOfList}}
	dups := 0
	var fetched []entry
	if c.sr.spec.Details != nil && len(g.page.Records) > 0 {
		var err error
		if fetched, dups, err = c.entries(ctx, g, b); err != nil {
			return nil, err
		}
		details, err := c.details(ctx, g, fetched)
		if err != nil {
			return nil, err
		}
		list = details
	}
	for _, l := range list {
		n, err := c.sift(ctx, g, l, b)
		if err != nil {
			return nil, err
		}
		dups += n
	}
	b.took(fetched)
	p.New, p.Old = max(0, p.Records-dups), len(b.old)
	if g.at.Again && len(g.at.Part) == 0 && !c.walk.Rules.HasKey {
		p.New = 0 // the page was delivered, and nothing says what it was
	}
	if err := c.watermarkOf(ctx, g, list, b); err != nil {
		return nil, err
	}
	if skip := min(g.at.Skip, len(b.records)); skip > 0 {
		b.records, b.skipped = b.records[skip:], skip
		if b.keys != nil {
			b.keys = b.keys[skip:]
		}
	}
	return b, nil
}

func recordsOf(p *page.Page) *recordValues {
	n := len(p.Records)
	if n == 0 {
		return &recordValues{}
	}
	return &recordValues{count: n, first: p.Records[0], last: p.Records[n-1]}
}

// sift moves the records of one listing into the batch, without duplicates and, with
// stop_at_watermark, without those that are older; it returns how many duplicates there were.
func (c *chain) sift(ctx context.Context, g *got, l listing, b *batchOf) (dups int, err error) {
	recs := l.page.Records
	in := c.sr.spec.Incremental
	keyed := c.keyed(l)
	had := c.had(g, b, l)
	if !keyed && had == nil && (in == nil || !l.field) {
		kept, err := c.transform(ctx, g, recs, l.order)
		if err != nil {
			return 0, err
		}
		c.add(b, kept, l)
		return 0, nil
	}
	fresh := make([]int, 0, len(recs))
	var ids []uint64
	for n := range recs {
		i := n
		if l.order != nil {
			i = l.order[n]
		}
		at := l.at(i)
		var id uint64
		if keyed {
			id = c.identityOf(l, i)
		}
		if in != nil && l.field {
			if !keyed || !c.keys.has(id) { // a list that shifts shows a record again, out of its turn
				c.order(in, at, b)
			}
			if in.StopAt && c.older(at, g.at.Watermark, keyed || l.listed) {
				b.reached = true
				continue
			}
		}
		if keyed {
			if c.sr.spec.Pagination.KeepToken {
				b.all = append(b.all, id)
			}
			if c.known(b, id) {
				dups++
				continue
			}
			if c.crossed(b, id, l, i) {
				dups++
				continue
			}
			ids = append(ids, id)
			if in != nil && at != nil {
				b.recent.push(at, id)
			}
			if had == nil && slices.Contains(g.at.Part, id) {
				b.met = append(b.met, id) // it counts as new and is not delivered again
				if len(g.at.Bytes) > 0 {
					b.metBytes = append(b.metBytes, l.content(i))
				}
				continue
			}
		}
		if had != nil {
			if id := l.content(i); had[id] > 0 {
				had[id]--
				b.met = append(b.met, id)
				if g.at.Again && !keyed {
					dups++
				}
				continue
			}
		}
		fresh = append(fresh, i)
	}
	b.ids = append(b.ids, ids...)
	if len(fresh) == len(recs) && l.order == nil {
		fresh = nil
	}
	kept, err := c.transform(ctx, g, recs, fresh)
	if err != nil {
		return dups, err
	}
	c.add(b, kept, l)
	return dups, nil
}

// order checks the declared order of a record's watermark field.
func (c *chain) order(in *spec.Incremental, at json.RawMessage, b *batchOf) {
	if at == nil || !c.sr.kind.valid(at) {
		return
	}
	before := b.latest
	if before == nil {
		before = c.state.Latest
	}
	if before != nil && b.broken == "" {
		d := c.sr.kind.compare(at, before)
		if in.Order == "asc" && d < 0 || in.Order == "desc" && d > 0 {
			b.broken = shown(at) + " follows " + shown(before)
		}
	}
	b.latest = at
}

// older reports whether a record was part of an earlier walk, by its watermark field. Records at the
// watermark itself are told apart by key, where there is one.
func (c *chain) older(at, watermark json.RawMessage, keyed bool) bool {
	if at == nil || watermark == nil {
		return false
	}
	first := c.state.First
	d := c.sr.kind.compare(at, c.sr.filterBy(watermark, first))
	return d < 0 || d == 0 && !keyed && !first
}

// add appends records to the batch, with their keys when the sink wants them.
func (c *chain) add(b *batchOf, kept *kept, l listing) {
	b.made = append(b.made, madeOf{kept, l})
	if b.records == nil {
		b.records = kept.records // they live as long as the page
	} else {
		b.records = append(b.records[:len(b.records):len(b.records)], kept.records...)
	}
	if !c.sr.wantKeys {
		return
	}
	for i, rec := range kept.records {
		if kept.touched || len(l.page.Keys) == 0 {
			b.keys = append(b.keys, keyText(c.sr.keyPaths, rec))
			continue
		}
		n := kept.of[i]
		b.keys = append(b.keys, l.page.KeyText(n))
	}
}

// keyText is a record's key as text: the field's, or a JSON list of several.
func keyText(paths []engine.Path, rec []byte) string {
	if len(paths) == 1 {
		v, _ := paths[0].Get(rec)
		return text(v)
	}
	b := []byte{'['}
	for i, p := range paths {
		if i > 0 {
			b = append(b, ',')
		}
		v, ok := p.Get(rec)
		if !ok {
			v = []byte("null")
		}
		b = rawjson.Compact(b, v)
	}
	return string(append(b, ']'))
}

// watermarkOf finds the page's watermark: over the details where there are some.
func (c *chain) watermarkOf(ctx context.Context, g *got, list []listing, b *batchOf) error {
	in := c.sr.spec.Incremental
	if in == nil {
		return nil
	}
	for _, l := range list {
		v := *g.view
		if l.page != g.page {
			v.page = l.page
			if c.sr.details != nil {
				v.rd = c.sr.details
			}
		}
		got, err := v.pick(ctx, in.Watermark, present)
		if err != nil {
			return err
		}
		if !present(got) {
			continue
		}
		if !c.sr.kind.valid(got) {
			return codeError(CodeWitness, "%s: the watermark %s is no %s", in.Pos, shown(got), in.Type)
		}
		if b.mark == nil || c.sr.kind.compare(got, b.mark) > 0 {
			b.mark = clone(got)
		}
	}
	b.latest = clone(b.latest)
	return nil
}

// observeWatermark notes in st what the page says of the watermark and its order.
func (c *chain) observeWatermark(st *chainState, b *batchOf) {
	in := c.sr.spec.Incremental
	if in == nil {
		return
	}
	if b.broken != "" && in.Order != "none" {
		c.sr.notice(c.key, NoticeOrderViolated, "declared "+in.Order+", but "+b.broken)
		st.Unordered = true
	}
	if b.latest != nil {
		st.Latest = b.latest
	}
	if b.mark != nil {
		if in.Order == "asc" && st.Pending != nil && b.latest == nil && len(b.records) > 0 && c.sr.kind.compare(b.mark, st.Pending) < 0 {
			c.sr.notice(c.key, NoticeOrderViolated, "declared asc, but "+shown(b.mark)+" follows "+shown(st.Pending))
			st.Unordered = true
		}
		if st.Pending == nil || c.sr.kind.compare(b.mark, st.Pending) > 0 {
			st.Pending = b.mark
		}
	}
	if b.ids == nil || b.partial {
		return
	}
	recent := recentKeys{at: append([]json.RawMessage(nil), st.Recent.at...), id: append([]uint64(nil), st.Recent.id...)}
	if len(b.recent.id) > 0 {
		for i := range b.recent.id {
			recent.push(b.recent.at[i], b.recent.id[i])
		}
	} else if st.Pending != nil {
		for _, id := range b.ids[:len(b.ids)-b.gone] {
			recent.push(st.Pending, id)
		}
	}
	if st.Pending != nil {
		recent.prune(func(at json.RawMessage) bool { return c.sr.kind.near(at, st.Pending) })
	}
	st.Recent = recent
}

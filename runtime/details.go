package runtime

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/transport"
)

// detailsAtOnce is how many batches of one page are in flight at most; the rate limit bounds them
// further.
const detailsAtOnce = 4

// details fetches the things whose ids a page lists, in batches, and returns them in the order of the
// ids' batches. The page is delivered when all its batches are.
func (c *chain) details(ctx context.Context, g *got) ([]listing, error) {
	dt := c.sr.spec.Details
	ids := make([]json.RawMessage, 0, len(g.page.Records))
	for _, rec := range g.page.Records {
		id := json.RawMessage(rec)
		if dt.ID != nil {
			v, ok := dt.ID.Get(rec)
			if !ok {
				return nil, codeError("details_id_missing", "a record of the page has no %s: %s", dt.ID, shown(rec))
			}
			id = v
		}
		ids = append(ids, id)
	}
	size := max(1, dt.Batch)
	n := (len(ids) + size - 1) / size
	out := make([]listing, n)
	answers := make([]*transport.Answer, n)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(detailsAtOnce)
	if c.sr.job.Serial {
		group.SetLimit(1)
	}
	for i := range n {
		batch := ids[i*size : min(len(ids), (i+1)*size)]
		group.Go(func() error {
			p := new(page.Page)
			a, err := c.batch(gctx, g, batch, p)
			if err != nil {
				a.Release()
				return err
			}
			answers[i] = a
			c.missing(batch, p)
			out[i] = listing{p, c.sr.fieldOf == fieldOfDetails, c.arrange(batch, p)}
			return nil
		})
	}
	err := group.Wait()
	if err != nil {
		for _, a := range answers {
			a.Release()
		}
		return nil, err
	}
	g.details = answers
	return out, nil
}

// batch asks for one batch of ids. An answer that the rules call skip or end has no records.
func (c *chain) batch(ctx context.Context, g *got, ids []json.RawMessage, p *page.Page) (*transport.Answer, error) {
	dt := c.sr.spec.Details
	sc := c.scopeAt(&g.at, &g.req)
	sc.ids = joinIDs(ids)
	sc.record = ids[0]
	d, err := newDraft(ctx, sc, &c.sr.spec.HTTP, dt.Request)
	if err != nil {
		return nil, err
	}
	a, err := c.sr.do(ctx, d, sc, call{chain: c.key, rd: c.sr.details, page: p, tries: nil})
	if err != nil {
		return a, fmt.Errorf("details: %w", err)
	}
	switch a.Class {
	case spec.ClassSkip, spec.ClassEnd:
		c.sr.notice(c.key, NoticeSkipped, "details of "+shown(sc.ids))
	case spec.ClassTokenExpired, spec.ClassSessionExpired:
		return a, codeError(CodeSessionExpired, "details: the session has expired")
	}
	return a, nil
}

func joinIDs(ids []json.RawMessage) json.RawMessage {
	b := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, id...)
	}
	return append(b, ']')
}

// missing reports the ids that an answer did not return: by key when the details have one, else by
// count.
func (c *chain) missing(ids []json.RawMessage, p *page.Page) {
	if len(p.Records) >= len(ids) {
		return
	}
	paths := c.sr.spec.Details.Records.Key
	if len(paths) != 1 {
		c.sr.notice(c.key, NoticeDetailsMissing, fmt.Sprintf("%d of %d ids were not returned", len(ids)-len(p.Records), len(ids)))
		return
	}
	there := map[string]bool{}
	for _, rec := range p.Records {
		v, _ := paths[0].Get(rec)
		there[text(v)] = true
	}
	for _, id := range ids {
		if !there[text(id)] {
			c.sr.notice(c.key, NoticeDetailsMissing, "id "+shown(id)+" was not returned")
		}
	}
}

// arrange gives the order of the ids, where a key tells which record is which; nil leaves the order of
// the answer.
func (c *chain) arrange(ids []json.RawMessage, p *page.Page) []int {
	paths := c.sr.spec.Details.Records.Key
	if len(paths) != 1 || len(p.Records) < 2 {
		return nil
	}
	place := make(map[string]int, len(ids))
	for i, id := range ids {
		place[text(id)] = i
	}
	rank, order := make([]int, len(p.Records)), make([]int, len(p.Records))
	for i, rec := range p.Records {
		v, _ := paths[0].Get(rec)
		n, ok := place[text(v)]
		if !ok {
			return nil // the key is not the id
		}
		rank[i], order[i] = n, i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rank[i], rank[j]) })
	return order
}

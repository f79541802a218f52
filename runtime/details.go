package runtime

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/transport"
)

// detailsAtOnce is how many batches of one page are in flight at most; the rate limit bounds them
// further.
const detailsAtOnce = 4

// details fetches the things whose ids a page lists, in batches, and returns them in the order of the
// ids' batches. The page is delivered when all its batches are. It marks the entries that no answer
// returned.
func (c *chain) details(ctx context.Context, g *got, list []entry) ([]listing, error) {
	dt := c.sr.spec.Details
	ids := make([]json.RawMessage, 0, len(list))
	for _, e := range list {
		rec := g.page.Records[e.n]
		id := json.RawMessage(rec)
		if dt.ID != nil {
			v, ok := dt.ID.Get(rec)
			if !ok || string(v) == "null" {
				return nil, codeError("details_id_missing", "a record of the page has no %s: %s", dt.ID, shown(rec))
			}
			id = v
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 { // all of them are known
		return []listing{{page: new(page.Page), listed: true}}, nil
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
		from, to := i*size, min(len(ids), (i+1)*size)
		batch, of := ids[from:to], list[from:to]
		group.Go(func() error {
			p := new(page.Page)
			a, err := c.batch(gctx, g, batch, p)
			if err != nil {
				a.Release()
				return err
			}
			answers[i] = a
			c.missing(of, batch, p)
			l := listing{page: p, field: c.sr.fieldOf == fieldOfDetails, order: c.arrange(batch, p), listed: of[0].key != 0}
			l.keys, l.late = c.same(of, batch, p)
			out[i] = l
			return nil
		})
	}
	err := group.Wait()
	if err != nil {
		for _, a := range answers {
			a.Release()
		}
		g.lost = expired(err)
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
	a, err := c.sr.do(ctx, d, sc, call{chain: c.key, rd: c.sr.details, page: p, details: true})
	if err != nil {
		return a, fmt.Errorf("details: %w", err)
	}
	switch a.Class {
	case spec.ClassSkip, spec.ClassEnd:
		c.sr.notice(c.key, NoticeSkipped, "details of "+shown(sc.ids))
	case spec.ClassSessionExpired:
		return a, codeError(CodeSessionExpired, "details: %s", orElse(a.Message, sessionGone))
	case spec.ClassTokenExpired:
		return a, c.sr.tokenless(d, a)
	}
	return a, nil
}

// tokenless is the error of an answer that is classed as if the request had carried a token of the pagination.
func (sr *streamRun) tokenless(d *draft, a *transport.Answer) error {
	said := ""
	if a.Message != "" {
		said = " (" + a.Message + ")"
	}
	return codeError(fmt.Sprintf("http_%d", a.Status), "details: %s %s: the API answered %d%s, which %s calls token_expired, but a request for details carries no token of the pagination; "+
		"let it speak of the pages alone, and say what such an answer to details means: skip, retry, session_expired or failed",
		d.method, sr.redact.String(a.URL.Path), a.Status, said, a.By)
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

// missing marks and reports the entries whose ids an answer did not return: one by one where the records
// say which id they are of, else by count.
func (c *chain) missing(of []entry, ids []json.RawMessage, p *page.Page) {
	if len(p.Records) >= len(ids) {
		return
	}
	there := map[string]bool{} // by id: whether it was returned
	for _, id := range ids {
		there[text(id)] = false
	}
	distinct := len(there)
	if len(p.Records) >= distinct {
		return
	}
	owner := c.owners(ids, p)
	if owner == nil {
		c.sr.notice(c.key, NoticeDetailsMissing, fmt.Sprintf("%d of %d ids were not returned", distinct-len(p.Records), distinct))
		return
	}
	for _, i := range owner {
		there[text(ids[i])] = true
	}
	told := map[string]bool{}
	for i, id := range ids {
		if t := text(id); !there[t] {
			of[i].gone = true
			if !told[t] {
				c.sr.notice(c.key, NoticeDetailsMissing, "id "+shown(id)+" was not returned")
			}
			told[t] = true
		}
	}
}

// owners says of each record of an answer which of the ids it is of: by the details' key, else by what
// stands where the list has the id; nil where nothing tells.
func (c *chain) owners(ids []json.RawMessage, p *page.Page) []int {
	if c.sr.spec.Details.Batch <= 1 || len(p.Records) == 0 {
		return make([]int, len(p.Records))
	}
	if by := c.ownersBy(c.sr.spec.Details.Records.Key, ids, p); by != nil {
		return by
	}
	if id := c.sr.spec.Details.ID; id != nil {
		return c.ownersBy([]engine.Path{id}, ids, p)
	}
	return nil
}

// ownersBy finds the ids at one path of the records; nil where a record has none of them there. An id
// that is asked for twice is found in its first place.
func (c *chain) ownersBy(paths []engine.Path, ids []json.RawMessage, p *page.Page) []int {
	if len(paths) != 1 {
		return nil
	}
	place := make(map[string]int, len(ids))
	for i, id := range ids {
		if _, twice := place[text(id)]; !twice {
			place[text(id)] = i
		}
	}
	of := make([]int, len(p.Records))
	for i, rec := range p.Records {
		v, _ := paths[0].Get(rec)
		n, ok := place[text(v)]
		if !ok {
			return nil // it is not the id
		}
		of[i] = n
	}
	return of
}

// arrange gives the order of the ids, where a key tells which record is which; nil leaves the order of
// the answer.
func (c *chain) arrange(ids []json.RawMessage, p *page.Page) []int {
	if len(p.Records) < 2 {
		return nil
	}
	rank := c.ownersBy(c.sr.spec.Details.Records.Key, ids, p)
	if rank == nil {
		return nil
	}
	order := make([]int, len(rank))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rank[i], rank[j]) })
	return order
}

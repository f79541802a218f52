package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// take judges a page, hands its records to the committer with the state after it, and says whether
// the chain has ended. The next page may be asked for while this one is being written, unless the
// verdict leaves a doubt.
func (c *chain) take(ctx context.Context, g *got) (*chainEnd, error) {
	faultPoint("after-answer")
	c.once = false
	p, err := c.measure(ctx, g)
	if err != nil {
		return nil, err
	}
	if end, err := c.badKeep(ctx, g); end != nil || err != nil {
		return end, err
	}
	defer c.unclaim()
	batch, err := c.records(ctx, g, &p)
	if err != nil {
		return nil, err
	}
	v, err := c.walk.Step(g.at.State, p)
	if err != nil {
		return nil, codeError(CodeWitness, "page %d: %w", g.at.Pages+1, err)
	}
	if c.tooFull(v) && !c.uncut {
		if end, err := c.split(ctx, v); end != nil || err != nil {
			return end, err
		}
	}
	st := g.at
	st.State, st.Part, st.Short = v.Next, c.delivered(g, batch, v.Next.Again), c.short(g, batch, p, v)
	c.restOf(&st, batch)
	if v.Drop {
		batch = &batchOf{}
		c.unclaim()
	}
	if v.Next.Rung != g.at.Rung || !bytes.Equal(v.Next.Position, g.at.Position) {
		st.TokenAt, st.TokenSkew = g.answer.Received, apartBy(g.answer.Skew)
	}
	if p.Records > 0 && !v.Drop {
		st.Skip = 0
		if c.walk.Rules.Type == engine.Offset || g.at.Recount { // a page that is shorter this time leaves some for the next
			st.Skip = max(0, g.at.Skip-batch.skipped)
		}
		st.Recount = g.at.Recount && st.Skip > 0
	}
	c.observeToken(&st, g, &p, batch)
	c.observeWatermark(&st, batch)
	batch.reached = batch.reached && !st.Unordered // what is newer may stand behind what is older
	if v.Kind == engine.Recover && rewound(v.Next) {
		st.Latest = nil
	}
	end := c.tooMuch(c.conclude(v, batch))
	once := c.sr.spec.Pagination.Token.OneUse && g.req.Follow // the rest of the page could not be had again
	if cut := c.sr.cut(len(batch.records)); cut < len(batch.records) && !once {
		st, end = c.partial(g, batch, cut)
	}
	if err := c.refresh(ctx, g, &st); err != nil {
		return nil, err
	}
	if err := c.deliver(ctx, g, p, v, st, batch, end); err != nil {
		return nil, err
	}
	for _, e := range v.Events {
		c.sr.notice(c.key, e.Name, e.Detail)
	}
	if v.Kind == engine.Recover {
		c.sr.stats.recovered()
		c.again(v.Next)
	}
	if c.ahead != nil && len(v.Events) > 0 { // a total that changed, an empty page: a doubt
		c.drop()
		c.serial = true
	}
	if end != nil || v.Kind != engine.Continue || c.sr.spec.Pagination.Token.OneUse {
		if err := c.settle(); err != nil {
			return nil, err
		}
	}
	return end, nil
}

// tokenOf is the token that a page gave, by itself or through the hook.
func tokenOf(p engine.Page) json.RawMessage {
	if p.Hook != nil && p.Hook.Token != nil {
		return p.Hook.Token
	}
	return p.Next
}

// conclude turns the verdict into the chain's end, nil when it goes on.
func (c *chain) conclude(v engine.Verdict, b *batchOf) *chainEnd {
	switch v.Kind {
	case engine.Continue, engine.Recover, engine.Probing:
		if b.reached { // newest first, and the old watermark is reached
			return &chainEnd{verdict: Complete, attested: engine.Assumed, total: v.Next.Total}
		}
		return nil
	case engine.End:
		return &chainEnd{verdict: Complete, attested: v.Attested, total: v.Next.Total}
	case engine.Truncated:
		return &chainEnd{verdict: Truncated, reason: v.Code, detail: v.Detail, total: v.Next.Total}
	}
	if b.reached {
		return &chainEnd{verdict: Complete, attested: engine.Assumed, total: v.Next.Total}
	}
	return &chainEnd{verdict: Incomplete, reason: v.Code, detail: doubt(v), total: v.Next.Total,
		err: codeError(v.Code, "%s", doubt(v))}
}

// doubt says in one clause why a chain ended incomplete.
func doubt(v engine.Verdict) string {
	says := strings.TrimPrefix(v.Detail, "there is no next token although ")
	if t := v.Next.Total; t != nil && strings.HasPrefix(says, engine.WitnessTotal+" says") {
		says = "the API says " + plural(*t, "record")
	}
	if v.Decider == engine.WitnessHook && v.Code == engine.CodeNextTokenMissing {
		for _, w := range v.Evidence {
			if w.Name == engine.WitnessHook && w.Says == engine.SaysEnd {
				return fmt.Sprintf("the hook ended the walk on page %d (%q) although %s", v.Next.Pages, w.Detail, says)
			}
		}
		return fmt.Sprintf("the hook gave no token on page %d: %s", v.Next.Pages, says)
	}
	switch v.Code {
	case engine.CodeNextTokenMissing:
		return fmt.Sprintf("the next token was missing on page %d although %s", v.Next.Pages, says)
	case engine.CodeShortOfTotal:
		return fmt.Sprintf("the walk ended on page %d although %s", v.Next.Pages, says)
	}
	return fmt.Sprintf("on page %d %s", v.Next.Pages, orElse(says, v.Code))
}

// partial ends the chain inside a page, because a limit of records is reached: the state stays at the
// page, and says how many of its records are delivered.
func (c *chain) partial(g *got, b *batchOf, cut int) (chainState, *chainEnd) {
	st := g.at
	st.Short = nil
	if each := c.each(b, st.PartBy == byBytes); len(each) == len(b.records) && st.Skip == 0 {
		c.cutOff(&st, b, each, cut)
	} else {
		st.Skip += cut
	}
	st.Delivered += int64(cut)
	b.records, b.ids, b.partial = b.records[:cut], nil, true
	if b.keys != nil {
		b.keys = b.keys[:cut]
	}
	return st, &chainEnd{verdict: Truncated, reason: CodeLimit, detail: c.sr.limitText(), total: st.Total}
}

// deliver hands records and state to the committer.
func (c *chain) deliver(ctx context.Context, g *got, p engine.Page, v engine.Verdict, st chainState, b *batchOf, end *chainEnd) error {
	if err := c.settleTo(c.backlog()); err != nil {
		return err
	}
	if !b.partial {
		st.Delivered += int64(len(b.records))
	}
	verdict, reason, done := "", "", false
	if end != nil {
		verdict, reason, done = end.verdict, end.reason, end.verdict == Complete
		if end.reason == engine.CodeCap && c.moves(&st) {
			done = true // the next walk starts from the watermark, below the cap
		}
	}
	kept := c.kept(g, &st)
	if kept == nil && end != nil && end.verdict == Complete {
		c.keepMissing(&st)
	}
	row, rest := c.row(st, verdict, reason, done)
	d := &delivery{sr: c.sr, records: b.records, list: g.page.List, keys: b.keys, commit: engine.Commit{Chain: row, Bookmark: c.bookmark(&st, end, kept)}, state: rest, verdict: &v}
	if c.sr.persistKeys {
		d.commit.Keys = b.ids
	}
	d.commit.Entry = c.entry(g, p, v, st, b)
	event := PageEvent{
		Index: g.at.Pages, Records: p.Records, New: len(b.records), Bytes: int64(len(g.answer.Body)),
		Took: g.answer.Received.Sub(g.answer.Sent), Attempts: len(g.answer.Attempts), Received: st.Received, Total: -1, Verdict: v.Code,
	}
	if st.Total != nil {
		event.Total = *st.Total
	}
	if err := c.sr.children(ctx, c, b); err != nil {
		return err
	}
	d.sync = end != nil || v.Kind != engine.Continue
	c.hand(&pending{d: d, g: g, event: event, duplicates: p.Records - p.New, met: len(b.met) + b.skipped, crossed: b.crossed})
	if c.keys != nil {
		for _, id := range b.ids {
			c.keys.add(id)
		}
	}
	if !b.partial {
		c.claims = nil
	}
	for _, id := range b.old {
		if c.oldMet == nil {
			c.oldMet = map[uint64]struct{}{}
		}
		c.oldMet[id] = struct{}{}
	}
	if g.req.Value != nil {
		c.positions.add(g.req.Value)
	}
	c.state = st
	if c.tookBack(b) {
		c.sr.unreserve()
	} else {
		c.slice.page()
	}
	return nil
}

// entry is the page's row in the journal.
func (c *chain) entry(g *got, p engine.Page, v engine.Verdict, st chainState, b *batchOf) *engine.PageEntry {
	e := &engine.PageEntry{
		Run: c.sr.id, Chain: c.key, Page: g.at.Pages, At: g.answer.Received, Status: g.answer.Status, Records: p.Records,
		New: len(b.records), Bytes: int64(len(g.answer.Body)), Attempts: len(g.answer.Attempts), Verdict: v.Code,
	}
	if n := len(g.answer.Attempts); n > 0 {
		e.Millis = g.answer.Received.Sub(g.answer.Attempts[0].At).Milliseconds()
	}
	e.Position = c.shortPosition(g.req.Value)
	if n := len(g.answer.Attempts); n > 1 {
		type retry struct {
			Reason string  `json:"reason"`
			Status int     `json:"status,omitempty"`
			Wait   float64 `json:"wait,omitempty"`
		}
		var list []retry
		for _, a := range g.answer.Attempts[:n-1] {
			list = append(list, retry{a.Reason, a.Status, a.Wait.Seconds()})
		}
		e.Retries, _ = json.Marshal(list)
	}
	if len(v.Events) > 0 {
		names := make([]string, len(v.Events))
		for i, ev := range v.Events {
			names[i] = ev.Name
		}
		e.Events, _ = json.Marshal(names)
	}
	return e
}

// evidenceJSON writes what each witness said, and who decided; show removes secrets.
func evidenceJSON(v *engine.Verdict, show func(string) string) json.RawMessage {
	b := make([]byte, 0, 256)
	put := func(before, s string) { b = rawjson.AppendString(append(b, before...), s) }
	put(`{"decider":`, v.Decider)
	if v.Detail != "" {
		put(`,"detail":`, show(v.Detail))
	}
	b = append(b, `,"said":[`...)
	for i, w := range v.Evidence {
		if i > 0 {
			b = append(b, ',')
		}
		put(`[`, w.Name)
		put(`,`, w.Says.String())
		put(`,`, show(w.Detail))
		b = append(b, ']')
	}
	return append(b, `]}`...)
}

// shortPosition is a position for people: without secrets, at most 120 bytes.
func (c *chain) shortPosition(v json.RawMessage) json.RawMessage {
	if v == nil {
		return nil
	}
	if c.sr.spec.Pagination.Token.Secret {
		return quote("***")
	}
	s := c.sr.redact.String(string(v))
	if len(s) > 120 {
		return quote(s[:100] + "…")
	}
	if !json.Valid([]byte(s)) {
		return quote(s)
	}
	return json.RawMessage(s)
}

// pause waits as the hook asked, before the next page.
func (c *chain) pause(ctx context.Context) error {
	wait := c.wait
	if wait <= 0 {
		return nil
	}
	c.wait = 0
	if c.ahead != nil { // nothing is to be asked for before then
		c.drop()
		c.serial = true
	}
	until := c.sr.now().Add(wait)
	if limit := c.sr.spec.HTTP.Retry.MaxWait; limit > 0 && wait > limit {
		return &Error{Code: CodeParked, Msg: fmt.Sprintf("the hook asks to wait %s, longer than max_wait %s", wait, limit), Until: until}
	}
	if c.sr.late(until) {
		return &Error{Code: CodeParked, Msg: fmt.Sprintf("the hook asks to wait %s, longer than the run has left", wait), Until: until}
	}
	c.sr.tell(Event{Kind: EventWait, Chain: c.key, Until: until, Detail: "asked by the hook"})
	return stopClock{c.sr.clock, c.sr.job.Stop}.Sleep(ctx, wait)
}

// sliceBudget bounds a slice of a chain's run; the zero value is no bound.
type sliceBudget struct {
	pages    int64
	read     int64
	deadline time.Time
}

func (b *sliceBudget) page() { b.read++ }

func (b *sliceBudget) spent(now time.Time) bool {
	return b.pages > 0 && b.read >= b.pages || !b.deadline.IsZero() && !now.Before(b.deadline)
}

// moves reports whether this walk has moved the watermark.
func (c *chain) moves(st *chainState) bool {
	in := c.sr.spec.Incremental
	return in != nil && in.Order == "asc" && !st.Unordered && st.Pending != nil && c.window == nil &&
		(st.Watermark == nil || c.sr.kind.compare(st.Pending, st.Watermark) > 0)
}

// bookmark is the chain's bookmark when this page moves it, else nil.
func (c *chain) bookmark(st *chainState, end *chainEnd, kept json.RawMessage) *engine.Bookmark {
	clean := end != nil && end.verdict == Complete
	in := c.sr.spec.Incremental
	mark := c.sr.mark(c.base)
	moved := false
	if in != nil && c.window == nil && st.Pending != nil && (clean || in.Order == "asc" && !st.Unordered && (end == nil || end.reason != CodeLimit || st.Skip == 0 && len(st.Part) == 0)) {
		if mark.Watermark == nil || c.sr.kind.compare(st.Pending, mark.Watermark) > 0 {
			mark.Watermark, moved = st.Pending, true
		}
		if !st.Recent.IsZero() {
			mark.Recent, _ = json.Marshal(st.Recent)
			moved = true
		}
	}
	if st.Unordered && !c.state.Unordered && !clean && in.Order == "asc" && c.window == nil {
		if mark.Watermark, moved = st.Watermark, true; st.First {
			mark.Watermark = nil // what this walk had moved it to: older records may still come
		}
	}
	if kept != nil && clean {
		mark.Kept, moved = kept, true
		mark.Recent = withKept(mark.Recent, st, in == nil)
	}
	if !moved {
		return nil
	}
	mark.Base, mark.Asked, mark.Updated = c.base, c.sr.asks, c.sr.now()
	c.sr.setMark(mark)
	return &mark
}

// fits reports whether a walk of the chain's pattern may begin at a position that an answer has named.
func (c *chain) fits(position json.RawMessage) bool {
	_, whole := engine.Whole(position)
	return whole || !c.walk.Rules.Type.Counts()
}

package runtime

import (
	"context"
	"fmt"
	"maps"

	"github.com/lastpage/lastpage/engine"
)

// Why a window that holds too much was not cut.
const (
	uncutKey  = "and is not cut because its records have no key (records.key)"
	uncutStep = ", the step of its format "
)

// tryAgain begins the walk of a window once more that an earlier run left too full: it may fit by now, or
// what kept it from being cut may have changed. What was delivered is known by its keys; where there are
// none it is counted, and keys that were declared since are noted on the way.
func (c *chain) tryAgain(ctx context.Context) error {
	st := c.state
	st.State, st.Latest, st.Part, st.Bytes, st.Short, st.Skip, st.Recount, st.Stuck = engine.State{}, nil, nil, nil, nil, 0, false, stuck{}
	if c.state.Origin != nil {
		st.State = engine.StartAt(c.state.Origin)
	}
	noted := 0
	if c.sr.persistKeys {
		if err := c.sr.job.Ledger.Keys(ctx, c.sr.name, c.key, func(ids []uint64) error {
			noted += len(ids)
			return nil
		}); err != nil {
			return err
		}
	}
	switch typ := c.walk.Rules.Type; {
	case noted == 0:
		st.Skip, st.Recount = int(st.Delivered), st.Delivered > 0
	case typ != engine.Offset && typ != engine.PageNumber: // a page of them is not one that this walk has had
		c.old = maps.Clone(c.keys.set)
	}
	c.state, c.limits.again = st, true
	return nil
}

// split cuts the chain's window in two: the halves are chains of their own, which know what this one
// has delivered. It is nil when the window is not cut, or not yet.
func (c *chain) split(ctx context.Context, v engine.Verdict) (*chainEnd, error) {
	a, b, ok := c.limits.halves()
	switch {
	case !ok:
		c.limits.why = c.limits.floored()
	case c.state.Delivered > 0 && !c.sr.needKeys:
		c.limits.why = uncutKey
	case c.state.Skip > 0:
		return nil, nil // the page holds records that were delivered and have no keys in the ledger yet
	}
	if c.limits.why != "" {
		c.uncut = true
		if c.limits.again && v.Kind != engine.Truncated { // nothing has changed: the total says so
			return c.tooMuch(&chainEnd{verdict: Truncated, reason: engine.CodeCap, total: v.Next.Total}), nil
		}
		return nil, nil
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	inherit := c.state.Inherit
	if c.state.Delivered > 0 {
		inherit = append(inherit[:len(inherit):len(inherit)], c.key)
	}
	state, err := (&chainState{Inherit: inherit}).marshal()
	if err != nil {
		return nil, err
	}
	values := leaf(c.partition)
	values.open()
	first := c.sr.ordinals(2)
	var halves []engine.Chain
	for i, s := range []span{a, b} {
		halves = append(halves, engine.Chain{Key: combo{values, &s}.key(), Ordinal: first + int64(i), State: state})
	}
	if err := c.divide(halves); err != nil {
		return nil, err
	}
	detail := fmt.Sprintf("the window from %s to %s holds too much", text(c.window.From), text(c.window.To))
	if v.Next.Total != nil {
		detail = fmt.Sprintf("%s (%d)", detail, *v.Next.Total)
	}
	c.sr.notice(c.key, NoticeWindowSplit, detail)
	return &chainEnd{verdict: Complete, split: true}, nil
}

// divide ends the chain and lists its halves in one commit, so that no run sees both or neither.
func (c *chain) divide(halves []engine.Chain) error {
	row, rest := c.row(c.state, "split", "split", true)
	d := &delivery{sr: c.sr, sync: true, commit: engine.Commit{Chain: row}, state: rest}
	for _, h := range halves {
		d.more = append(d.more, engine.Commit{Chain: h})
	}
	c.sr.out.put(d)
	if err := <-d.done; err != nil {
		return err
	}
	if q := c.sr.queue; q != nil {
		q.push(halves)
	}
	return nil
}

// tooMuch is the end of a window that holds more than the API gives and cannot be cut further.
func (c *chain) tooMuch(end *chainEnd) *chainEnd {
	if !c.uncut || end == nil || end.verdict != Complete && end.reason != engine.CodeCap {
		return end
	}
	why := c.limits.why
	if why == "" {
		why = "and is cut when it is read again"
	}
	return &chainEnd{verdict: Truncated, reason: CodeWindow, total: end.total,
		detail: fmt.Sprintf("the window from %s to %s holds too much %s", text(c.window.From), text(c.window.To), why)}
}

// cutAfter cuts a window that had to be read up to its cap first.
func (c *chain) cutAfter(ctx context.Context, end chainEnd) chainEnd {
	if c.limits.of == nil || c.uncut || end.verdict != Truncated || end.reason != engine.CodeCap {
		return end
	}
	v := engine.Verdict{Kind: engine.Truncated, Code: engine.CodeCap}
	v.Next.Total = end.total
	cut, err := c.split(ctx, v)
	switch {
	case err != nil:
		return c.broken(err)
	case cut != nil:
		return *cut
	}
	return *c.tooMuch(&end)
}

package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// poisoned is how many runs in a row may take up a chain at the same state before that is said.
const poisoned = 3

// chain readies a chain that the ledger lists: at its checkpoint, or at the start of a new walk.
func (sr *streamRun) chain(ctx context.Context, row engine.Chain) (*chain, error) {
	c := &chain{sr: sr, walk: sr.walk, key: row.Key, ordinal: row.Ordinal, positions: &positions{}}
	values, window, base, err := parseKey(row.Key)
	if err != nil {
		return nil, &Error{Code: CodeState, Err: err}
	}
	c.partition, c.base = values, base
	sr.noteSecret(row.Key)
	if window != nil {
		w := sr.windowPartition()
		if w == nil {
			return nil, codeError(CodeState, "chain %s has a window, the connector has none any more", row.Key)
		}
		c.window = window.values(w)
		c.limits = windowLimits{of: w, span: *window, split: w.SplitOver}
	}
	if sessionPartition(sr.spec) != nil {
		c.shared = sr.sharedSession()
	}
	if c.state, err = parseState(row.State); err != nil {
		return nil, &Error{Code: CodeState, Err: err}
	}
	c.left = c.state.Session != nil || c.shared != nil && c.shared == sr.leftOpen
	sr.rebaseState(&c.state)
	sr.retell(&c.state)
	mark, err := sr.loadMark(ctx, base)
	if err != nil {
		return nil, err
	}
	fresh := c.state.Fingerprint == ""
	if fresh {
		if err := c.start(ctx, mark); err != nil {
			return nil, err
		}
	}
	c.once = !fresh && sr.spec.Pagination.Token.OneUse
	if c.state.Unpinned {
		if err := c.pin(ctx, mark); err != nil {
			return nil, err
		}
	}
	c.settings = c.sr.config.with(c.state.Times)
	if err := c.ownStart(ctx); err != nil {
		return nil, err
	}
	if err := c.remember(ctx, fresh, row.Verdict != "", mark); err != nil {
		return nil, err
	}
	switch {
	case fresh:
	case c.limits.of != nil && (row.Reason == CodeWindow || c.walk.Capped(c.state.State)):
		if err := c.tryAgain(ctx); err != nil {
			return nil, err
		}
	default:
		c.stepBack()
		c.poison(ctx)
	}
	return c, nil
}

// config is the configuration as the chain's walk began with it.
func (c *chain) config() *Config {
	if c.settings == nil {
		return c.sr.config
	}
	return c.settings
}

// windowPartition is the stream's window, nil without.
func (sr *streamRun) windowPartition() *spec.Window {
	for _, p := range sr.spec.Partitions {
		if p.Window != nil {
			return p.Window
		}
	}
	return nil
}

// start begins a new walk: at the position the caller names, at the kept one, or at the first page;
// the watermark that requests filter by is pinned for the whole walk.
func (c *chain) start(ctx context.Context, mark engine.Bookmark) error {
	inherit := c.state.Inherit
	c.state = chainState{Fingerprint: c.sr.roundData.Fingerprint, Inherit: inherit, Times: c.sr.config.relative(c.sr.connector.Config, c.sr.named)}
	position := c.sr.rebase(mark.Kept)
	if begin := c.sr.job.Begin[c.sr.spec.Name]; begin != nil {
		position = begin
	}
	if position != nil {
		c.state.State = engine.StartAt(position)
	}
	c.state.Watermark = mark.Watermark
	if c.state.Watermark == nil {
		w, err := c.sr.firstWatermark(ctx)
		if err != nil {
			return err
		}
		c.state.Watermark = w
		c.state.First = true
	}
	var err error
	c.state.Recent, err = recentOf(mark)
	if mark.Kept != nil && c.sr.spec.Pagination.KeepToken {
		c.state.KeptIDs = c.state.Recent.id
	}
	return err
}

// pin gives a walk that begins where a person has said what any other begins with.
func (c *chain) pin(ctx context.Context, mark engine.Bookmark) error {
	moved := c.state
	if err := c.start(ctx, mark); err != nil {
		return err
	}
	begun := c.state
	c.state = moved
	c.state.Unpinned = false
	c.state.Watermark, c.state.First, c.state.Times, c.state.KeptIDs = begun.Watermark, begun.First, begun.Times, begun.KeptIDs
	if len(moved.Recent.id) == 0 {
		c.state.Recent = begun.Recent
	}
	return nil
}

// recentOf are the identities that a bookmark keeps.
func recentOf(mark engine.Bookmark) (r recentKeys, err error) {
	if len(mark.Recent) > 0 {
		if err := json.Unmarshal(mark.Recent, &r); err != nil {
			return r, &Error{Code: CodeState, Err: fmt.Errorf("bookmark: %w", err)}
		}
	}
	return r, nil
}

// ownStart gives the chain rules of its own where `start` is an expression.
func (c *chain) ownStart(ctx context.Context) error {
	pg := &c.sr.spec.Pagination
	if pg.Start == nil || pg.Rules.Start != nil {
		return nil
	}
	t, err := c.scopeAt(&c.state, nil).node(ctx, pg.Start)
	if err != nil || t == nil {
		return err
	}
	v := json.RawMessage(t.append(nil))
	if string(v) == "null" {
		return nil
	}
	if pg.Rules.Type.Counts() {
		whole, ok := engine.Whole(v)
		if !ok {
			return codeError(CodeScript, "%s: `start` of pagination type `%s` is a whole number, not `%s`", pg.Start.Pos, pg.Rules.Type, shown(digits(v)))
		}
		v = whole
	}
	rules := pg.Rules
	rules.Start = v
	c.walk, err = engine.NewWalk(&rules, c.sr.table)
	return err
}

// earlier notes identities of records that the walk before has delivered.
func (c *chain) earlier(ids []uint64) {
	if c.old == nil {
		c.old = make(map[uint64]struct{}, len(ids))
	}
	for _, id := range ids {
		c.old[id] = struct{}{}
	}
}

// remember brings the keys into memory that the walk has delivered, and those of records next to the
// watermark that it began at: the bookmark has them until it moves. Those that another walk of the same
// round has left (again) are not its own.
func (c *chain) remember(ctx context.Context, fresh, again bool, mark engine.Bookmark) error {
	if !c.sr.needKeys {
		return nil
	}
	c.keys = newKeySet(c.sr.wholeKeys || len(c.state.Inherit) > 0)
	if fresh || c.sr.kind == nil || mark.Watermark != nil && bytes.Equal(mark.Watermark, c.state.Watermark) {
		before, err := recentOf(mark)
		if err != nil {
			return err
		}
		c.earlier(before.id)
	}
	for _, ids := range [][]uint64{c.state.Recent.id, c.state.Moved} {
		for _, id := range ids {
			c.keys.add(id)
		}
	}
	load := func(from string, passed int, add bool) (n int, err error) {
		err = c.sr.job.Ledger.Keys(ctx, c.sr.name, from, func(ids []uint64) error {
			for _, id := range ids {
				if n++; add && n > passed {
					c.keys.add(id)
				}
			}
			return nil
		})
		return n, err
	}
	for _, from := range c.state.Inherit {
		if _, err := load(from, 0, true); err != nil {
			return err
		}
	}
	if !c.sr.persistKeys || fresh && !again {
		return nil
	}
	n, err := load(c.key, c.state.Passed, !fresh)
	if fresh {
		c.state.Passed = n
	}
	return err
}

// poison tells when run after run takes up the walk at the same place and gets no further: the page that
// is asked for there leaves a doubt each time, or kills the run.
func (c *chain) poison(ctx context.Context) {
	here := stuck{At: engine.HashPosition(c.state.Position) ^ uint64(c.state.Rung), Delivered: c.state.Delivered, Runs: 1}
	if before := c.state.Stuck; before.Runs > 0 && before.At == here.At && before.Delivered == here.Delivered {
		here.Runs = before.Runs + 1
	}
	c.state.Stuck = here
	n, err := c.sr.job.Ledger.Enter(ctx, c.sr.lease, c.key) // runs that are killed before their first commit count, too
	if n = max(n, here.Runs); err != nil || n < poisoned {
		return
	}
	c.sr.notice(c.key, NoticePoisoned, fmt.Sprintf("%d runs in a row have begun at this checkpoint and got no further; "+
		"`runner why` tells the last one, `runner state set` moves the position, `runner state reset` starts the stream over", n))
}

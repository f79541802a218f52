package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// chain runs one chain: the pages of one partition, one after the other. One goroutine owns it.
type chain struct {
	sr        *streamRun
	walk      *engine.Walk
	key       string
	base      string // key without the window: whose bookmark it moves
	ordinal   int64
	partition json.RawMessage
	window    *windowValues
	limits    windowLimits
	settings  *Config // as the walk began with them

	state     chainState          // after the last page that was handed to the committer
	keys      *keySet             // nil when nothing needs de-duplication
	old       map[uint64]struct{} // identities that an earlier walk delivered
	oldMet    map[uint64]struct{} // of them, those that this walk has met
	claims    []uint64            // of borders: records of the page that is judged
	positions *positions
	ahead     *ahead
	shared    *sessionState // a session that all chains of the stream share
	pending   []*pending    // oldest first
	slice     sliceBudget
	serial    bool          // one page at a time: pages in flight met a doubt
	back      bool          // the next page is one that was short when an earlier run read it
	uncut     bool          // the window holds too much and cannot be cut
	reopened  int           // sessions opened again since the last page
	left      bool          // its session was left open by an earlier run, and has not given a page in this one
	once      bool          // its token may be used once, and an earlier run may have sent it
	wait      time.Duration // before the next page, as the hook asked
}

// chainEnd says how a chain's run ended.
type chainEnd struct {
	verdict  string
	reason   string
	detail   string
	attested engine.Attestation
	until    time.Time
	err      error
	total    *int64
	split    bool // its window was cut: the halves are chains of their own
	yield    bool // a slice is used up, the chain goes on in the next one
	timeUp   bool // the run's time is
}

// run drains the chain from its state until it ends, is stopped, or its slice is used up. Everything
// that was handed to the committer is acknowledged when it returns.
func (c *chain) run(ctx context.Context) chainEnd {
	c.hold()
	defer c.release(true)
	end := c.loop(ctx)
	c.drop()
	if err := c.settle(); err != nil && end.err == nil {
		end = c.broken(err)
	}
	return end
}

func (c *chain) loop(ctx context.Context) chainEnd {
	for {
		if end := c.before(); end != nil {
			return *end
		}
		var g *got
		err := c.pause(ctx)
		if err == nil {
			err = c.begin(ctx)
		}
		if err == nil {
			g, err = c.next(ctx)
		}
		if err == nil && g.answer.Class != spec.ClassOK && g.answer.Class != spec.ClassEnd {
			err = c.classError(g)
		}
		if err != nil {
			c.sr.unreserve()
			end := c.failed(ctx, g, err)
			g.release()
			if end != nil {
				return *end
			}
			continue
		}
		end, err := c.take(ctx, g)
		if parks(err) || g.lost { // details of the page
			c.sr.unreserve()
			c.wait = 0
			end, err = c.failed(ctx, g, err), nil
		}
		if !g.owned {
			g.release()
		}
		if err != nil {
			return c.broken(err)
		}
		if end != nil {
			return *end
		}
	}
}

// before is what may end a chain before its next page is asked for.
func (c *chain) before() *chainEnd {
	if c.sr.stopped() {
		return &chainEnd{verdict: Interrupted, reason: CodeInterrupted}
	}
	if c.slice.spent(c.sr.now()) {
		return &chainEnd{yield: true}
	}
	if c.walk.Capped(c.state.State) {
		c.uncut = c.limits.of != nil // it was tried when the cap was met
		return c.tooMuch(&chainEnd{verdict: Truncated, reason: engine.CodeCap, detail: fmt.Sprintf("the API refuses offsets from %d on", c.walk.Rules.Cap), total: c.state.Total})
	}
	if what := c.sr.reserve(); what != "" {
		return &chainEnd{verdict: Truncated, reason: CodeLimit, detail: what, timeUp: c.sr.timeUp()}
	}
	return nil
}

// classError turns the classes that reach the chain without an error into one.
func (c *chain) classError(g *got) error {
	switch g.answer.Class {
	case spec.ClassTokenExpired:
		return &Error{Code: CodeTokenExpired, Msg: orElse(g.answer.Message, "the API says that the token has expired")}
	case spec.ClassSessionExpired:
		return &Error{Code: CodeSessionExpired, Msg: orElse(g.answer.Message, sessionGone)}
	case spec.ClassSkip:
		return errSkipped
	}
	return codeError("http_status", "the API answered %d", g.answer.Status)
}

var errSkipped = errors.New("the API says to skip this partition")

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// failed decides what becomes of a chain whose page could not be had: nil means that it goes on, from
// a state that is committed.
func (c *chain) failed(ctx context.Context, g *got, err error) *chainEnd {
	c.drop()
	if serr := c.settle(); serr != nil {
		end := c.broken(serr)
		return &end
	}
	var te *transport.Error
	var re *Error
	code := ""
	switch {
	case errors.Is(err, errSkipped):
		return c.skip(ctx, g)
	case errors.As(err, &re):
		code = re.Code
	case errors.As(err, &te):
		code = te.Code
	}
	switch code {
	case CodeTokenExpired, transport.CodeTokenSpent:
		return c.recover(ctx, g, code, err)
	case CodeSessionExpired:
		return c.reopen(ctx, g, err)
	case CodeParked:
		end := chainEnd{verdict: Parked, reason: code, detail: err.Error(), until: untilOf(err), err: err}
		c.note(ctx, end)
		return &end
	case CodeInterrupted:
		return &chainEnd{verdict: Interrupted, reason: CodeInterrupted}
	}
	if ctx.Err() != nil {
		return &chainEnd{verdict: Interrupted, reason: CodeInterrupted}
	}
	if te != nil && c.left && (g == nil || g.answer == nil || !g.answer.Ruled) && refuses(te.Status) { // it is gone by now
		return c.reopen(ctx, g, err)
	}
	if te != nil && c.unruled(g) {
		if token, err := c.tokenOfError(ctx, g); c.once || err == nil && token != nil {
			return c.recover(ctx, g, CodeTokenExpired, te)
		}
		te.Hint = orElse(te.Hint, fmt.Sprintf("if that is how the API refuses a token, say `responses: [{status: %d, is: token_expired}]`, and the fallback is tried", te.Status))
	}
	end := c.broken(err)
	c.note(ctx, end)
	return &end
}

// unruled reports whether an answer to a request with a token says that something is wrong with what
// was sent, nothing in the connector says what that means, and there is a fallback.
func (c *chain) unruled(g *got) bool {
	if g == nil || g.answer == nil || g.answer.Class != spec.ClassFailed || g.answer.Ruled || !g.req.Follow || len(c.walk.Rules.Fallback) == 0 {
		return false
	}
	return refuses(g.answer.Status)
}

// refuses reports whether an answer of that status says that something is wrong with what was sent.
func refuses(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// broken is the end of a chain by an error.
func (c *chain) broken(err error) chainEnd {
	code := "error"
	var te *transport.Error
	var re *Error
	errors.As(err, &re)
	theirs := re != nil && (re.Code == CodeSink || re.Code == CodeState) && (c.sr.out == nil || c.sr.out.ctx.Err() == nil) // and the run has not been cancelled
	switch {
	case !theirs && errors.Is(err, context.Canceled), re != nil && re.Code == CodeInterrupted:
		return chainEnd{verdict: Interrupted, reason: CodeInterrupted}
	case re != nil:
		code = re.Code
	case errors.As(err, &te):
		code = te.Code
	}
	return chainEnd{verdict: Failed, reason: code, detail: err.Error(), err: err}
}

// note stores how the chain ended beside its checkpoint, which stays as it is.
func (c *chain) note(ctx context.Context, end chainEnd) {
	if c.sr.lost() {
		return
	}
	_ = c.commit(ctx, c.state, end.verdict, end.reason, false, nil) // the run's own end is told either way
}

// recover climbs the fallback ladder after a token that is too old, expired or used up.
func (c *chain) recover(ctx context.Context, g *got, code string, cause error) *chainEnd {
	c.sr.notice(c.key, engine.EventTokenExpired, cause.Error())
	token, err := c.tokenOfError(ctx, g)
	if err != nil {
		end := c.broken(err)
		return &end
	}
	next, ok := c.walk.Recover(c.state.State, token)
	if !ok && c.state.Probe && !c.state.Again { // only the confirmation could not be had: the end stands
		return c.over(ctx, chainEnd{verdict: Complete, attested: engine.Assumed, total: c.state.Total})
	}
	if !ok {
		end := chainEnd{verdict: Incomplete, reason: code, detail: cause.Error(), err: cause}
		c.state.State = c.state.Rested()
		c.note(ctx, end)
		return &end
	}
	c.sr.stats.recovered()
	c.again(next)
	st := c.state
	st.State, st.TokenAt, st.TokenSkew = next, c.sr.now(), 0
	if rewound(next) {
		st.Latest = nil // its records come in order once more
	}
	if err := c.commit(ctx, st, "", "", false, nil); err != nil {
		end := c.broken(err)
		return &end
	}
	return nil
}

// over ends a chain without another page.
func (c *chain) over(ctx context.Context, end chainEnd) *chainEnd {
	if err := c.commit(ctx, c.state, end.verdict, end.reason, true, nil); err != nil {
		end = c.broken(err)
	}
	return &end
}

// again forgets the positions of a walk that begins once more.
func (c *chain) again(next engine.State) {
	if rewound(next) {
		c.positions = &positions{}
	}
}

// rewound reports whether a fallback leads back to where the walk began.
func rewound(next engine.State) bool { return next.Rung == 0 && next.Trail.IsZero() }

// tokenOfError looks for the token that a {token: …} rung takes from the error answer.
func (c *chain) tokenOfError(ctx context.Context, g *got) (json.RawMessage, error) {
	if g == nil || g.view == nil {
		return nil, nil
	}
	for _, f := range c.sr.spec.Pagination.Fallback {
		if f.Token == nil {
			continue
		}
		v, err := g.view.pick(ctx, f.Token, c.walk.Rules.Present)
		if err != nil || c.walk.Rules.Present(v) {
			c.sr.hideToken(v)
			if c.walk.Rules.Type.Counts() && err == nil {
				whole, ok := engine.Whole(v)
				if !ok {
					return nil, codeError(CodeWitness, "%s: the fallback's `token` is %s; want %s", f.Token.Pos, shown(v), wholePosition(c.walk.Rules.Type))
				}
				return whole, nil
			}
			return clone(v), err
		}
	}
	return nil, nil
}

// skip ends a partition that the API says to pass over.
func (c *chain) skip(ctx context.Context, g *got) *chainEnd {
	detail := errSkipped.Error()
	if g != nil && g.answer != nil && g.answer.Message != "" {
		detail = g.answer.Message
	}
	c.sr.notice(c.key, NoticeSkipped, detail)
	return c.over(ctx, chainEnd{verdict: Complete, reason: "skipped", detail: detail, attested: engine.Assumed})
}

// commit stores a state that no page brought, and waits until it is durable.
func (c *chain) commit(ctx context.Context, st chainState, verdict, reason string, done bool, mark *engine.Bookmark) error {
	row, rest := c.row(st, verdict, reason, done)
	d := &delivery{sr: c.sr, sync: true, commit: engine.Commit{Chain: row, Bookmark: mark}, state: rest}
	c.sr.out.put(d)
	if err := <-d.done; err != nil {
		return err
	}
	c.state = st
	return nil
}

// row is the chain as the ledger keeps it, but for its State, which is that of rest; nil: none.
func (c *chain) row(st chainState, verdict, reason string, done bool) (row engine.Chain, rest *chainState) {
	row = engine.Chain{Key: c.key, Ordinal: c.ordinal, Done: done, Verdict: verdict, Reason: reason, Updated: c.sr.now()}
	if done && (c.window == nil || st.Pending == nil) {
		return row, nil
	}
	if done {
		st = chainState{Pending: st.Pending, Recent: st.Recent} // the round's end needs them
	}
	st.Shown = c.sr.shownPosition(st.Position)
	return row, &st
}

// positions remembers every position of a walk in this process, so that a cycle of any length is
// found when it closes. A walk with more positions than maxPositions relies on the Trail.
type positions struct{ set map[uint64]struct{} }

const maxPositions = 1 << 20

func (p *positions) has(h uint64) bool {
	_, ok := p.set[h]
	return ok
}

func (p *positions) add(position json.RawMessage) {
	if position == nil || len(p.set) >= maxPositions {
		return
	}
	if p.set == nil {
		p.set = map[uint64]struct{}{}
	}
	p.set[engine.HashPosition(position)] = struct{}{}
}

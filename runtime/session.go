package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
)

// What is said of a session that the API does not know any more, and where there was none.
const (
	sessionGone = "the API says that the session has expired"
	noSession   = "the stream has no `session` to open again"
)

// closeTime is how long closing a session may take when the run is over.
const closeTime = 15 * time.Second

// session is the one that requests of this chain use: the stream's when its chains share one.
func (c *chain) session(st *chainState) *sessionState {
	if c.shared != nil {
		return c.shared
	}
	return st.Session
}

// openSession opens a session, and waits until it is ready. A session comes with an error when it is open,
// and whoever goes on is to wait for it: see streamRun.patience.
func (sr *streamRun) openSession(ctx context.Context, sc *scope) (*sessionState, error) {
	s := sr.spec.Session
	st := &sessionState{Opened: sr.now()}
	if s.Open != nil {
		var bare bodyless
		if s.ID != nil || s.Wait != nil {
			bare = sr.bareOpen
		}
		a, err := sr.ask(ctx, sc, s.Open, bare, time.Time{})
		if re := (*Error)(nil); errors.As(err, &re) && re.Code == CodeSessionExpired {
			return nil, codeError(CodeSessionFailed, "session open: %s, says a rule of `responses`, and there is none yet; let the rule not match what opens one", re.Msg)
		}
		if err != nil {
			return nil, fmt.Errorf("session open: %w", err)
		}
		st.Opened = a.received
		if st.ID, err = a.view(sc).pick(ctx, s.ID, present); err != nil {
			return nil, err
		}
		if s.ID != nil && !present(st.ID) {
			return nil, codeError(CodeSessionFailed, "%s: the answer that opened the session has no id", s.ID.Pos)
		}
		st.ID, st.Body = clone(st.ID), a.body
	}
	if s.Wait != nil {
		if err := sr.awaitSession(ctx, sc, st); err != nil {
			if st.Waiting {
				return st, err
			}
			sr.closeSession(ctx, sc, st)
			return nil, err
		}
	}
	return st, nil
}

// before is s behind a prefix, "" when there is none.
func before(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// awaitSession polls until `until` holds, `failed` holds, or the time is over. An error with st.Waiting
// set is none of the session's: the wait goes on in another call, or in the run that comes back.
func (sr *streamRun) awaitSession(ctx context.Context, sc *scope, st *sessionState) error {
	st.Waiting = false
	err := sr.poll(ctx, sc, st)
	if parks(err) || err != nil && !sr.patience.IsZero() && passing(err) && !errors.Is(ctx.Err(), context.Canceled) {
		st.Waiting = true
	}
	return err
}

func (sr *streamRun) poll(ctx context.Context, sc *scope, st *sessionState) error {
	w := sr.spec.Session.Wait
	deadline := st.Opened.Add(w.Timeout)
	with := *sc
	for {
		with.session = &sessionValues{ID: st.ID, Body: st.Body}
		r := w.Request
		if r == nil {
			r = sr.spec.Session.Open
		}
		var bound time.Time // of the retries; it is asked once, however late
		if w.Timeout > 0 && sr.now().Before(deadline) {
			bound = deadline
		}
		a, err := sr.ask(ctx, &with, r, sr.bareWait, bound)
		if until := untilOf(err); !bound.IsZero() && parks(err) && until.After(bound) && !sr.late(until) && until.Sub(sr.now()) <= sr.spec.HTTP.Retry.MaxWait {
			return codeError(CodeSessionFailed, "%s: the session was not ready within %s: the API is to be asked again at %s", w.Pos, w.Timeout, until.UTC().Format(time.RFC3339))
		}
		if err != nil {
			return fmt.Errorf("session wait: %w", err)
		}
		st.Body = a.body
		v := a.view(&with)
		if w.Failed != nil {
			bad, err := v.scope.evalText(ctx, w.Failed)
			if err != nil {
				return err
			}
			if truthy(bad) {
				return codeError(CodeSessionFailed, "%s: the session has failed: %s", w.Pos, shown(a.body))
			}
		}
		ready, err := v.scope.evalText(ctx, w.Until)
		if err != nil {
			return err
		}
		if truthy(ready) {
			return nil
		}
		pause := max(w.Every, a.after)
		if w.Timeout > 0 && sr.now().Add(pause).After(deadline) {
			return codeError(CodeSessionFailed, "%s: the session was not ready within %s", w.Pos, w.Timeout)
		}
		until := sr.now().Add(pause)
		if sr.late(until) || !sr.patience.IsZero() && until.After(sr.patience) {
			return &Error{Code: CodeParked, Msg: "the session is not ready yet", Until: until}
		}
		sr.tell(Event{Kind: EventWait, Until: until, Detail: "until the session is ready"})
		if err := (stopClock{sr.clock, sr.job.Stop}).Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// closeSession is always tried, once at least; what comes of it changes nothing, unless the API asks for a
// wait: then closed is false.
func (sr *streamRun) closeSession(ctx context.Context, sc *scope, st *sessionState) (closed bool) {
	if st == nil || sr.spec.Session.Close == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	with := *sc
	with.session = &sessionValues{ID: st.ID, Body: st.Body}
	if _, err := sr.ask(ctx, &with, sr.spec.Session.Close, nil, time.Time{}); err != nil {
		sr.log.Debug("the session could not be closed", "stream", sr.spec.Name, "error", err)
		return !parks(err)
	}
	return true
}

// reply is an answer that is no page.
type reply struct {
	body     []byte
	values   answerValues
	received time.Time
	after    time.Duration // Retry-After
}

func (r *reply) view(sc *scope) *view {
	with := *sc
	with.answer = &r.values
	return &view{scope: &with, rd: &reader{}}
}

// bareOpen says what the answer that opens a session lacks without a body.
func (sr *streamRun) bareOpen(ctx context.Context, v *view) error {
	s := sr.spec.Session
	id, err := v.pick(ctx, s.ID, present)
	switch {
	case err != nil:
		return err
	case s.ID != nil && !present(id):
		return fmt.Errorf("%s: `id` finds nothing in the answer that opened the session", s.ID.Pos)
	case s.Wait == nil:
		return sr.bareList(ctx, v)
	}
	return nil
}

// bareWait says what an answer to a session's wait lacks without a body.
func (sr *streamRun) bareWait(ctx context.Context, v *view) error {
	w := sr.spec.Session.Wait
	for _, t := range []*spec.Text{w.Failed, w.Until} {
		if t == nil {
			continue
		}
		got, err := v.scope.evalText(ctx, t)
		if err != nil {
			return err
		}
		if truthy(got) {
			if t == w.Until {
				return sr.bareList(ctx, v)
			}
			return nil
		}
	}
	return nil
}

// bareList says that the list which the chains are made of is missing.
func (sr *streamRun) bareList(ctx context.Context, v *view) error {
	p := sessionPartition(sr.spec)
	if p == nil {
		return nil
	}
	list, err := v.pick(ctx, p.Session, present)
	if err == nil && !present(list) {
		err = fmt.Errorf("%s: `session` finds no list in the session's last answer", p.Session.Pos)
	}
	return err
}

// ask sends a request that is no page; the reply outlives the answer. Unless bare is nil, a body is
// checked as that of a page is, and bare what comes without one. No wait goes beyond bound, zero: none.
func (sr *streamRun) ask(ctx context.Context, sc *scope, r *spec.Request, bare bodyless, bound time.Time) (*reply, error) {
	d, err := newDraft(ctx, sc, &sr.spec.HTTP, r)
	if err != nil {
		return nil, err
	}
	k := call{chain: "session", bound: bound, farewell: r == sr.spec.Session.Close}
	if bare != nil {
		k.rd, k.page = &reader{plan: &page.Plan{Format: sr.spec.Records.Format, NoRecords: true}, bare: bare}, new(page.Page)
	}
	a, err := sr.do(ctx, d, sc, k)
	defer a.Release()
	if err != nil {
		return nil, err
	}
	if a.Class == spec.ClassSessionExpired || a.Class == spec.ClassTokenExpired {
		return nil, codeError(CodeSessionExpired, "%s %s: the API answered %d%s: the session has expired", d.method, sr.redact.String(a.URL.String()), a.Status, before(" ", a.Message))
	}
	out := &reply{received: a.Received, after: a.RetryAfter()}
	out.body = clone(jsonOf(a.Body, a.Header.Get("Content-Type"), sr.spec.Records.Format))
	if out.body == nil && len(a.Body) > 0 {
		out.body = clone(jsonOf(a.Body, "", "json"))
	}
	out.values = answerValues{method: d.method, status: a.Status, header: a.Header, body: out.body, text: clone(a.Body), links: page.ParseLinks(a.Header), url: a.URL.String()}
	return out, nil
}

// begin opens the chain's session when it needs one and has none that is still alive.
func (c *chain) begin(ctx context.Context) error {
	s := c.sr.spec.Session
	if s == nil {
		return nil
	}
	if err := c.sr.refusal(); err != nil {
		return err
	}
	switch st := c.session(&c.state); {
	case st != nil && st.Waiting && c.shared == nil:
		waited := *st
		err := c.sr.awaitSession(ctx, c.scopeAt(&c.state, nil), &waited)
		c.state.Session = &waited
		if err != nil && !waited.Waiting && c.sr.patience.IsZero() {
			c.sr.closeSession(ctx, c.scopeAt(&c.state, nil), &waited)
			c.state.Session = nil
		}
		return err
	case st != nil && c.sr.alive(st):
		return nil
	}
	if c.shared != nil {
		return c.renewShared(ctx, false)
	}
	c.sr.closeSession(ctx, c.scopeAt(&c.state, nil), c.state.Session) // older than ttl: the server may hold it still
	opened, err := c.sr.openSession(ctx, c.scopeAt(&c.state, nil))
	c.state.Session = opened
	return err
}

// alive reports whether a session is younger than its ttl.
func (sr *streamRun) alive(s *sessionState) bool {
	return sr.spec.Session.TTL == 0 || sr.now().Before(s.Opened.Add(sr.spec.Session.TTL))
}

// deadToken reports whether a session that was only just opened is refused for the token that was sent: it
// lived in the session before, and there is a fallback that does without it.
func (c *chain) deadToken(g *got) bool {
	return g != nil && g.req.Follow && !c.walk.Rules.Type.Counts() && len(c.walk.Rules.Fallback) > 0
}

// reopen answers a session that has expired: a new one, and on from the last delivered position.
func (c *chain) reopen(ctx context.Context, g *got, cause error) *chainEnd {
	if err := c.sr.refusal(); err != nil {
		end := chainEnd{verdict: Incomplete, reason: CodeSessionExpired, detail: err.Error(), err: err}
		c.note(ctx, end)
		return &end
	}
	c.left = false
	if c.reopened > 0 && c.deadToken(g) {
		return c.recover(ctx, g, CodeTokenExpired, cause)
	}
	if c.sr.spec.Session == nil {
		cause = codeError(CodeSessionExpired, "%w, and %s", cause, noSession)
	}
	c.sr.notice(c.key, NoticeSessionLost, cause.Error())
	limit := c.walk.Rules.Recoveries() // without a page in between
	if c.sr.spec.Session == nil || c.reopened >= limit {
		end := chainEnd{verdict: Incomplete, reason: CodeSessionExpired, detail: cause.Error(), err: cause}
		c.note(ctx, end)
		return &end
	}
	var err error
	for {
		c.reopened++
		c.sr.stats.recovered()
		if c.shared != nil {
			err = c.renewShared(ctx, true)
			break
		}
		c.state.Session = nil
		if err = c.begin(ctx); !expired(err) || c.reopened >= limit {
			break
		}
		c.sr.notice(c.key, NoticeSessionLost, err.Error()) // while it was waited for
	}
	if err != nil {
		end := c.broken(err)
		switch end.reason {
		case CodeSessionExpired:
			end.verdict = Incomplete
		case CodeParked:
			end.verdict, end.until = Parked, untilOf(err)
		}
		c.note(ctx, end)
		return &end
	}
	if err := c.commit(ctx, c.state, "", "", false, nil); err != nil {
		end := c.broken(err)
		return &end
	}
	return nil
}

// refresh takes over the id that a page gives the session.
func (c *chain) refresh(ctx context.Context, g *got, st *chainState) error {
	s := c.sr.spec.Session
	if s == nil {
		return nil
	}
	c.reopened, c.left = 0, false
	if s.Refresh == nil || st.Session == nil {
		return nil
	}
	id, err := g.view.pick(ctx, s.Refresh, present)
	if err != nil || !present(id) {
		return err
	}
	next := *st.Session
	next.ID, next.Opened = clone(id), g.answer.Received
	st.Session = &next
	return nil
}

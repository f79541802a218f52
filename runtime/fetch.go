package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/transport"
)

// got is a page that was fetched and read, and has not been judged yet.
type got struct {
	at      chainState // it was asked for at this state
	req     engine.Request
	answer  *transport.Answer
	page    *page.Page
	view    *view
	tries   int64               // attempts, also those of requests that failed
	details []*transport.Answer // the bodies that detail records stand in
	lost    bool                // its details were refused because the session is gone
	owned   bool                // a delivery holds it and gives it back
	keys    linkKeys            // secrets that links repeat
	keep    json.RawMessage     // what `keep` names; nil when the page does not hold it
}

var pages = sync.Pool{New: func() any { return new(page.Page) }}

func (g *got) release() {
	if g == nil {
		return
	}
	if g.page != nil {
		g.page.Reset()
		pages.Put(g.page)
		g.page = nil
	}
	g.answer.Release()
	for _, a := range g.details {
		a.Release()
	}
}

// scopeAt is what the names in a request of this chain stand for.
func (c *chain) scopeAt(st *chainState, q *engine.Request) *scope {
	sc := &scope{
		job: c.sr.bound, config: c.config(), watermark: c.sr.filterBy(st.Watermark, st.First), partition: c.partition,
		window: c.window, page: q, memo: st.Memo, run: c.sr.id, received: st.Received,
	}
	if s := c.session(st); s != nil {
		sc.session = &sessionValues{ID: s.ID, Body: s.Body}
	}
	return sc
}

// fetch asks for the page at st. The transport has classified the answer and read its body; an error
// comes with the answer that caused it when there was one.
func (c *chain) fetch(ctx context.Context, st chainState) (*got, error) {
	g := &got{at: st, req: c.walk.Ask(st.State)}
	if g.req.Follow || st.Rung > 0 && c.sr.spec.Pagination.Fallback[st.Rung-1].Token != nil {
		c.sr.hideToken(g.req.Value)
	}
	c.release(false)
	sent := g.req
	sc := c.scopeAt(&st, &sent)
	d, err := newDraft(ctx, sc, &c.sr.spec.HTTP, c.sr.spec.Request)
	if err != nil {
		return g, err
	}
	if g.keys, err = c.sr.linkKeys(ctx, sc, d); err != nil {
		return g, err
	}
	sent.Value = g.keys.show(sent.Value)
	if err := d.page(ctx, sc, &c.sr.spec.Pagination, sent); err != nil {
		return g, err
	}
	rules := c.sr.spec.Pagination.Token
	token := g.req.Follow && c.sr.spec.Pagination.Rules.Type != engine.Offset && c.sr.spec.Pagination.Rules.Type != engine.PageNumber
	var notAfter time.Time
	if token && rules.TTL > 0 && !st.TokenAt.IsZero() {
		notAfter = c.sr.tokenEnds(&st)
	}
	g.page = pages.Get().(*page.Page)
	g.answer, err = c.sr.do(ctx, d, sc, call{chain: c.key, rd: c.sr.reader, page: g.page, oneUse: token && rules.OneUse, notAfter: notAfter, tries: &g.tries})
	if g.answer != nil {
		sc.answer = newAnswerValues(d.method, g.answer, nil)
		if g.answer.Class == spec.ClassOK && g.answer.Status != 204 && err == nil {
			sc.answer.body, sc.answer.page = g.page.Body, g.page
		} else {
			sc.answer.body = jsonOf(g.answer.Body, g.answer.Header.Get("Content-Type"), c.sr.spec.Records.Format)
		}
		sc.answer.records = recordsOf(g.page)
		g.view = &view{rd: c.sr.reader, page: g.page, scope: sc}
	}
	return g, err
}

// call is how a request is sent.
type call struct {
	chain    string
	rd       *reader
	page     *page.Page
	oneUse   bool
	notAfter time.Time
	bound    time.Time // no wait goes beyond, zero: none
	details  bool      // it asks for details
	farewell bool      // not held up by a pause
	tries    *int64
}

// do sends a draft through the stream's client.
func (sr *streamRun) do(ctx context.Context, d *draft, sc *scope, k call) (*transport.Answer, error) {
	body, contentType := d.bytes()
	if contentType != "" && d.header.Get("Content-Type") == "" {
		d.header.Set("Content-Type", contentType)
	}
	format := sr.spec.Records.Format
	if d.header.Get("Accept") == "" {
		d.header.Set("Accept", accepts[format])
	}
	ctx = with(ctx, &exchange{scope: sc, rd: k.rd, page: k.page, format: format, method: d.method, details: k.details})
	deadline := sr.deadline
	if !k.bound.IsZero() && (deadline.IsZero() || k.bound.Before(deadline)) {
		deadline = k.bound
	}
	stop := sr.job.Stop
	if k.farewell || k.details { // the page is in flight
		stop = nil
	}
	answer, err := sr.client.Do(ctx, &transport.Request{
		Method: d.method, URL: d.url(), Header: d.header, Body: body,
		Chain: sr.spec.Name + " " + k.chain, OneUse: k.oneUse, NotAfter: k.notAfter, Deadline: deadline, Farewell: k.farewell, Stop: stop,
	})
	if errors.Is(err, transport.ErrStopped) {
		err = errStopped
	}
	var attempts []transport.Attempt
	var te *transport.Error
	var cut *transport.Cut
	if answer != nil {
		attempts = answer.Attempts
	} else if errors.As(err, &te) {
		attempts = te.Attempts
	} else if errors.As(err, &cut) {
		attempts = cut.Attempts
	}
	sr.stats.requests(len(attempts))
	if k.tries != nil {
		*k.tries += int64(len(attempts))
	}
	if answer != nil && !answer.Date.IsZero() {
		sr.clocks(apartBy(answer.Skew))
	}
	return answer, err
}

var accepts = map[string]string{
	"": "application/json", "json": "application/json", "ndjson": "application/x-ndjson, application/json",
	"csv": "text/csv, */*;q=0.5", "xml": "application/xml, text/xml;q=0.9, */*;q=0.5",
}

// measure gathers what the engine needs to know of a page.
func (c *chain) measure(ctx context.Context, g *got) (engine.Page, error) {
	pg := &c.sr.spec.Pagination
	p := engine.Page{Seen: c.positions.has}
	switch {
	case g.answer.Class == spec.ClassEnd:
		p.Class = engine.PageEnd
		return p, nil
	case g.answer.Status == 204:
		p.Class = engine.PageNone
		return p, nil
	}
	if c.sr.recordsHook() {
		if err := c.hookRecords(ctx, g); err != nil {
			return p, err
		}
	}
	p.Records, p.New, p.Print = len(g.page.Records), len(g.page.Records), g.page.Fingerprint
	if pg.Rules.Type == engine.Link {
		p.URL = text(g.keys.hide(quote(g.answer.URL.String())))
	}
	var err error
	if p.Next, p.BadNext, err = c.token(ctx, g, pg.Next); err != nil {
		return p, err
	}
	for _, w := range []struct {
		to   *[]byte
		from *spec.Pick
	}{{(*[]byte)(&p.Total), pg.Total}, {(*[]byte)(&p.Remaining), pg.Remaining}, {(*[]byte)(&p.TotalPages), pg.TotalPages}} {
		v, err := g.view.pick(ctx, w.from, present)
		if err != nil {
			return p, err
		}
		*w.to = v
	}
	if p.More, err = g.view.flag(ctx, pg.More); err != nil {
		return p, err
	}
	if p.Done, err = g.view.flag(ctx, pg.Done); err != nil {
		return p, err
	}
	for _, f := range pg.Fallback {
		v, err := g.view.pick(ctx, f.Next, pg.Rules.Present)
		if err != nil {
			return p, err
		}
		p.Backups = append(p.Backups, clone(v))
	}
	if c.sr.hooked(c.sr.spec, "next") {
		p.Hook, err = c.callNext(ctx, g)
	}
	return p, err
}

// token finds the next position; bad says why what was found is none.
func (c *chain) token(ctx context.Context, g *got, from *spec.Pick) (next []byte, bad string, err error) {
	pg := &c.sr.spec.Pagination
	v, err := g.view.pick(ctx, from, pg.Rules.Present)
	if err != nil || !pg.Rules.Present(v) {
		return clone(v), "", err
	}
	if v, bad = c.carry(g, v); bad != "" {
		return nil, bad, nil
	}
	if re := c.sr.match; re != nil && !re.MatchString(text(v)) {
		return nil, "the token " + shown(v) + " does not match " + re.String(), nil
	}
	return clone(g.keys.hide(v)), "", nil
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte(nil), b...)
}

func compileMatch(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	return regexp.Compile(pattern)
}

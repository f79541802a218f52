package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/script"
)

// scriptError gives an exception its code; the message is the author's place and what happened.
func scriptError(err error) error {
	var detail interface{ Detail() string }
	if errors.As(err, &detail) {
		return &Error{Code: CodeScript, Msg: detail.Detail(), Err: err}
	}
	return &Error{Code: CodeScript, Err: err}
}

// function is the hook function that plays a role for the stream, "" when none does.
func (b *bound) function(st *spec.Stream, role string) string {
	name := role
	if given, ok := st.Functions[role]; ok {
		name = given
	}
	if name == "" || b.program == nil || !b.program.Has(name) {
		return ""
	}
	return name
}

func (b *bound) hooked(st *spec.Stream, role string) bool { return b.function(st, role) != "" }

// bare is an Env without names: the clock, and the seed of the call's random numbers, which in a run
// with a seed differ from page to page and are the same in every replay.
func (s *scope) bare() *script.Env {
	e := &script.Env{Now: s.job.now(), Seed: s.job.job.Seed}
	if e.Seed != 0 && s.page != nil {
		e.Seed = identity(e.Seed, []byte(fmt.Sprintf("%s %d", s.partition, s.page.Index)))
	}
	return e
}

// scriptBody is the body with the extents of its records, so that look-ups pass over them.
func (a *answerValues) scriptBody() script.Value {
	if a.page == nil || a.body == nil {
		return script.JSON(a.body)
	}
	return script.JSONSpans(a.body, a.page.Spans())
}

// env is the scope as JavaScript sees it.
func (s *scope) env() *script.Env {
	e := s.bare()
	e.Set("config", script.JSON(s.config.object))
	e.Set("watermark", script.JSON(s.watermark))
	e.Set("partition", script.JSON(s.partition))
	e.Set("window", script.JSON(s.whole("window")))
	e.Set("page", script.JSON(s.whole("page")))
	e.Set("session", script.JSON(s.whole("session")))
	e.Set("ids", script.JSON(s.ids))
	e.Set("memo", script.JSON(s.memo))
	e.Set("now", script.JSON(s.now()))
	e.Set("run", script.Object(script.Field{Name: "id", Value: script.Text(s.run)}))
	e.Set("token", script.JSON(s.token))
	if s.record != nil {
		e.Set("record", script.JSON(s.record))
	}
	if a := s.answer; a != nil {
		e.Set("status", script.Int(int64(a.status)))
		e.Set("headers", script.Header(a.header))
		e.Set("body", a.scriptBody())
		e.Set("link", script.Links(a.scriptLinks()))
		e.Set("request", script.RequestInfo(a.method, a.url, a.query()))
		r := a.records
		if r == nil {
			r = &recordValues{}
		}
		e.Set("records", script.RecordsInfo(int64(r.count), r.first, r.last))
	}
	return e
}

func (a *answerValues) scriptLinks() []script.Link {
	links := make([]script.Link, 0, len(a.links))
	for _, l := range a.links {
		for _, rel := range l.Rels {
			sl := script.Link{Rel: rel, URL: absolute(a.url, l.URL)}
			for _, at := range l.Params {
				sl.Attrs = append(sl.Attrs, script.Attr{Name: at.Name, Value: at.Value})
			}
			links = append(links, sl)
		}
	}
	return links
}

// pageValue is the argument of the hook's functions that see a page (format, section 10).
func (s *scope) pageValue(p *page.Page) script.Value {
	a := s.answer
	sp := script.Page{
		Status: a.status, Headers: a.header, Body: a.text, JSON: a.body != nil, Links: a.scriptLinks(),
		Method: a.method, URL: a.url, Query: a.query(), Token: s.pageToken(), Received: s.received,
		Config: s.config.object, Partition: s.partition, Window: s.whole("window"), Watermark: s.watermark, Memo: s.memo,
	}
	if a.body != nil {
		sp.Body = a.body
	}
	if s.page != nil {
		sp.Index = s.page.Index
	}
	if r := a.records; r != nil {
		sp.Count, sp.First, sp.Last = int64(r.count), r.first, r.last
	}
	if p != nil {
		sp.Spans = p.Spans()
	}
	return sp.Value()
}

// context is the second argument of request, sign and record, of the attempt that is made or has brought
// the record.
func (s *scope) context(attempt int) script.Value {
	c := script.Context{
		Config: s.config.object, Partition: s.partition, Window: s.whole("window"), Watermark: s.watermark, Token: s.pageToken(),
		Memo: s.memo, Now: script.JSON(s.now()), RunID: s.run, Attempt: attempt,
	}
	if s.session != nil {
		c.SessionID, c.Session = s.session.ID, s.session.Body
	}
	if s.page != nil {
		c.Index = s.page.Index
	}
	return c.Value()
}

// callNext asks the hook where the chain goes on; nil leaves it to the YAML.
func (c *chain) callNext(ctx context.Context, g *got) (*engine.HookSays, error) {
	sc := *g.view.scope
	sc.received += int64(len(g.page.Records)) // the page is a part of its chain when it is judged
	r, err := c.sr.program.Call(ctx, c.sr.function(c.sr.spec, "next"), sc.bare(), sc.pageValue(g.page))
	if err != nil {
		return nil, scriptError(err)
	}
	n, err := script.DecodeNext(r)
	if err != nil {
		return nil, &Error{Code: CodeHook, Err: err}
	}
	says := &engine.HookSays{}
	if n.HasToken {
		says.Token = clone(n.Token)
		if says.Token == nil {
			says.Token = json.RawMessage("null")
		}
	}
	if n.End != nil {
		says.Ends, says.End = true, *n.End
	}
	if n.Fail != nil {
		says.Fail = orElse(*n.Fail, "the hook says that the page contradicts itself")
	}
	if n.HasMemo {
		says.Memo = clone(n.Memo)
	}
	c.wait = n.Wait
	if pg := &c.sr.spec.Pagination; says.Token != nil && pg.Rules.Present(says.Token) {
		v, bad := c.carry(g, says.Token)
		if bad != "" {
			return nil, &Error{Code: CodeHook, Err: script.Wrong("next", r, fmt.Sprintf("{token: %s}", n.Token), "want a token that requests can carry: "+bad)}
		}
		says.Token = g.keys.hide(v)
	}
	c.sr.hideToken(says.Token)
	if pg := &c.sr.spec.Pagination; says.Token != nil && pg.Rules.Type.Counts() && pg.Rules.Present(says.Token) {
		whole, ok := engine.Whole(says.Token)
		if !ok {
			return nil, &Error{Code: CodeHook, Err: script.Wrong("next", r, fmt.Sprintf("{token: %s}", n.Token), "want "+wholePosition(pg.Rules.Type))}
		}
		says.Token = whole
	}
	return says, nil
}

// wholePosition says what a position of a pattern that counts is.
func wholePosition(t engine.Type) string {
	if t == engine.PageNumber {
		return "the number of a page, a whole number from 0 on, where pagination is by `page`"
	}
	return "a whole number from 0 on, where pagination is by `offset`"
}

// callClassify asks the hook what an answer is; ok is false when it leaves it to the defaults.
func (b *bound) callClassify(ctx context.Context, st *spec.Stream, v *view) (class spec.Class, ok bool, err error) {
	r, err := b.program.Call(ctx, b.function(st, "classify"), v.scope.bare(), v.scope.pageValue(nil))
	if err != nil {
		return "", false, scriptError(err)
	}
	name, err := script.DecodeClass(r)
	if err != nil {
		return "", false, &Error{Code: CodeHook, Err: err}
	}
	return spec.Class(name), name != "", nil
}

// hookRecord runs the hook's record() over records: each becomes one, several or none.
func (c *chain) hookRecord(ctx context.Context, g *got, k *kept) error {
	results, err := c.sr.program.CallEach(ctx, c.sr.function(c.sr.spec, "record"), g.view.scope.bare(), k.records, g.view.scope.context(len(g.answer.Attempts)))
	if err != nil {
		return scriptError(err)
	}
	records, of := make([][]byte, 0, len(results)), make([]int, 0, len(results))
	for i, r := range results {
		list, err := script.DecodeRecord(r, k.records[i])
		if err != nil {
			return &Error{Code: CodeHook, Err: err}
		}
		for _, rec := range list {
			records, of = append(records, rec), append(of, k.of[i])
		}
	}
	k.records, k.of, k.touched = records, of, true
	return nil
}

// hookRecords lets the hook's records() find the page's records: what comes after it, witnesses and
// references too, sees them as the page's own.
func (c *chain) hookRecords(ctx context.Context, g *got) error {
	r, err := c.sr.program.Call(ctx, c.sr.function(c.sr.spec, "records"), g.view.scope.bare(), g.view.scope.pageValue(g.page))
	if err != nil {
		return scriptError(err)
	}
	list, err := script.DecodeRecords(r)
	if err != nil {
		return &Error{Code: CodeHook, Err: err}
	}
	if err := c.sr.reader.plan.Replace(joinIDs(raws(list)), g.page); err != nil {
		return codeError(CodeHook, "%s: records(): %w", c.sr.connector.Hook.File, err)
	}
	g.view.scope.answer.records = recordsOf(g.page)
	return nil
}

func raws(list [][]byte) []json.RawMessage {
	out := make([]json.RawMessage, len(list))
	for i, b := range list {
		out[i] = b
	}
	return out
}

package demo

import (
	"fmt"
	"net/http"
)

const groupToken = "Tokens"

var cursorEndpoints = []endpoint{
	{Path: "/cursor", Group: groupToken, Example: "/cursor?limit=50",
		Doc: "next_cursor is sent back as cursor (query or JSON body). token=string|number|object|array says what it is, end=absent|null|empty|zero what stands at the end, ttl=2s and one_use=1 how long it lives, refuse=410|400|404|200 how a dead one is refused, renew=1 puts a fresh one into the refusal. Object tokens may come back as parameters after_key, after_id, hint, salt.", serve: (*call).cursor},
	{Method: "GET", Path: "/header-cursor", Group: groupToken, Example: "-i /header-cursor?limit=50",
		Doc: "a bare array; the token is in the header X-Next-Cursor", serve: (*call).headerCursor},
	{Method: "GET", Path: "/slack/list", Group: groupToken, Example: "/slack/list?limit=50",
		Doc: "ok, messages, has_more, response_metadata.next_cursor (\"\" at the end); try fault=okfalse:ratelimited@3", serve: (*call).slack},
	{Method: "GET", Path: "/api/v1/indicators", Group: groupToken, Example: "/api/v1/indicators?limit=50",
		Doc: "Kubernetes style: items, metadata.continue, metadata.remainingItemCount; an expired token (ttl=2s, fault=expire:410@3) is answered 410 with a fresh token in metadata.continue", serve: (*call).kubernetes},
}

// paged reads order, limit and token, and finds the page behind the token.
func (c *call) paged(token, limitName, byDefault string) (*page, bool) {
	o, limit, err := c.sorted(byDefault, limitName)
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return nil, false
	}
	from, ok := c.take(token, o)
	if !ok {
		return nil, false
	}
	return c.list(listing{order: o, limit: limit, locate: func(v []*record) int { return o.after(v, from.key, from.id) }})
}

func (c *call) cursor() {
	p, ok := c.paged("cursor", "limit", "id")
	if !ok {
		return
	}
	c.reply(http.StatusOK, object{
		{"items", p.recs}, {"next_cursor", c.next(p, "")}, {"has_more", c.more(p)}, {"done", c.done(p)},
		{"total", c.total(p)}, {"remaining", c.left(p)},
	})
}

func (c *call) headerCursor() {
	p, ok := c.paged("cursor", "limit", "id")
	if !ok {
		return
	}
	c.nextHeader("X-Next-Cursor", p)
	c.reply(http.StatusOK, p.recs)
}

// nextHeader puts p's token into a header.
func (c *call) nextHeader(name string, p *page) {
	switch v := c.next(p, "").(type) {
	case absent, nil:
	default:
		c.w.Header().Set(name, text(appendJSON(nil, v)))
	}
}

func (c *call) slack() {
	p, ok := c.paged("cursor", "limit", "-created")
	if !ok {
		return
	}
	c.reply(http.StatusOK, object{
		{"ok", true}, {"messages", p.recs}, {"has_more", c.more(p)},
		{"response_metadata", object{{"next_cursor", c.next(p, "empty")}}},
	})
}

func (c *call) kubernetes() {
	c.params.Set("renew", "1")
	p, ok := c.paged("continue", "limit", "id")
	if !ok {
		return
	}
	var left any = absent{}
	if !p.last() {
		left = c.left(p)
	}
	c.set.mu.Lock()
	version := fmt.Sprint(c.set.update)
	c.set.mu.Unlock()
	c.reply(http.StatusOK, object{
		{"kind", "IndicatorList"}, {"apiVersion", "v1"},
		{"metadata", object{{"resourceVersion", version}, {"continue", c.next(p, "")}, {"remainingItemCount", left}}},
		{"items", p.recs},
	})
}

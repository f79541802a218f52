package demo

import (
	"fmt"
	"net/http"
	"strconv"
)

const groupToken = "Tokens"

var cursorEndpoints = []endpoint{
	{Path: "/cursor", Group: groupToken, Example: "/cursor?limit=50",
		Doc: "next_cursor is sent back as cursor (query or JSON body). token=string|number|object|array says what it is, end=absent|null|empty|zero what stands at the end, ttl=2s and one_use=1 how long it lives, refuse=410|400|404|200 how a dead one is refused, renew=1 puts a fresh one into the refusal. Object tokens may come back as parameters after_key, after_id, hint, salt. A client that has lost its token may say offset, after_id or, with sort=updated, since instead.", serve: (*call).cursor},
	{Method: "GET", Path: "/header-cursor", Group: groupToken, Example: "-i /header-cursor?limit=50",
		Doc: "a bare array; the token is in the header X-Next-Cursor", serve: (*call).headerCursor},
	{Method: "GET", Path: "/slack/list", Group: groupToken, Example: "/slack/list?limit=50",
		Doc: "ok, messages, has_more, response_metadata.next_cursor (\"\" at the end); try fault=okfalse:ratelimited@3", serve: (*call).slack},
	{Method: "GET", Path: "/api/v1/indicators", Group: groupToken, Example: "/api/v1/indicators?limit=50",
		Doc: "Kubernetes style: items, metadata.continue, metadata.remainingItemCount; an expired token (ttl=2s, fault=expire:410@3) is answered 410 with a fresh token in metadata.continue", serve: (*call).kubernetes},
}

// paged reads order, limit and token, and finds the page behind the token. Without a token the page
// may be asked for by other means, which clients need that have lost one: offset, after_id (behind
// the record of that id) or since (later than that time, in an order by created or updated).
func (c *call) paged(token, limitName, byDefault string) (*page, bool) {
	o, limit, err := c.sorted(byDefault, limitName)
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return nil, false
	}
	l := listing{order: o, limit: limit}
	if c.param(token) == "" && c.params.Get("after_key") == "" {
		l.locate, err = c.otherwise(o)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return nil, false
	}
	if l.locate == nil {
		from, ok := c.take(token, o)
		if !ok {
			return nil, false
		}
		l.locate = func(v []*record) int { return o.after(v, from.key, from.id) }
	}
	return c.list(l)
}

// otherwise locates a page without a token, nil when nothing says where.
func (c *call) otherwise(o order) (func([]*record) int, error) {
	if c.param("offset") != "" {
		from := 0
		err := c.integer("offset", &from, 0, 1<<40)
		return at(from), err
	}
	if v := c.param("after_id"); v != "" {
		id, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("after_id: %q is not an id", v)
		}
		r := c.set.byID(id)
		if r == nil {
			return nil, fmt.Errorf("after_id: there is no record %d", id)
		}
		return func(view []*record) int { return o.after(view, o.key(r), r.id) }, nil
	}
	since, ok, err := c.moment("since")
	if err != nil || !ok {
		return nil, err
	}
	if o.desc || o.field == "id" || o.field == "update_id" {
		return nil, fmt.Errorf("since needs sort=updated or sort=created")
	}
	return func(view []*record) int { return o.since(view, since, c.param("inclusive") != "") }, nil
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

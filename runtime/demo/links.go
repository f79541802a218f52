package demo

import (
	"fmt"
	"net/http"
	"strings"
)

const groupLink = "Links"

var linkEndpoints = []endpoint{
	{Method: "GET", Path: "/link-body", Group: groupLink, Example: "/link-body?limit=50",
		Doc: "count, next and previous URLs, results. url=absolute|path|query|relative says how the URL is written, end=null|absent|empty what stands at the end", serve: (*call).linkBody},
	{Method: "GET", Path: "/link-header", Group: groupLink, Example: "-i /link-header?per_page=50",
		Doc: "a bare array with a Link header: first, prev, next, in one line with quoted attributes; link=lines for one header line each, link=sentry for a next that is always there with results=\"true\" or \"false\"; url as above", serve: (*call).linkHeader},
}

func (c *call) linkBody() {
	o, limit, from, err := c.positioned()
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: o, limit: limit, locate: at(from)})
	if !ok {
		return
	}
	turn := func(i int) map[string]any { return map[string]any{"offset": i, "limit": p.limit} }
	var previous any
	if p.start > 0 {
		previous = c.link(turn(max(p.start-p.limit, 0)))
	}
	c.reply(http.StatusOK, object{
		{"count", c.total(p)}, {"next", c.onward(p, "null", turn)}, {"previous", previous}, {"results", p.recs},
	})
}

func (c *call) linkHeader() {
	p, ok := c.paged("after", "per_page", "id")
	if !ok {
		return
	}
	turn := func(i int) map[string]any {
		return map[string]any{"after": text(c.issue(placeAt(p.order, p.view, i), p.order))}
	}
	style := c.param("link")
	end := ""
	if style == "sentry" {
		end = "always"
	}
	links := []string{fmt.Sprintf(`<%s>; rel="first"; title="page 1, the start; \"newest\""`, c.link(map[string]any{"after": nil}))}
	if p.start > 0 {
		links = append(links, fmt.Sprintf(`<%s>; rel=prev`, c.link(turn(max(p.start-p.limit, 0)))))
	}
	if next, ok := c.onward(p, end, turn).(string); ok && next != "" {
		attr := ""
		if style == "sentry" {
			attr = fmt.Sprintf(`; results="%v"; cursor="0:%d:0"`, c.more(p), p.end)
		}
		links = append(links, fmt.Sprintf(`<%s>; title="older, more"; rel="next"%s`, next, attr))
	}
	if style == "lines" {
		for _, l := range links {
			c.w.Header().Add("Link", l)
		}
	} else {
		c.w.Header().Set("Link", strings.Join(links, ", "))
	}
	c.reply(http.StatusOK, p.recs)
}

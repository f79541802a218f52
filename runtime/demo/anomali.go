package demo

import (
	"net/http"
	"strconv"
)

var anomaliEndpoints = []endpoint{
	{Method: "GET", Path: "/api/v2/intelligence/{$}", Group: groupThreat, Example: "/api/v2/intelligence/?order_by=update_id&limit=50&update_id__gt=0",
		Doc: "Anomali style, by update_id: objects, meta.next (a relative URL that carries style=search_after|update_id__gt|from_update_id, or none), meta.total_count, which shrinks from page to page. modified_ts__gt filters by updated.", serve: (*call).anomali},
}

func (c *call) anomali() {
	o := order{field: "update_id"}
	limit, err := c.limit("limit", 20)
	from := 0
	for _, name := range []string{"from_update_id", "update_id__gt", "search_after"} {
		if err == nil {
			err = c.integer(name, &from, 0, 1<<62)
		}
	}
	modified := int64(0)
	if err == nil {
		modified, _, err = c.moment("modified_ts__gt")
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	if from > 0 {
		c.sent = strconv.Itoa(from)
	}
	p, ok := c.list(listing{order: o, limit: limit,
		keep:   func(r *record) bool { return r.updated > modified },
		locate: func(v []*record) int { return o.after(v, int64(from), 1<<62) },
	})
	if !ok {
		return
	}
	style := c.param("style")
	if style == "" {
		style = "update_id__gt"
	}
	c.params.Set("url", "path")
	var next any
	if style != "none" {
		next = c.onward(p, "null", func(i int) map[string]any {
			out := map[string]any{"update_id__gt": nil, "search_after": nil, "from_update_id": nil}
			out[style] = placeAt(o, p.view, i).key
			return out
		})
	}
	left := len(p.view) - p.start
	c.reply(http.StatusOK, object{
		{"objects", p.recs},
		{"meta", object{{"limit", p.limit}, {"next", next}, {"offset", 0}, {"took", 1}, {"total_count", c.count("total", left, left)}}},
	})
}

package demo

import (
	"fmt"
	"net/http"
)

var windowEndpoints = []endpoint{
	{Method: "GET", Path: "/window", Group: groupParents, Example: "/window?from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:00Z&limit=50",
		Doc: "records whose created (field=updated: updated) is between from and to, both required; end=exclusive (default) or inclusive; times as RFC 3339 or seconds or milliseconds since 1970. offset and limit, items, total; most=500 refuses offset + limit beyond it, max_span=120d longer windows, both with 400.", serve: (*call).window},
}

func (c *call) window() {
	from, a, err := c.moment("from")
	var to int64
	var b bool
	if err == nil {
		to, b, err = c.moment("to")
	}
	if err == nil && (!a || !b) {
		err = fmt.Errorf("from and to are required")
	}
	field := c.param("field")
	if field == "" {
		field = "created"
	}
	o, ok := parseOrder(field)
	if err == nil && !ok {
		err = fmt.Errorf("field: %q is none of created, updated", field)
	}
	if span, bad := c.duration("max_span"); err == nil {
		if err = bad; err == nil && span > 0 && to-from > span.Microseconds() {
			err = fmt.Errorf("the window is longer than %s", c.param("max_span"))
		}
	}
	limit, offset, most := 0, 0, 0
	if err == nil {
		limit, err = c.limit("limit", 100)
	}
	if err == nil {
		err = c.integer("offset", &offset, 0, 1<<40)
	}
	if err == nil {
		err = c.integer("most", &most, 0, 1<<40)
	}
	if err == nil && most > 0 && offset+limit > most {
		err = fmt.Errorf("offset + limit must not exceed %d", most)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	inclusive := c.param("end") == "inclusive"
	p, ok := c.list(listing{order: o, limit: limit, locate: at(offset),
		keep: func(r *record) bool {
			k := o.key(r)
			return k >= from && (k < to || inclusive && k == to)
		}})
	if ok {
		c.reply(http.StatusOK, object{{"items", p.recs}, {"total", c.total(p)}, {"offset", offset}})
	}
}

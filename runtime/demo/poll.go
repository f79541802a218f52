package demo

import (
	"fmt"
	"net/http"
	"strconv"
)

var pollEndpoints = []endpoint{
	{Method: "GET", Path: "/api/v1/logs", Group: groupLink, Example: "-i '/api/v1/logs?since=2026-01-01T00:00:00Z&limit=50'",
		Doc: "Okta style: a bare array, oldest first, with a next link that never disappears; the end is the empty page, and its link waits for new records. X-Total-Count counts what the walk began with. plain=1 leaves the walk's beginning out of the links, so that an empty page links to itself.", serve: (*call).poll},
}

func (c *call) poll() {
	o := order{field: "created"}
	limit, err := c.limit("limit", 100)
	var since int64
	if err == nil {
		since, _, err = c.moment("since")
	}
	var after, began int
	if err == nil {
		err = c.integer("after", &after, 0, 1<<62)
	}
	if err == nil {
		err = c.integer("walk", &began, 0, 1<<62)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	// after and walk are ids: creation order is id order.
	p, ok := c.list(listing{order: o, limit: limit,
		keep:   func(r *record) bool { return r.created >= since && r.id > int64(began) },
		locate: func(v []*record) int { return countThrough(v, int64(after)) },
	})
	if !ok {
		return
	}
	here := c.link(nil)
	c.w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="self"`, here))
	turn := func(i int) map[string]any {
		id := int64(after)
		if i > 0 {
			id = p.view[i-1].id
		}
		out := map[string]any{"after": id}
		switch {
		case c.param("plain") != "":
		case len(p.recs) == 0 && !p.empty: // caught up: the next walk begins here
			out["walk"] = id
		default:
			out["walk"] = strconv.Itoa(began)
		}
		return out
	}
	if next, ok := c.onward(p, "always", turn).(string); ok && next != "" {
		c.w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="next"`, next))
	}
	c.reply(http.StatusOK, p.recs)
}

// countThrough is the index of the first record with an id above id, in a view by id or created.
func countThrough(v []*record, id int64) int {
	return order{field: "id"}.after(v, id, id)
}

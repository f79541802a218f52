package demo

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

const groupKeyset = "Last record and time"

var keysetEndpoints = []endpoint{
	{Method: "GET", Path: "/last-id", Group: groupKeyset, Example: "/last-id?limit=50",
		Doc: "Stripe style, newest first (sort=id for oldest first): starting_after is the id of the last record; data, has_more. A deleted id is answered 404 resource_missing.", serve: (*call).lastID},
	{Method: "GET", Path: "/since", Group: groupKeyset, Example: "/since?since=2026-01-05T00:00:00Z&limit=50",
		Doc: "records whose updated (sort=created: created) is later than since, or as late with inclusive=1, oldest first; items, more, last, total (of the whole listing), remaining. ties=10 gives so many records one timestamp.", serve: (*call).since},
}

// byID finds a live record.
func (s *set) byID(id int64) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := slices.BinarySearchFunc(s.recs, id, func(r *record, id int64) int { return cmp.Compare(r.id, id) })
	if !ok {
		return nil
	}
	return s.recs[i]
}

func (c *call) lastID() {
	o, limit, err := c.sorted("-id", "limit")
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	from := placeAt(o, nil, 0)
	if v := c.param("starting_after"); v != "" {
		id, err := strconv.ParseInt(v, 10, 64)
		var r *record
		if err == nil {
			r = c.set.byID(id)
		}
		if r == nil {
			c.reply(http.StatusNotFound, object{{"error", object{{"type", "invalid_request_error"}, {"code", "resource_missing"},
				{"message", "No such indicator: " + v}, {"param", "starting_after"}}}})
			return
		}
		from = place{key: o.key(r), id: r.id}
		c.sent = v
	}
	p, ok := c.list(listing{order: o, limit: limit, locate: func(v []*record) int { return o.after(v, from.key, from.id) }})
	if ok {
		c.reply(http.StatusOK, object{{"object", "list"}, {"data", p.recs}, {"has_more", c.more(p)}, {"url", "/last-id"}})
	}
}

func (c *call) since() {
	o, limit, err := c.sorted("updated", "limit")
	var from int64
	var given bool
	if err == nil {
		from, given, err = c.moment("since")
	}
	if err == nil && (o.desc || o.field == "id" || o.field == "update_id") {
		err = fmt.Errorf("sort: only created or updated, ascending")
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: o, limit: limit, locate: func(v []*record) int {
		if !given {
			return 0
		}
		return o.since(v, from, c.param("inclusive") != "")
	}})
	if !ok {
		return
	}
	var last any
	if len(p.recs) > 0 {
		last = stamp(o.key(p.recs[len(p.recs)-1]))
	}
	c.reply(http.StatusOK, object{
		{"items", p.recs}, {"more", c.more(p)}, {"last", last}, {"total", c.total(p)}, {"remaining", c.left(p)},
	})
}

// since is the index of the first record of view later than micros, or as late when inclusive.
func (o order) since(view []*record, micros int64, inclusive bool) int {
	if inclusive {
		return o.after(view, micros, -1)
	}
	return o.after(view, micros, 1<<62)
}

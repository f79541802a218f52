package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const groupElastic = "Search with a point in time"

var elasticEndpoints = []endpoint{
	{Method: "POST", Path: "/indicators/_pit", Group: groupElastic, Example: "-X POST '/indicators/_pit?keep_alive=1m'",
		Doc: "opens a point in time, a snapshot: {\"id\"}. It dies keep_alive after its last use.", serve: (*call).openPIT},
	{Method: "DELETE", Path: "/_pit", Group: groupElastic, Example: `-X DELETE -H 'Content-Type: application/json' -d '{"id":"pit-000001"}' /_pit`,
		Doc: "closes it", serve: (*call).closePIT},
	{Method: "POST", Path: "/_search", Group: groupElastic, Example: `-H 'Content-Type: application/json' -d '{"size":50,"sort":[{"updated":"asc"},{"id":"asc"}]}' /_search`,
		Doc: "Elasticsearch style: size, sort, search_after, pit.id, from (from + size up to 10000); hits.hits[].sort is sent back as search_after; pit_id comes back (rotate=1: a new one each time, the old one dies); a dead one is answered 404 search_context_missing_exception. total:atleast says \"gte\".", serve: (*call).search},
	{Method: "POST", Path: "/indicators/_search", Group: groupElastic, Example: `-H 'Content-Type: application/json' -d '{"size":50}' /indicators/_search`,
		Doc: "the same on the live index", serve: (*call).search},
}

func (c *call) openPIT() {
	alive := time.Minute
	if v, err := c.duration("keep_alive"); err != nil || v > 0 {
		if err != nil {
			c.problem(http.StatusBadRequest, err.Error())
			return
		}
		alive = v
	}
	if !c.gate(c.number, false) {
		return
	}
	id, _ := c.open("pit", alive)
	c.reply(http.StatusOK, object{{"id", id}, {"_shards", shards}})
}

var shards = object{{"total", 1}, {"successful", 1}, {"skipped", 0}, {"failed", 0}}

func (c *call) closePIT() {
	if !c.gate(c.number, false) {
		return
	}
	ok := c.world.shut(c.param("id"))
	status := http.StatusOK
	if !ok {
		status = http.StatusNotFound
	}
	c.reply(status, object{{"succeeded", ok}, {"num_freed", map[bool]int{true: 1}[ok]}})
}

func (c *call) search() {
	o, err := c.elasticOrder()
	size, from := 10, 0
	if err == nil {
		err = c.integer("size", &size, 0, 10000)
	}
	if err == nil {
		err = c.integer("from", &from, 0, 1<<40)
	}
	if err == nil && from+size > 10000 {
		err = fmt.Errorf("result window is too large, from + size must be less than or equal to: [10000] but was [%d]", from+size)
	}
	var pit struct{ ID string }
	if raw, ok := c.body["pit"]; ok && err == nil {
		err = json.Unmarshal(raw, &pit)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	size = min(max(size, 1), c.api.opt.PageMax)
	l := listing{order: o, limit: size, locate: at(from)}
	var s *session
	missing := func() {
		c.reply(http.StatusNotFound, object{{"error", object{{"root_cause", []object{{{"type", "search_context_missing_exception"},
			{"reason", "No search context found for id [" + pit.ID + "]"}}}}, {"type", "search_phase_execution_exception"}}}, {"status", 404}})
	}
	if pit.ID != "" {
		if s = c.world.find("pit", pit.ID); s == nil {
			missing()
			return
		}
		l.stay = true
		l.source = func() []*record { return s.in(c.world, o) }
		c.lose = func() { c.world.shut(pit.ID); missing() }
	}
	if raw, ok := c.body["search_after"]; ok && string(raw) != "null" {
		var v []json.Number
		if json.Unmarshal(raw, &v) != nil || len(v) != 2 {
			c.problem(http.StatusBadRequest, "search_after has 2 values, as sort has")
			return
		}
		p, err := placeOf(v[0].String(), v[1].String(), "", hint)
		if err != nil {
			c.problem(http.StatusBadRequest, err.Error())
			return
		}
		l.locate = func(view []*record) int { return o.after(view, p.key, p.id) }
	}
	p, ok := c.list(l)
	if !ok {
		return
	}
	hits := make([]object, len(p.recs))
	for i, r := range p.recs {
		hits[i] = object{{"_index", "indicators"}, {"_id", r.uid}, {"_score", nil}, {"_source", r.raw}, {"sort", []any{o.key(r), r.id}}}
	}
	relation := "eq"
	if v, _ := c.strikes("total"); v == "atleast" {
		relation = "gte"
	}
	var id any = absent{}
	if s != nil {
		id = pit.ID
		if c.param("rotate") != "" {
			id = c.world.rename(pit.ID, s)
		}
	}
	c.reply(http.StatusOK, object{
		{"took", 1}, {"timed_out", false}, {"pit_id", id}, {"_shards", shards},
		{"hits", object{{"total", object{{"value", c.total(p)}, {"relation", relation}}}, {"max_score", nil}, {"hits", hits}}},
	})
}

// elasticOrder reads sort as Elasticsearch writes it: the first field counts, id breaks ties.
func (c *call) elasticOrder() (order, error) {
	raw, ok := c.body["sort"]
	if !ok {
		return order{field: "updated"}, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return order{}, fmt.Errorf("sort is a list such as [{\"updated\":\"asc\"},{\"id\":\"asc\"}]")
	}
	name, dir := "", "asc"
	var fields map[string]json.RawMessage
	if json.Unmarshal(list[0], &fields) == nil {
		for k, v := range fields {
			name = k
			var long struct{ Order string }
			if json.Unmarshal(v, &long) == nil && long.Order != "" {
				dir = long.Order
			} else {
				dir = text(v)
			}
		}
	} else {
		name = text(list[0])
	}
	o, known := parseOrder(strings.TrimPrefix(name, "_") + "." + dir)
	if !known {
		return o, fmt.Errorf("sort: no mapping found for [%s]", name)
	}
	return o, nil
}

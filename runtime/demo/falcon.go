package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

var falconEndpoints = []endpoint{
	{Method: "GET", Path: "/alerts/queries/alerts/v2", Group: groupThreat, Example: "/alerts/queries/alerts/v2?limit=50&sort=updated|asc",
		Doc: "CrowdStrike style list of ids (the field uid): resources, meta.pagination.{offset,limit,total}. filter=updated:>'2026-01-05T00:00:00Z' (or >=). Offsets over most=10000 are refused with 400.", serve: (*call).alertIDs},
	{Path: "/alerts/entities/alerts/v2", Group: groupThreat, Example: `-H 'Content-Type: application/json' -d '{"composite_ids":["…"]}' /alerts/entities/alerts/v2`,
		Doc: "the records of those ids, up to 1000, in the order of updating, not of the ids: resources, and errors[] with code 404 for unknown ones. GET takes ids=…&ids=…. unknown=404 answers with that status when any id is unknown. Try fault=missing:3", serve: (*call).alertDetails},
	{Method: "GET", Path: "/spotlight/combined/vulnerabilities/v1", Group: groupThreat, Example: "/spotlight/combined/vulnerabilities/v1?limit=50&ttl=120s",
		Doc: "CrowdStrike style token: meta.pagination.{after,limit,total}, after \"\" at the end. A dead token (ttl=2s) is answered 200 with nothing but errors[0].code 404.", serve: (*call).spotlight},
	{Method: "GET", Path: "/devices/queries/devices-scroll/v1", Group: groupThreat, Example: "/devices/queries/devices-scroll/v1?limit=50",
		Doc: "CrowdStrike style scroll of ids: offset is a string token, meta.pagination.{offset,total,expires_at}", serve: (*call).scroll},
}

var fql = regexp.MustCompile(`^(updated|created)(?:_timestamp)?:(>=?)['"]([^'"]+)['"]$`)

func (c *call) falconFilter() (func(*record) bool, error) {
	v := c.param("filter")
	if v == "" {
		return nil, nil
	}
	m := fql.FindStringSubmatch(v)
	if m == nil {
		return nil, fmt.Errorf("filter: %q is not of the form updated:>'2026-01-05T00:00:00Z'", v)
	}
	at, err := parseMoment(m[3])
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	o := order{field: m[1]}
	return func(r *record) bool { return o.key(r) > at || m[2] == ">=" && o.key(r) == at }, nil
}

// falcon puts an answer into the vendor's envelope.
func falcon(pagination object, resources any, errors []object) object {
	return object{
		{"meta", object{{"query_time", 1}, {"pagination", pagination}, {"trace_id", "a215-demo"}}},
		{"errors", errors}, {"resources", resources},
	}
}

func uids(recs []*record) []string {
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = r.uid
	}
	return out
}

func (c *call) alertIDs() {
	o, limit, err := c.sorted("updated", "limit")
	from, most := 0, 10000
	if err == nil {
		err = c.integer("offset", &from, 0, 1<<40)
	}
	if err == nil {
		err = c.integer("most", &most, 1, 1<<40)
	}
	keep, bad := c.falconFilter()
	if err == nil {
		err = bad
	}
	if err == nil && from+limit > most {
		err = fmt.Errorf("limit + offset must not be more than %d", most)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: o, limit: limit, keep: keep, locate: at(from)})
	if ok {
		c.reply(http.StatusOK, falcon(object{{"offset", from}, {"limit", p.limit}, {"total", c.total(p)}}, uids(p.recs), []object{}))
	}
}

func (c *call) alertDetails() {
	ids := c.params["ids"]
	for _, name := range []string{"composite_ids", "ids"} {
		if raw, ok := c.body[name]; ok {
			if err := json.Unmarshal(raw, &ids); err != nil {
				c.problem(http.StatusBadRequest, name+" is not a list of strings")
				return
			}
		}
	}
	if len(ids) == 0 || len(ids) > 1000 {
		c.problem(http.StatusBadRequest, fmt.Sprintf("%d ids; between 1 and 1000 are allowed", len(ids)))
		return
	}
	if !c.gate(c.number, false) {
		return
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var found []*record
	for _, r := range c.set.view(order{field: "updated"}) {
		if wanted[r.uid] {
			found = append(found, r)
			delete(wanted, r.uid)
		}
	}
	errors := []object{}
	for _, id := range ids {
		if wanted[id] {
			errors = append(errors, object{{"code", 404}, {"message", "alert not found"}, {"id", id}})
		}
	}
	if len(errors) > 0 && c.param("unknown") == "404" {
		c.reply(http.StatusNotFound, falcon(object{}, []string{}, errors))
		return
	}
	if v, ok := c.strikes("missing"); ok {
		found = found[min(atoi(v, 1), len(found)):]
	}
	c.world.log.add(&c.world.log.s.Records, len(found))
	c.reply(http.StatusOK, falcon(object{}, found, errors))
}

func (c *call) spotlight() {
	if c.param("refuse") == "" {
		c.params.Set("refuse", "200")
	}
	p, ok := c.paged("after", "limit", "updated")
	if ok {
		c.reply(http.StatusOK, falcon(object{{"after", c.next(p, "empty")}, {"limit", p.limit}, {"total", c.total(p)}}, p.recs, []object{}))
	}
}

func (c *call) scroll() {
	p, ok := c.paged("offset", "limit", "id")
	if !ok {
		return
	}
	expires := c.api.now().Add(120e9).UnixNano()
	c.reply(http.StatusOK, falcon(object{{"offset", c.next(p, "empty")}, {"limit", p.limit}, {"total", c.total(p)},
		{"expires_at", json.RawMessage(strconv.FormatInt(expires, 10))}}, uids(p.recs), []object{}))
}

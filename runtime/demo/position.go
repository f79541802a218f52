package demo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const groupPosition = "Positions"

var positionEndpoints = []endpoint{
	{Path: "/all", Group: groupPosition, Example: "/all?records=50",
		Doc: "everything in one answer, a bare array", serve: (*call).all},
	{Path: "/offset", Group: groupPosition, Example: "/offset?offset=100&limit=50",
		Doc: "offset and limit; items, total, remaining, has_more, done. Positions may come in the query or in a JSON body.", serve: (*call).offset},
	{Path: "/page", Group: groupPosition, Example: "/page?page=2&per_page=50",
		Doc: "page (from 1, or from 0 with first_page=0) and per_page; items, total, total_pages, last", serve: (*call).numbered},
	{Method: "GET", Path: "/range", Group: groupPosition, Example: "-H 'Range: 0-49' /range",
		Doc: "PostgREST style: request header Range: from-to (Range-Unit: items), or offset and limit; 200 or 206 with Content-Range: from-to/total (total * without count=exact); 416 behind the end", serve: (*call).ranged},
}

func (c *call) all() {
	o, err := c.order("id")
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: o, limit: maxRecords, locate: at(0)})
	if ok {
		c.reply(http.StatusOK, p.recs)
	}
}

// at locates a page by its index.
func at(i int) func([]*record) int { return func([]*record) int { return i } }

// positioned reads order, limit and offset.
func (c *call) positioned() (o order, limit, from int, err error) {
	o, limit, err = c.sorted("id", "limit")
	if err == nil {
		err = c.integer("offset", &from, 0, 1<<40)
	}
	return o, limit, from, err
}

func (c *call) offset() {
	o, limit, from, err := c.positioned()
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: o, limit: limit, locate: at(from)})
	if !ok {
		return
	}
	c.reply(http.StatusOK, object{
		{"items", p.recs}, {"offset", from}, {"limit", p.limit}, {"total", c.total(p)},
		{"remaining", c.left(p)}, {"has_more", c.more(p)}, {"done", c.done(p)},
	})
}

// sorted reads order and page size.
func (c *call) sorted(byDefault, limitName string) (order, int, error) {
	o, err := c.order(byDefault)
	if err != nil {
		return o, 0, err
	}
	limit, err := c.limit(limitName, 100)
	return o, limit, err
}

func (c *call) numbered() {
	o, limit, err := c.sorted("id", "per_page")
	first := 1
	if err == nil {
		err = c.integer("first_page", &first, 0, 1)
	}
	n := first
	if err == nil {
		err = c.integer("page", &n, first, 1<<30)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	limit = c.lowered(limit)
	p, ok := c.list(listing{order: o, limit: limit, locate: at((n - first) * limit), blanks: true})
	if !ok {
		return
	}
	c.reply(http.StatusOK, object{
		{"page", n}, {"per_page", p.limit}, {"total_pages", c.pages(p)}, {"total", c.total(p)},
		{"last", c.done(p)}, {"items", p.recs},
	})
}

func (c *call) ranged() {
	o, limit, from, err := c.positioned()
	if h := c.r.Header.Get("Range"); h != "" && err == nil {
		from, limit, err = parseRange(h, c.api.opt.PageMax)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: o, limit: limit, locate: at(from)})
	if !ok {
		return
	}
	total := "*"
	if v := c.total(p); c.param("count") != "none" && v != nil && v != (absent{}) {
		total = fmt.Sprint(v)
	}
	h := c.w.Header()
	h.Set("Range-Unit", "items")
	if len(p.recs) == 0 {
		h.Set("Content-Range", "*/"+total)
		if from > len(p.view) {
			c.problem(http.StatusRequestedRangeNotSatisfiable, "an offset of "+strconv.Itoa(from)+" was requested, but there are only "+strconv.Itoa(len(p.view))+" rows")
			return
		}
	} else {
		h.Set("Content-Range", fmt.Sprintf("%d-%d/%s", p.start, p.start+len(p.recs)-1, total))
	}
	status := http.StatusPartialContent
	if len(p.recs) == len(p.view) {
		status = http.StatusOK
	}
	c.reply(status, p.recs)
}

// parseRange reads "0-99", "items=0-99" or "100-".
func parseRange(h string, most int) (from, limit int, err error) {
	h = h[strings.IndexByte(h, '=')+1:]
	a, b, ok := strings.Cut(h, "-")
	from, err = strconv.Atoi(a)
	if err != nil || !ok || from < 0 {
		return 0, 0, fmt.Errorf("range: %q is not of the form 0-99", h)
	}
	if b == "" {
		return from, most, nil
	}
	to, err := strconv.Atoi(b)
	if err != nil || to < from {
		return 0, 0, fmt.Errorf("range: %q is not of the form 0-99", h)
	}
	return from, min(to-from+1, most), nil
}

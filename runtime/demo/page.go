package demo

import (
	"fmt"
	"net/http"
)

// listing says which page of which records a request wants.
type listing struct {
	order  order
	source func() []*record         // nil: every record of the world, in order
	keep   func(*record) bool       // nil: all
	limit  int                      // page size asked for
	locate func(view []*record) int // index of the page's first record
	blanks bool                     // page numbers: an empty page pushes the others back
	stay   bool                     // the listing is a snapshot: records do not change under it
}

// page is what a request gets.
type page struct {
	order  order
	view   []*record // the whole listing
	recs   []*record // the page's records
	start  int       // index of the first in view
	end    int       // index behind the last in view; the next page begins there
	limit  int       // page size in force
	number int       // from 1
	empty  bool      // a page without records in the middle, by a fault
}

// last reports whether nothing is to come.
func (p *page) last() bool { return p.end >= len(p.view) }

// list finds the page, lets the faults strike and sets the headers X-Total-Count and X-Remaining. It
// returns false when the answer is already sent.
func (c *call) list(l listing) (*page, bool) {
	filters, err := c.filters()
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return nil, false
	}
	if l.keep != nil {
		filters = append(filters, l.keep)
	}
	p := c.find(l, filters)
	if !l.stay && c.change(p) {
		p = c.find(l, filters)
	}
	if !c.gate(p.number, p.start+p.limit >= len(p.view)) {
		return nil, false
	}
	if v, ok := c.strikes("cap"); ok {
		most := atoi(v, 1000)
		if p.start+p.limit > most {
			c.problem(http.StatusBadRequest, fmt.Sprintf("offset + limit must not exceed %d", most))
			return nil, false
		}
	}
	c.bend(l, p)
	c.world.log.add(&c.world.log.s.Records, len(p.recs))
	for _, r := range p.recs {
		c.bytes += len(r.raw) + 1
	}
	for name, v := range map[string]any{"X-Total-Count": c.total(p), "X-Remaining": c.left(p)} {
		if _, out := v.(absent); !out && v != nil {
			c.w.Header().Set(name, fmt.Sprint(v))
		}
	}
	return p, true
}

// find reads the view and cuts the page out, faults aside.
func (c *call) find(l listing, filters []func(*record) bool) *page {
	p := &page{order: l.order, limit: c.lowered(l.limit)}
	if l.source != nil {
		p.view = l.source()
	} else {
		p.view = c.set.view(l.order)
	}
	if len(filters) > 0 {
		var kept []*record
		for _, r := range p.view {
			if all(filters, r) {
				kept = append(kept, r)
			}
		}
		p.view = kept
	}
	p.start = max(l.locate(p.view), 0)
	p.number = (p.start+p.limit-1)/p.limit + 1
	p.end = min(p.start+p.limit, len(p.view))
	p.start = min(p.start, len(p.view))
	p.recs = p.view[p.start:p.end]
	return p
}

// filters reads the parameters that every listing understands: type, updated_since (inclusive),
// updated_after (exclusive).
func (c *call) filters() ([]func(*record) bool, error) {
	var out []func(*record) bool
	if kind := c.param("type"); kind != "" {
		out = append(out, func(r *record) bool { return r.kind == kind })
	}
	since, ok, err := c.moment("updated_since")
	if err != nil {
		return nil, err
	}
	if ok {
		out = append(out, func(r *record) bool { return r.updated >= since })
	}
	after, ok, err := c.moment("updated_after")
	if err != nil {
		return nil, err
	}
	if ok {
		out = append(out, func(r *record) bool { return r.updated > after })
	}
	return out, nil
}

// change lets records change before the page is read, and reports whether any did.
func (c *call) change(p *page) bool {
	done := false
	for _, f := range c.faults {
		if f.kind.Stage != stageChange || !f.at(p.number, c.number, p.last()) || !c.world.strike(f, c.r.URL.Path, p.number) {
			continue
		}
		done = true
		n := min(atoi(f.value, 1), 10_000)
		if f.name == "insert" {
			c.set.insert(n)
			continue
		}
		var ids []int64
		for _, r := range p.view[:min(n, len(p.view))] {
			ids = append(ids, r.id)
		}
		c.set.modify(ids, f.name == "delete")
	}
	return done
}

// bend applies the faults that change which records the page holds.
func (c *call) bend(l listing, p *page) {
	if _, ok := c.strikes("clamp"); ok && p.start >= len(p.view) && len(p.view) > 0 {
		p.start = (len(p.view) - 1) / p.limit * p.limit
		p.end = len(p.view)
		p.recs = p.view[p.start:]
	}
	if l.blanks {
		c.blank(p)
	} else if _, ok := c.strikes("empty"); ok {
		p.recs, p.end, p.empty = nil, p.start, true
	}
	if _, ok := c.strikes("short"); ok && len(p.recs) > 1 && !l.blanks {
		p.recs = p.recs[:len(p.recs)/2]
		p.end = p.start + len(p.recs)
	}
	if _, ok := c.strikes("same"); ok && p.start > 0 {
		from := max(p.start-p.limit, 0)
		p.recs = p.view[from:p.start]
	}
}

// blank makes room for empty pages among numbered ones: page N is empty and what it held is on
// page N+1. It concerns faults that name one page.
func (c *call) blank(p *page) {
	pushed := 0
	for _, f := range c.faults {
		if f.name != "empty" || f.from == 0 || f.from != f.to {
			continue
		}
		if f.from == p.number {
			p.recs, p.empty = nil, true
		} else if f.from < p.number {
			pushed++
		}
	}
	if p.empty || pushed == 0 {
		return
	}
	p.start = min(max(p.number-1-pushed, 0)*p.limit, len(p.view))
	p.end = min(p.start+p.limit, len(p.view))
	p.recs = p.view[p.start:p.end]
}

// lowered is a page size under the fault max.
func (c *call) lowered(limit int) int {
	if f := c.declared("max"); f != nil {
		return min(limit, atoi(f.value, 50))
	}
	return limit
}

// declared returns the fault of that name wherever it strikes, or nil.
func (c *call) declared(name string) *fault {
	for _, f := range c.faults {
		if f.name == name {
			return f
		}
	}
	return nil
}

func all(filters []func(*record) bool, r *record) bool {
	for _, f := range filters {
		if !f(r) {
			return false
		}
	}
	return true
}

// atoi reads a fault's value, or takes the one that holds without.
func atoi(s string, byDefault int) int {
	n := 0
	if s == "" {
		return byDefault
	}
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || n < 1 {
		return byDefault
	}
	return n
}

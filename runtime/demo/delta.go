package demo

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

var deltaEndpoints = []endpoint{
	{Method: "GET", Path: "/delta", Group: groupLink, Example: "/delta?$top=50",
		Doc: "Graph style: value, @odata.nextLink on every page but the last, @odata.deltaLink on the last: the next walk starts there and brings what changed since, deleted ones as {\"id\",\"@removed\"}. @odata.count is on the first page only. Dead links (ttl, expire) are answered 410 SyncStateNotFound.", serve: (*call).delta},
}

// deltaState is what the links carry: the walk lists changes after since, is behind after, and began
// when the newest change was from.
type deltaState struct{ since, from, after int64 }

func (d deltaState) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%d/%d", d.since, d.from, d.after))
}

func parseDelta(s string) (deltaState, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	parts := strings.Split(string(b), "/")
	if err != nil || len(parts) != 3 {
		return deltaState{}, false
	}
	var n [3]int64
	for i, p := range parts {
		if n[i], err = strconv.ParseInt(p, 10, 64); err != nil {
			return deltaState{}, false
		}
	}
	return deltaState{n[0], n[1], n[2]}, true
}

func (c *call) delta() {
	limit, err := c.limit("$top", 100)
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	d := deltaState{since: -1, from: -1}
	for _, name := range []string{"$skiptoken", "$deltatoken"} {
		v := c.param(name)
		if v == "" {
			continue
		}
		var ok bool
		if d, ok = parseDelta(v); !ok {
			c.gone()
			return
		}
		if !c.fresh(v) {
			return
		}
		if name == "$deltatoken" {
			d = deltaState{since: d.from, from: -1, after: d.from}
		}
	}
	o := order{field: "update_id"}
	var gone map[int64]bool
	p, ok := c.list(listing{order: o, limit: limit, source: func() []*record {
		live, dead, now := c.set.changes(d.since)
		if d.from < 0 {
			d.from = now
		}
		if d.since < 0 {
			return live
		}
		gone = map[int64]bool{}
		for _, r := range dead {
			gone[r.id] = true
		}
		both := slices.Concat(live, dead)
		slices.SortFunc(both, o.compare)
		return both
	}, locate: func(v []*record) int { return o.after(v, d.after, 1<<62) }})
	if !ok {
		return
	}
	value := make([]any, len(p.recs))
	for i, r := range p.recs {
		value[i] = r.raw
		if gone[r.id] {
			value[i] = object{{"id", r.id}, {"@removed", object{{"reason", "deleted"}}}}
		}
	}
	var count any = absent{}
	if p.start == 0 {
		count = c.total(p)
	}
	turn := func(name string) func(int) map[string]any {
		return func(i int) map[string]any {
			n := d
			if i > 0 {
				n.after = o.key(p.view[min(i, len(p.view))-1])
			} else {
				n.after = d.since
			}
			c.world.note(n.String())
			out := map[string]any{"$skiptoken": nil, "$deltatoken": nil}
			out[name] = n
			return out
		}
	}
	var link any = absent{}
	if p.last() && !p.empty {
		link = c.link(turn("$deltatoken")(0))
	}
	c.reply(http.StatusOK, object{
		{"@odata.context", c.origin() + c.prefix + "/$metadata#indicators"}, {"@odata.count", count},
		{"value", value}, {"@odata.nextLink", c.onward(p, "", turn("$skiptoken"))}, {"@odata.deltaLink", link},
	})
}

// fresh checks the age of a link's token; it answers itself and returns false for a dead one.
func (c *call) fresh(token string) bool {
	ttl, err := c.duration("ttl")
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return false
	}
	c.sent = token
	w := c.world
	w.mu.Lock()
	t := w.tokens[token]
	old := t != nil && t.dead || ttl > 0 && (t == nil || w.api.now().Sub(t.at) > ttl)
	w.mu.Unlock()
	if old {
		c.gone()
	}
	return !old
}

func (c *call) gone() {
	c.world.log.add(&c.world.log.s.Refused, 1)
	c.reply(http.StatusGone, object{{"error", object{{"code", "SyncStateNotFound"},
		{"message", "The sync state generation is not found; continuing from the token is not possible"}}}})
}

// note remembers when a token was given out.
func (w *World) note(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	makeRoom(w.tokens, maxKept)
	t := w.tokens[token]
	w.tokens[token] = &issued{at: w.api.now(), dead: t != nil && t.dead}
}

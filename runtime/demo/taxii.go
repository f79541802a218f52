package demo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const groupThreat = "Threat intelligence vendors"

const (
	taxiiType    = "application/taxii+json;version=2.1"
	collectionID = "a5cffbfe-c0ff-4842-a235-cb3a7a040a37"
)

var taxiiEndpoints = []endpoint{
	{Method: "GET", Path: "/taxii2/{$}", Group: groupThreat, Example: "/taxii2/", Doc: "TAXII 2.1 discovery", serve: (*call).discovery},
	{Method: "GET", Path: "/taxii2/api/collections/{$}", Group: groupThreat, Example: "/taxii2/api/collections/", Doc: "TAXII 2.1 collections", serve: (*call).collections},
	{Method: "GET", Path: "/taxii2/api/collections/{collection}/objects/{$}", Group: groupThreat, Example: "-i '/taxii2/api/collections/" + collectionID + "/objects/?limit=50'",
		Doc: "TAXII 2.1 objects by date added (field updated): more, next (with a space and a bar in it), objects; headers X-TAXII-Date-Added-First and -Last unless the page is empty; an empty result is {}. added_after filters (inclusive=1 as some servers do), method=time leaves next out.", serve: (*call).taxii},
}

func (c *call) discovery() {
	if c.gate(c.number, false) {
		c.send(http.StatusOK, taxiiType, appendJSON(nil, object{{"title", "Demo TAXII server"}, {"api_roots", []string{c.origin() + c.prefix + "/taxii2/api/"}}}))
	}
}

func (c *call) collections() {
	if c.gate(c.number, false) {
		c.send(http.StatusOK, taxiiType, appendJSON(nil, object{{"collections", []object{{
			{"id", collectionID}, {"title", "Indicators"}, {"can_read", true}, {"can_write", false}, {"media_types", []string{taxiiType}}}}}}))
	}
}

func (c *call) taxii() {
	if c.r.PathValue("collection") != collectionID {
		c.problem(http.StatusNotFound, "no such collection")
		return
	}
	o := order{field: "updated"}
	limit, err := c.limit("limit", 100)
	var added int64
	var given bool
	if err == nil {
		added, given, err = c.moment("added_after")
	}
	from := placeAt(o, nil, 0)
	if v := c.param("next"); v != "" && err == nil {
		from, err = parseTaxiiNext(v)
		if !c.fresh(v) {
			return
		}
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	inclusive := c.param("inclusive") != ""
	p, ok := c.list(listing{order: o, limit: limit,
		keep: func(r *record) bool {
			return !given || r.updated > added || inclusive && r.updated == added
		},
		locate: func(v []*record) int { return o.after(v, from.key, from.id) },
	})
	if !ok {
		return
	}
	h := c.w.Header()
	if n := len(p.recs); n > 0 {
		h.Set("X-TAXII-Date-Added-First", taxiiTime(p.recs[0].updated))
		h.Set("X-TAXII-Date-Added-Last", taxiiTime(p.recs[n-1].updated))
	} else if p.last() {
		c.send(http.StatusOK, taxiiType, []byte("{}"))
		return
	}
	var next any = absent{}
	if c.param("method") != "time" {
		next = c.taxiiNext(p)
	}
	c.send(http.StatusOK, taxiiType, appendJSON(nil, object{{"more", c.more(p)}, {"next", next}, {"objects", p.recs}}))
}

func taxiiTime(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// taxiiNext is a token such as "2026-01-15 10:30:45.000123|12345".
func (c *call) taxiiNext(p *page) any {
	if v, ok := c.strikes("lost"); ok && !p.last() {
		return nothing(v)
	}
	target := p.end
	if v, ok := c.strikes("cycle"); ok {
		target = max(p.start-(atoi(v, 1)-1)*p.limit, 0)
	} else if p.last() && !p.empty {
		return nothing(c.param("end"))
	}
	at := placeAt(p.order, p.view, target)
	t := time.UnixMicro(at.key).UTC().Format("2006-01-02 15:04:05.000000") + "|" + strconv.FormatInt(at.id, 10)
	if p.empty {
		t += "|" + strconv.FormatInt(c.world.serial(), 10)
	}
	c.world.note(t)
	return t
}

func parseTaxiiNext(s string) (place, error) {
	parts := strings.Split(s, "|")
	if len(parts) >= 2 {
		at, err := time.Parse("2006-01-02 15:04:05.999999", parts[0])
		id, bad := strconv.ParseInt(parts[1], 10, 64)
		if err == nil && bad == nil {
			return place{key: at.UnixMicro(), id: id}, nil
		}
	}
	return place{}, fmt.Errorf("next: %q is not one of ours", s)
}

package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestAnEmptyPageInMidWalk: a page that came empty while the total says more is asked for by the next run,
// and each record comes once, with a key and without.
func TestAnEmptyPageInMidWalk(t *testing.T) {
	for _, pages := range []string{"{type: offset, send: query.o, limit: {send: query.l, value: 2}, step: limit, total: body.total}",
		"{type: page, send: query.p, limit: {send: query.l, value: 2}, total: body.total}",
		"{type: page, send: query.p, limit: {send: query.l, value: 2}, total: body.total, parallel: 3}"} {
		for _, key := range []string{"", ", key: id"} {
			healthy := false
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at, _ := strconv.Atoi(q.FormValue("o"))
				if p, err := strconv.Atoi(q.FormValue("p")); err == nil {
					at = (p - 1) * 2
				}
				var items []string
				for i := at; i < min(at+2, 9) && (at != 4 || healthy); i++ {
					items = append(items, fmt.Sprintf(`{"id":%d}`, i))
				}
				fmt.Fprintf(w, `{"items":[%s],"total":9}`, strings.Join(items, ","))
			}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items"+key+"}\n    pagination: "+pages+"\n")
			for range 3 {
				want(t, r.run(), "incomplete short_of_total")
			}
			healthy = true
			want(t, r.run(), "complete")
			got := r.ids("items", "id")
			slices.Sort(got)
			if strings.Join(got, " ") != "0 1 2 3 4 5 6 7 8" {
				t.Errorf("%s%s: records %v", pages, key, got)
			}
		}
	}
}

// TestFlagsInHeaders: a header has but text, so that the texts 1 and 0 are flags there.
func TestFlagsInHeaders(t *testing.T) {
	for _, c := range []struct{ flag, on, off string }{{"more: header.X-Flag", "1", "0"}, {"done: header.X-Flag", "0", "1"}, {"more: header.X-Flag", "true", "0"}} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			p, _ := strconv.Atoi(q.FormValue("p"))
			w.Header().Set("X-Flag", c.on)
			if p == 3 {
				w.Header().Set("X-Flag", c.off)
			}
			fmt.Fprintf(w, `{"items":[{"id":%d}]}`, p)
		}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items}\n    pagination: {type: page, send: query.p, decides: "+c.flag[:4]+", "+c.flag+"}\n")
		want(t, r.run(), "complete")
		if got := r.ids("items", "id"); len(got) != 3 {
			t.Errorf("%s: records %v", c.flag, got)
		}
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, `{"items":[{"id":1}],"more":"1"}`) },
		"streams:\n  items:\n    request: {path: /}\n    records: {path: items}\n    pagination: {type: page, send: query.p, more: body.more}\n")
	want(t, r.run(), "failed witness_malformed")
}

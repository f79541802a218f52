package runtime_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

const fullWindow = `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: 2026-01-01, to: "2026-01-01T01:00:00Z", every: 1h%s}}]
    chains: {concurrency: 2}
    records: {path: items%s}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}%s}
`

// TestWindowTooFullIsTriedAgain runs again after a window was too full: with nothing changed, with less in
// it, with a shorter min, with a key. What was delivered comes again in none of them, and the true reason
// is given.
func TestWindowTooFullIsTriedAgain(t *testing.T) {
	const (
		total  = ", total: body.total"
		cap9   = ", cap: 9"
		hour   = ", min: 1h"
		key    = ", key: id"
		tooMin = "cannot be cut below 1h0m0s"
		tooKey = "no key (records.key)"
	)
	for _, c := range []struct {
		name                string
		window, key, paging string // of the first run
		why, try            string
		newWindow, newKey   string // of the next ones
		left                int    // records that the API has by then, of 40
		verdict, newWhy     string
		requests, records   int // requests 0: not counted
	}{
		{"nothing changed", hour, key, total + cap9, tooMin, "smaller `min`", hour, key, 40, "truncated", tooMin, 1, 9},
		{"nothing changed, no total", hour, key, cap9, tooMin, "smaller `min`", hour, key, 40, "truncated", tooMin, 3, 9},
		{"nothing changed, no key", "", "", cap9, tooKey, "`records.key`", "", "", 40, "truncated", tooKey, 3, 9},
		{"nothing changed, split_over", hour + ", split_over: 30", key, total, tooMin, "smaller `min`", hour + ", split_over: 30", key, 40, "truncated", tooMin, 1, 40},
		{"it fits now", hour, key, total + cap9, tooMin, "", hour, key, 7, "complete", "", 3, 9},
		{"it fits now, no total", hour, key, cap9, tooMin, "", hour, key, 7, "complete", "", 4, 9},
		{"it fits now, no key", "", "", cap9, tooKey, "", "", "", 7, "complete", "", 4, 9},
		{"it fits now, split_over", hour + ", split_over: 30", key, total, tooMin, "", hour + ", split_over: 30", key, 20, "complete", "", 7, 40},
		{"a shorter min", hour, key, total + cap9, tooMin, "", "", key, 40, "complete", "", 0, 40},
		{"a shorter min, no total", hour, key, cap9, tooMin, "", "", key, 40, "complete", "", 0, 40},
		{"a shorter min, and no key", hour, "", total + cap9, tooMin, "", "", "", 40, "truncated", tooKey, 1, 9},
		{"a shorter min, split_over", hour + ", split_over: 30", key, total, tooMin, "", ", split_over: 30", key, 40, "complete", "", 0, 40},
		{"a key", "", "", cap9, tooKey, "", "", key, 40, "complete", "", 0, 40},
		{"a key and a shorter min", hour, "", total + cap9, tooMin, "", "", key, 40, "complete", "", 0, 40},
		{"a key, too long a min", "", "", cap9, tooKey, "", hour, key, 40, "truncated", tooMin, 3, 9},
	} {
		for _, pages := range []int64{0, 1, 2} { // and with a run in between that is cut short
			t.Run(fmt.Sprintf("%s, %d pages", c.name, pages), func(t *testing.T) {
				most := 40
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					from, _ := time.Parse(time.RFC3339, q.URL.Query().Get("from"))
					to, _ := time.Parse(time.RFC3339, q.URL.Query().Get("to"))
					off, _ := strconv.Atoi(q.URL.Query().Get("offset"))
					first, past := from.Minute(), to.Minute() // one a minute
					if to.Minute() == 0 {
						past = 60
					}
					past = max(first, min(past, most))
					answer(w, `{"items":%s,"total":%d}`, items(first+off+1, min(first+off+3, past)), past-first)
				}, fmt.Sprintf(fullWindow, c.window, c.key, c.paging))
				rep := r.run()
				want(t, rep, "truncated "+runtime.CodeWindow)
				if !strings.Contains(rep.Message, c.why) || !strings.Contains(rep.Message, c.try) {
					t.Error(rep.Message)
				}
				most = c.left
				r.write(fmt.Sprintf(fullWindow, c.newWindow, c.newKey, c.paging))
				if pages > 0 {
					r.run(func(j *runtime.Job) { j.MaxPages = pages })
				}
				for range 2 {
					before := r.requests()
					if rep = r.run(); rep.Verdict != c.verdict || !strings.Contains(rep.Message, c.newWhy) {
						t.Error(rep.Message)
					}
					if n := r.requests() - before; pages == 0 && c.requests > 0 && n != c.requests {
						t.Errorf("%d requests, want %d: %v", n, c.requests, r.asked)
					}
					if r.count("s", "id", c.records); rep.Verdict == runtime.Complete {
						break // what follows is a new walk
					}
				}
			})
		}
	}
}

// TestCursorWindowIsTriedAgain reads a window by tokens once more, whose pages it has had: it is complete
// when it fits, and nothing comes twice.
func TestCursorWindowIsTriedAgain(t *testing.T) {
	n := 8
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		off, _ := strconv.Atoi(q.URL.Query().Get("c"))
		next := "null"
		if off+2 < n {
			next = strconv.Itoa(off + 2)
		}
		answer(w, `{"items":%s,"total":%d,"next":%s}`, items(off+1, min(off+2, n)), n, next)
	}, `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}"}}
    partitions: [{window: {from: 2026-01-01, to: 2026-01-02, every: 1d, min: 1d, split_over: 6}}]
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.c, total: body.total}
`)
	want(t, r.run(), "truncated "+runtime.CodeWindow)
	want(t, r.run(), "truncated "+runtime.CodeWindow)
	if r.requests() != 5 {
		t.Errorf("asked %v", r.asked)
	}
	n = 6
	want(t, r.run(), "complete")
	r.count("s", "id", 8)
}

// TestFullWindowWithoutKeysIsCounted reads a window that is too full again and again, by every pattern that
// has one, cut short in between or not: what was delivered has no keys, is counted, and does not come twice.
func TestFullWindowWithoutKeysIsCounted(t *testing.T) {
	for _, paging := range []string{
		"type: offset, send: query.at, cap: 9", "type: page, start: 0, send: query.at, cap: 9",
		"type: cursor, next: body.next, send: query.at, total: body.total", "type: search_after, next: last.id, send: query.at, total: body.total",
	} {
		for _, stop := range []func(*runtime.Job){func(*runtime.Job) {}, func(j *runtime.Job) { j.MaxPages = 1 }, func(j *runtime.Job) { j.MaxRecords = 4 }} {
			over, delivered := ", split_over: 10", 12
			if strings.Contains(paging, "cap") {
				over, delivered = "", 9
			}
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at, _ := strconv.Atoi(q.FormValue("at"))
				if strings.Contains(paging, "page") {
					at *= 3
				}
				next := ""
				if at+3 < 12 {
					next = fmt.Sprintf(`,"next":"%d"`, at+3)
				}
				answer(w, `{"items":%s,"total":12%s}`, items(at+1, min(at+3, 12)), next)
			}, `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}"}}
    partitions: [{window: {from: 2026-01-01, to: 2026-01-02, min: 1d`+over+`}}]
    records: {path: items}
    pagination: {`+paging+`, limit: {send: query.limit, value: 3}}
`)
			for range 3 {
				want(t, r.run(), "truncated "+runtime.CodeWindow)
				r.count("s", "id", delivered)
				r.run(stop)
			}
		}
	}
}

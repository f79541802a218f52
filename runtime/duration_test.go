package runtime_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// TestWaitBeyondTheRunsTime: a wait that would outlast `limits.duration` or the run's own limit is not
// begun: the run is parked with the time to come back, and the next one goes on.
func TestWaitBeyondTheRunsTime(t *testing.T) {
	const limits = "    limits: {duration: 1m}\n"
	for _, c := range []struct {
		name, stream, hook string
		header             string // of a 429 on the second page
		status             int
		change             func(*runtime.Job)
	}{
		{name: "Retry-After", stream: limits, header: "90", status: 429},
		{name: "Retry-After of a 503", stream: limits, header: "90", status: 503},
		{name: "backoff", stream: limits + "    http: {retry: {initial: 90s, factor: 1, max: 90s, jitter: none}}\n", status: 503},
		{name: "the hook's wait", stream: limits, hook: "function next(page) { return page.body.next ? {token: page.body.next, wait: '90s'} : {end: 'x'} }\n"},
		{name: "the hook's wait, the run's limit", hook: "function next(page) { return page.body.next ? {token: page.body.next, wait: '90s'} : {end: 'x'} }\n",
			change: func(j *runtime.Job) { j.TimeLimit = time.Minute }},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused := false
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				switch {
				case q.FormValue("c") == "":
					fmt.Fprint(w, `{"items":[{"id":1}],"next":"2"}`)
				case c.status != 0 && !refused:
					refused = true
					if c.header != "" {
						w.Header().Set("Retry-After", c.header)
					}
					w.WriteHeader(c.status)
				default:
					fmt.Fprint(w, `{"items":[{"id":2}],"next":null}`)
				}
			}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items}\n"+
				"    pagination: {type: cursor, next: body.next, send: query.c}\n"+c.stream)
			if c.hook != "" {
				r.hookFile(c.hook, true)
			}
			if c.change == nil {
				c.change = func(*runtime.Job) {}
			}
			began := time.Now()
			first := r.run(c.change)
			want(t, first, "parked parked")
			until, err := time.Parse(time.RFC3339, first.Streams.Of("items").Until)
			if err != nil || until.Before(began.Add(80*time.Second)) {
				t.Errorf("until %q: %v", first.Streams.Of("items").Until, err)
			}
			want(t, r.run(), "complete")
			if got := r.ids("items", "id"); len(got) != 2 {
				t.Errorf("records %v", got)
			}
		})
	}
}

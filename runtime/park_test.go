package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// TestParkedPagesInFlight: a wait that is longer than allowed parks the run with pages in flight as it does
// with one at a time. What asks for the wait is asked once, and by the run that comes back.
func TestParkedPagesInFlight(t *testing.T) {
	for _, c := range []struct{ name, http, after string }{
		{"retry-after", "", "3600"},
		{"retry-after beyond max_wait", "retry: {attempts: 3, initial: 1ms, max_wait: 1s}", "2"},
		{"backoff beyond max_wait", "retry: {attempts: 3, initial: 3s, max: 5s, max_wait: 1s, jitter: none}", ""},
	} {
		for _, parallel := range []string{"", ", parallel: 3"} {
			t.Run(c.name+parallel, func(t *testing.T) {
				var busy atomic.Bool
				var asked atomic.Int64
				busy.Store(true)
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					at := q.URL.Query().Get("offset")
					if at == "10" {
						asked.Add(1)
						if busy.Load() {
							if c.after != "" {
								w.Header().Set("Retry-After", c.after)
							}
							w.WriteHeader(http.StatusServiceUnavailable)
							return
						}
					}
					var from int
					fmt.Sscan(at, &from)
					answer(w, `{"total":25,"items":%s}`, items(from+1, from+5))
				}, fmt.Sprintf(`
streams:
  s:
    request: {path: /items}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {value: 5}, total: body.total%s}
    http: {%s}
`, parallel, c.http))
				rep := r.run()
				want(t, rep, "parked parked")
				if n := asked.Load(); n != 1 || rep.Until == "" || rep.Streams[0].Pages != 2 {
					t.Errorf("the page was asked for %d times; %d pages, until %s", n, rep.Streams[0].Pages, rep.Until)
				}
				busy.Store(false)
				want(t, r.run(), "complete")
				r.count("s", "id", 25)
			})
		}
	}
}

// TestParkedDetails: a wait that is longer than allowed parks the run, also where details ask for it, and
// the page comes whole when the run comes back.
func TestParkedDetails(t *testing.T) {
	for name, busy := range map[string]func(w http.ResponseWriter){
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"503": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"rule":     func(w http.ResponseWriter) { answer(w, `{"busy":3600}`) },
		"throttle": func(w http.ResponseWriter) { w.Header().Set("X-Left", "0"); answer(w, `{"r":[{"id":15}]}`) },
	} {
		for _, parallel := range []string{"", ", parallel: 3"} {
			t.Run(name+parallel, func(t *testing.T) {
				var on atomic.Bool
				on.Store(true)
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					id, ok := strings.CutPrefix(q.URL.Path, "/things/")
					var from int
					switch fmt.Sscan(q.URL.Query().Get("offset"), &from); {
					case ok && id == "15" && on.Load():
						busy(w)
					case ok:
						answer(w, `{"r":[{"id":%s}]}`, id)
					default:
						answer(w, `{"total":30,"items":%s}`, items(from+1, from+10))
					}
				}, fmt.Sprintf(`
streams:
  s:
    request: {path: /items}
    records: {path: items}
    details: {request: {path: "/things/${ids}"}, id: id, batch: 1, records: {path: r, key: id}}
    pagination: {type: offset, send: query.offset, limit: {value: 10}, total: body.total%s}
    http:
      throttle: {remaining: header.X-Left, reset: "${'3600'}", unit: seconds}
      responses: [{when: "${body.busy > 0}", is: rate_limited, wait: body.busy}]
`, parallel))
				rep := r.run()
				want(t, rep, "parked parked")
				if until, err := time.Parse(time.RFC3339, rep.Until); err != nil || until.Before(time.Now().Add(time.Minute)) {
					t.Errorf("to come back at %s", rep.Until)
				}
				on.Store(false)
				want(t, r.run(), "complete")
				r.count("s", "id", 30)
			})
		}
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/things" {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer(w, `[{"id":1}]`)
	}, `
streams:
  s:
    request: {path: /items}
    details: {request: {path: /things, query: {id: "${ids}"}}, id: id, batch: 1, records: {path: $}}
    pagination: {type: none}
`)
	rep := r.run(func(j *runtime.Job) { j.TimeLimit = 30 * time.Second })
	want(t, rep, "parked parked")
}

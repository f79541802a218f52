package runtime_test

import (
	"net/http"
	"testing"
	"time"
)

// A token of an earlier run is as old as the server's clock says, once an answer has told it: here the
// first chain's, after our clock was put forward or back between the runs.
func TestTokenLifeByServerClock(t *testing.T) {
	for _, c := range []struct {
		name          string
		ours, servers time.Duration // that pass between the runs
		sent          int           // requests with the second chain's token
	}{
		{"ours was put forward", time.Hour, 10 * time.Second, 1},
		{"ours was put back", 10 * time.Second, time.Hour, 0},
		{"both are old", time.Hour, time.Hour, 0},
		{"both are young", 10 * time.Second, 10 * time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock, servers := newFakeClock(), newFakeClock()
			servers.advance(3 * time.Minute) // they never agree
			down := true
			page := cursorAPI(25, 10, nil)
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Date", servers.Now().Format(http.TimeFormat))
				v := q.URL.Query()
				if down && v.Get("cursor") != "" {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				page(w, q)
			}, `
streams:
  s:
    partitions: [{values: {p: [0, 1]}}]
    request: {path: /, query: {p: "${partition.p}"}}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: query.cursor, token: {ttl: 100s}, fallback: {type: offset, send: query.offset}}
    chains: {concurrency: 1, on_error: continue}
`)
			r.job.Clock = clock
			want(t, r.run(), "failed http_400")
			down = false
			clock.advance(c.ours)
			servers.advance(c.servers)
			n := r.requests()
			want(t, r.run(), "complete")
			sent := 0
			for _, q := range r.asked[n:] {
				if q == "GET /?p=1&cursor=10" {
					sent++
				}
			}
			if sent != c.sent {
				t.Errorf("the second chain's token was sent %d times, want %d: %v", sent, c.sent, r.asked[n:])
			}
		})
	}
}

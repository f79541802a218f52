package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRecordsBetweenWindows: an API whose windows hold both ends gives a record in two of them. It is
// delivered once, unless it was changed between the two requests.
func TestRecordsBetweenWindows(t *testing.T) {
	const streams = `
streams:
  a:
    request: {path: /a, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: "1970-01-01T00:00:00Z", to: "1970-01-01T00:00:40Z", every: 10s, format: epoch%s}}]
    chains: {concurrency: %d}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 3}, total: body.total}
`
	for _, c := range []struct {
		name, window string
		side         int
		changes      bool
		want         int
	}{
		{"one after the other", "", 1, false, 21},
		{"side by side", "", 4, false, 21},
		{"cut in halves", ", split_over: 4", 1, false, 21},
		{"changed meanwhile", "", 1, true, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				n := asked.Add(1)
				at := func(name string) int { n, _ := strconv.Atoi(q.URL.Query().Get(name)); return n }
				var items []string
				version := 0
				if c.changes {
					version = int(n)
				}
				for id := at("from"); id <= at("to"); id++ {
					if id%2 == 0 { // one record in two seconds: 0, 2, … 40
						items = append(items, fmt.Sprintf(`{"id":%d,"version":%d}`, id, version))
					}
				}
				page := items[min(at("o"), len(items)):min(at("o")+3, len(items))]
				fmt.Fprintf(w, `{"items":[%s],"total":%d}`, strings.Join(page, ","), len(items))
			}, fmt.Sprintf(streams, c.window, c.side))
			rep := r.run()
			want(t, rep, "complete")
			ids := r.ids("a", "id")
			s := rep.Streams[0]
			if len(ids) != c.want || s.Attested != "proved" || strings.Contains(s.Message, "in this run") {
				t.Errorf("%d records, want %d: %s", len(ids), c.want, s.Message)
			}
			slices.Sort(ids)
			if n := len(slices.Compact(ids)); n != 21 {
				t.Errorf("%d things, want 21", n)
			}
			if s.Received-s.Duplicates != s.Records {
				t.Errorf("%d received, %d duplicates, %d delivered", s.Received, s.Duplicates, s.Records)
			}
		})
	}
}
